"""A model as ONNX: what known formats are compiled to, run by onnxruntime on one thread."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_engines.deployment.formats import NO_TELEMETRY
from kd_engines.deployment.formats.columns import Columns

KINDS: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


class UnknownShape(Exception):
    """A model whose input is neither a table nor one tensor a column; says what it has."""


@dataclass(frozen=True)
class Take:
    """Which part of an output is the prediction of a row.

    ``part`` is "row" (a list), "value" (of one a row) or "last" (of several); ``kind`` is the
    numpy kind of the value ("f", "i", "b", "U"; "" leaves it as it is).
    """

    output: str
    part: str
    kind: str = ""

    def values(self, output: Any) -> list[Any]:
        """Return the predictions, one a row, as plain Python values."""
        if isinstance(output, list):  # of a ZipMap: a dict a row
            return output
        values = self.array(output)
        if self.kind == "b":
            return [bool(value) for value in values]
        if self.kind == "f" and values.dtype.kind in "iu":
            return [float(value) for value in values]
        plain: list[Any] = values.tolist()
        return plain

    def array(self, output: NDArray[Any]) -> NDArray[Any]:
        """Return the part of an output as an array, one element a row."""
        if self.part == "row" or output.ndim < 2:
            return output
        flat = output.reshape(len(output), -1)
        return flat[:, -1] if self.part == "last" else flat[:, 0]


class OnnxModel:
    """An ONNX model, ready to predict."""

    def __init__(
        self, content: bytes | str, columns: Columns | None, takes: Sequence[Take]
    ) -> None:
        """Load ``content``, the model's bytes or its path.

        Several ``takes`` are a mapping with an entry an output; none are all outputs.
        """
        os.environ.setdefault(NO_TELEMETRY, "1")
        import onnxruntime  # an extra: models can be served by their own libraries

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A model in memory is small, and may be one of a thousand: no megabyte of its own to spare.
        options.enable_cpu_mem_arena = not isinstance(content, bytes)
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        self._session._model_bytes = None  # kept for other providers, and as large as the session
        inputs = self._session.get_inputs()
        self._inputs = [(one.name, KINDS.get(one.type, np.object_)) for one in inputs]
        wrong = [f"{one.name!r} of {one.type}" for one in inputs if one.type not in KINDS]
        shape = inputs[0].shape if inputs else []
        if wrong or not inputs or (len(inputs) == 1 and len(shape) != 2):
            told = ", ".join(wrong) or f"an input of shape {shape}"
            raise UnknownShape(f"it has {told}; a scoring script can prepare that")
        self.columns = columns or _columns(inputs)
        self.takes = list(takes) or [
            Take(one.name, "value" if len(one.shape) < 2 or one.shape[-1] == 1 else "row")
            for one in self._session.get_outputs()
        ]
        self._outputs = [take.output for take in self.takes]
        self._is_table = len(inputs) == 1
        self.batches = True  # several rows may be predicted at once
        self._kind: type[np.generic] = self._inputs[0][1]

    def outputs(self, matrix: NDArray[Any]) -> dict[str, Any]:
        """Return all outputs for a matrix of numbers."""
        names = [one.name for one in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, self._fed(matrix)), strict=True))

    def values(self, rows: Sequence[Any]) -> list[Any]:
        """Return a prediction for each row of a request; raises WrongRow."""
        if len(rows) > 1 and not self.batches:
            return [value for row in rows for value in self.values([row])]
        if self._is_table:
            matrix = self.columns.matrix(rows, self._kind)
            found = self._session.run(self._outputs, {self._inputs[0][0]: matrix})
        else:
            found = self._session.run(self._outputs, self._by_column(rows))
        parts = [take.values(one) for take, one in zip(self.takes, found, strict=True)]
        if any(len(part) != len(rows) for part in parts):
            if len(rows) > 1:
                raise ValueError("the model returned another number of predictions than rows")
            parts = [[part] for part in parts]  # of one row: all of it
        if len(parts) == 1:
            return parts[0]
        return [dict(zip(self._outputs, row, strict=True)) for row in zip(*parts, strict=True)]

    def row_us(self, row: list[Any]) -> float | None:
        """Return the microseconds that a row takes, at best; None where it cannot be predicted."""
        best = float("inf")
        try:
            for _ in range(20):
                began = time.perf_counter()
                self.values([row])
                best = min(best, time.perf_counter() - began)
        except Exception:
            return None
        return 1e6 * best

    def see_that_it_batches(self) -> None:
        """Find out whether rows are predicted together as each is alone, on a few made ones."""
        width = self.columns.width
        rows = [[(7 * row + 3 * column) % 5 for column in range(width)] for row in range(3)]
        try:
            alone = [value for row in rows for value in self.values([row])]
            self.batches = repr(self.values(rows)) == repr(alone)
        except Exception:  # it does not take such rows, or not several
            self.batches = False

    def _fed(self, matrix: NDArray[Any]) -> dict[str, NDArray[Any]]:
        if self._is_table:
            return {self._inputs[0][0]: matrix.astype(self._kind)}
        return {
            name: matrix[:, [column]].astype(kind)
            for column, (name, kind) in enumerate(self._inputs)
        }

    def _by_column(self, rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
        table = self.columns.table(rows)
        fed = {}
        for column, (name, kind) in enumerate(self._inputs):
            values = [[row[column]] for row in table]
            if kind is np.object_:
                fed[name] = np.array(values, dtype=kind)
            else:
                one = Columns((name,), 1, self.columns.takes_missing)
                fed[name] = one.matrix(values, kind)
        return fed


def _columns(inputs: list[Any]) -> Columns:
    if len(inputs) > 1:
        return Columns(tuple(one.name for one in inputs), len(inputs))
    width = inputs[0].shape[1]
    if not isinstance(width, int):
        raise UnknownShape(
            "the number of its columns is not fixed; give the key 'example' an object with the "
            "model's columns"
        )
    return Columns((), width)
