"""The Open Inference Protocol's form of a prediction: tensors in, tensors out.

See :mod:`kd_pipeline.messages.open_inference`. Errors are ``{"error": "<sentence>"}`` there.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from kd_engines.deployment.asked import Asked
from kd_engines.deployment.wire import Answer
from kd_engines.web.answers import decode, error_response
from kd_pipeline.errors import InvalidInput, KdError, TooLarge
from kd_pipeline.messages import InferAnswer, InferRequest, Tensor

DATATYPES = frozenset(
    {"BOOL", "BYTES", "FP16", "FP32", "FP64", "BF16"}
    | {f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
)
OUTPUT = "predict"
MOST_ROWS = 100_000
_OF_TYPES: tuple[tuple[frozenset[type], str], ...] = (
    (frozenset({bool}), "BOOL"),
    (frozenset({int}), "INT64"),
    (frozenset({int, float, type(None)}), "FP64"),
    (frozenset({str}), "BYTES"),
)


class InferForm:
    """Reads requests and writes answers of the Open Inference Protocol."""

    def args(self, body: bytes, kind: str) -> tuple[bytes, InferRequest]:
        """Return a request's rows as JSON, and the request; raises InvalidInput, TooLarge."""
        request = decode(body, InferRequest)
        rows = rows_of_tensors(request.inputs)
        if kind != "script":
            return msgspec.json.encode(rows), request
        if len(rows) != 1 or not isinstance(rows[0], dict):
            raise InvalidInput(
                "A legacy (2020) scoring script takes one row of named columns: a tensor of the "
                "shape [1] for each."
            )
        return msgspec.json.encode(rows[0]), request

    def answered(self, asked: Asked, answer: Answer, error: KdError | None) -> bytes | Response:
        """Return what a request is answered with; raises InvalidInput for an unknown output."""
        if error:
            return self.refused(error)
        values = msgspec.json.decode(answer.result)
        request: InferRequest = asked.wish
        outputs = tensors_of(values if asked.served.kind != "script" else [values])
        wanted = {one.name for one in request.outputs} or {one.name for one in outputs}
        unknown = wanted - {one.name for one in outputs}
        if unknown:
            has = ", ".join(one.name for one in outputs)
            raise InvalidInput(f"The model has no output {min(unknown)[:80]!r}, but has {has}.")
        outputs = [one for one in outputs if one.name in wanted]
        return msgspec.json.encode(InferAnswer(asked.name, asked.version, outputs, request.id))

    def refused(self, error: KdError) -> Response:
        """Return the answer to a request that asked no model, or whose model failed."""
        like = error_response(error)
        like.body = msgspec.json.encode({"error": str(error)})
        like.headers["content-length"] = str(len(like.body))
        return like


def rows_of_tensors(inputs: Sequence[Tensor]) -> list[Any]:
    """Return tensors as rows: of one with two dimensions lists, else objects by tensors' names.

    Raises InvalidInput, TooLarge.
    """
    if not inputs:
        raise InvalidInput("inputs is empty; send a tensor for each column, or one for the table.")
    columns = {one.name: _elements(one) for one in inputs}
    if len(columns) < len(inputs):
        raise InvalidInput("Two inputs have the same name; give each its own.")
    first = inputs[0]
    rows = first.shape[0]
    if rows > MOST_ROWS:
        raise TooLarge(f"The request has {rows:,} rows, {MOST_ROWS:,} are the limit; send fewer.")
    if len(inputs) == 1 and len(first.shape) == 2:
        width, flat = first.shape[1], columns[first.name]
        return [flat[begin : begin + width] for begin in range(0, rows * width, width)]
    for one in inputs:
        if one.shape[0] != rows or math.prod(one.shape) != rows:
            raise InvalidInput(
                f"Input {one.name[:80]!r} has the shape {one.shape[:8]}; of several inputs each is "
                f"a column of as many rows, here [{rows}]."
            )
    values = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


def _elements(tensor: Tensor) -> list[Any]:
    """Return a tensor's elements, one after the other; raises InvalidInput."""
    name = tensor.name[:80]
    if tensor.datatype not in DATATYPES:
        raise InvalidInput(
            f"Input {name!r} has the datatype {tensor.datatype[:40]!r}; they are "
            f"{', '.join(sorted(DATATYPES))}."
        )
    shape = tensor.shape
    if not shape or min(shape) < 0 or (len(shape) > 2 and set(shape[2:]) != {1}):
        raise InvalidInput(
            f"Input {name!r} has the shape {shape[:8]}; it is [rows] or [rows, columns]."
        )
    found = list(_flat(tensor.data, len(shape)))
    if len(found) != math.prod(shape):
        raise InvalidInput(
            f"Input {name!r} has {len(found):,} elements; its shape {shape} has "
            f"{math.prod(shape):,}."
        )
    return found


def _flat(data: list[Any], depth: int) -> Iterator[Any]:
    for one in data:
        if isinstance(one, list) and depth > 1:
            yield from _flat(one, depth - 1)
        else:
            yield one


def tensors_of(values: list[Any]) -> list[Tensor]:
    """Return predictions, one a row, as output tensors."""
    if values and all(isinstance(value, dict) for value in values):
        keys = list(values[0])
        if all(list(value) == keys for value in values):
            return [_tensor(key, [value[key] for value in values]) for key in keys]
    return [_tensor(OUTPUT, values)]


def _tensor(name: str, values: list[Any]) -> Tensor:
    shape, flat = [len(values)], values
    if values and all(isinstance(value, list) for value in values):
        widths = {len(value) for value in values}
        if len(widths) == 1:
            shape, flat = [len(values), *widths], [one for value in values for one in value]
    kinds = {type(value) for value in flat}
    for known, datatype in _OF_TYPES:
        if kinds <= known:
            if datatype == "FP64":
                flat = [None if value is None else float(value) for value in flat]
            return Tensor(name, shape, datatype, flat)
    texts = [v if isinstance(v, str) else msgspec.json.encode(v).decode() for v in values]
    return Tensor(name, [len(values)], "BYTES", texts, {"content_type": "json"})
