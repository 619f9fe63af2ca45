"""Models of known formats, without a scoring script or with one that only prepares rows.

They are compiled to ONNX where that predicts what the original does. Else the original serves, and
why it is so is told.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from kd_engines.deployment.formats.columns import Columns, WrongRow
from kd_engines.deployment.formats.compiled import Compiled, NotEqual, compile_checked
from kd_engines.deployment.formats.onnx_file import onnx_parts
from kd_engines.deployment.formats.onnx_model import OnnxModel, UnknownShape
from kd_engines.deployment.formats.originals import CannotServe, Original, load, needed
from kd_engines.deployment.formats.ort_format import ort_format
from kd_engines.deployment.results import answer_of, reason_of
from kd_engines.deployment.rows import Rows, batches, rows_of
from kd_engines.deployment.wire import Answer, Ask, CompiledModel, Loaded
from kd_engines.deployment.worker.batching import Batching, late
from kd_pipeline.model_formats import ONNX, Known

LARGEST_SENT = 8 * 1024 * 1024  # bytes of a compiled model that the engine may serve itself
Prepare = Callable[[Any], Any]


class Model(Protocol):
    """What predicts rows as they were sent."""

    def values(self, rows: Sequence[Any]) -> list[Any]:
        """Return a prediction for each row; raises WrongRow."""


@dataclass(frozen=True)
class WithoutNull:
    """A compiled model that predicts as the original but where a value is missing."""

    compiled: OnnxModel
    original: Original

    def values(self, rows: Sequence[Any]) -> list[Any]:
        """Return a prediction for each row; raises WrongRow."""
        matrix = self.compiled.columns.matrix(rows)
        return (self.original if np.isnan(matrix).any() else self.compiled).values(rows)


class ModelFormat(Batching):
    """A model of a known format; predicts on whatever has arrived since the last time."""

    kind = "model"

    def __init__(
        self, one: Known, example: bytes, timeout_s: float, prepare: Prepare | None = None
    ) -> None:
        super().__init__(timeout_s)
        self._prepare = prepare
        rows = _rows(example)
        if prepare:
            rows = [prepare(row) for row in rows]
        columns = tuple(map(str, rows[0])) if rows and isinstance(rows[0], dict) else ()
        self._model: Model
        self.loaded: Loaded
        if one.format == ONNX:
            self._model, self.loaded = _onnx(one, columns)
        else:
            self._model, self.loaded = _best(one, columns, rows)
        if prepare or one.has_code:
            self.loaded.compiled = None  # what is code is served by this process alone

    def _answer_all(self, asks: list[Ask], connection: socket.socket) -> None:
        if getattr(self._model, "of_rows", None):  # unlike rows make another table than each alone
            for group in batches(asks):
                self._answer_in_parts(group, connection)
        else:
            self._answer_in_parts([(ask, rows_of(ask.args)) for ask in asks], connection)

    def _answer(self, ask: Ask, request: Rows) -> Answer:
        if ask.is_late():
            return late(ask)
        try:
            return answer_of(ask.id, request, self._batch(request.rows))
        except WrongRow as error:
            return Answer(ask.id, failure=f"{error}.", unreadable=True)
        except BaseException as error:
            return Answer(ask.id, failure=reason_of(error))

    def _batch(self, rows: list[Any]) -> list[Any]:
        if self._prepare:
            rows = [self._prepare(row) for row in rows]
        return self._model.values(rows) if rows else []


def _rows(example: bytes) -> list[Any]:
    """Return the rows of the stored example; what is wrong with it, the warm-up tells."""
    try:
        return rows_of(example).rows if example else []
    except msgspec.MsgspecError:
        return []


def _onnx(one: Known, columns: tuple[str, ...]) -> tuple[OnnxModel, Loaded]:
    needed("onnxruntime", "onnxruntime")
    parts = onnx_parts(one.path)
    if parts.files:
        folder = one.path.parent
        if not one.in_folder:
            raise CannotServe(
                f"its weights lie in other files ({parts.files[0]}): register the folder that "
                "holds them all, so that what is registered is what is served"
            )
        if any(folder not in (folder / name).resolve().parents for name in parts.files):
            raise CannotServe(f"its weights lie outside of its folder ({parts.files[0]})")
    names = one.names or columns
    try:
        try:
            model = OnnxModel(str(one.path), None, [])
        except UnknownShape:
            if not names:
                raise
            model = OnnxModel(str(one.path), Columns(names, len(names)), [])
    except UnknownShape as error:
        raise CannotServe(f"The ONNX model cannot be asked with rows: {error}") from None
    if names and len(names) == model.columns.width and not model.columns.names:
        model.columns = Columns(names, len(names))
    model.see_that_it_batches()
    remark = "it is ONNX already"
    if one.path.stat().st_size > LARGEST_SENT or not parts.is_plain:
        return model, _loaded(one, remark, model.columns)
    row_us = model.row_us([1.0] * model.columns.width)
    sent = _sent(one.path.read_bytes(), model, row_us) if row_us is not None else None
    return model, _loaded(one, remark, model.columns, sent)


def _best(one: Known, columns: tuple[str, ...], rows: list[Any]) -> tuple[Model, Loaded]:
    original: Original = load(one, columns)
    try:
        found = compile_checked(one.format, original, rows, one.path.stat().st_size)
    except WrongRow as error:
        raise CannotServe(f"The example is not a row for this model: {error}") from None
    except NotEqual as error:
        return original, _loaded(
            one, f"not compiled: {error}; the original serves", original.columns
        )
    model = OnnxModel(found.content, original.columns, [found.take])
    if original.columns.takes_missing and not found.takes_missing:
        remark = _remark(found) + "; rows with null are predicted by the original"
        return WithoutNull(model, original), _loaded(one, remark, original.columns)
    content = found.content if len(found.content) <= LARGEST_SENT else b""
    return model, _loaded(one, _remark(found), model.columns, _sent(content, model, found.row_us))


def _remark(found: Compiled) -> str:
    return f"compiled to ONNX, within {found.difference:.1g} of the original on {found.rows} rows"


def _sent(content: bytes, model: OnnxModel, row_us: float) -> CompiledModel | None:
    if not content:
        return None
    takes = [(take.output, take.part, take.kind) for take in model.takes]
    content = ort_format(content, model)
    return CompiledModel(content, model.columns.takes_missing, model.batches, takes, row_us)


def _loaded(
    one: Known, remark: str, columns: Columns, compiled: CompiledModel | None = None
) -> Loaded:
    return Loaded(one.format, remark, columns.names, columns.width, compiled)


def prepared_by(namespace: dict[str, Any], path: Path) -> Prepare:
    """Return the function ``prepare`` of a script that was run; raises CannotServe."""
    prepare = namespace.get("prepare")
    if not callable(prepare):
        raise CannotServe(f"{path.name} has no function prepare(row) once it has run")
    return lambda row: prepare(row)
