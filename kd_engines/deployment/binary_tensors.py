"""Tensors whose elements follow a request's JSON as bytes: the extension of Triton's clients.

Source: https://github.com/triton-inference-server/server, docs/protocol/extension_binary_data.md.
The header Inference-Header-Content-Length says how long the JSON is, ``binary_data_size`` of each
tensor how many bytes are its own, one tensor after the other; little-endian, in row-major order.
"""

import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from kd_pipeline.errors import InvalidInput

EXTENSION = "binary_tensor_data"
HEADER = b"inference-header-content-length"
SIZE = "binary_data_size"
_LETTERS = {
    **{"BOOL": "?", "FP16": "e", "FP32": "f", "FP64": "d"},
    **{"INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q"},
    **{"UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q"},
}


def as_json(body: bytes, length: str) -> bytes:
    """Return a request with binary tensors as one that is all JSON; raises InvalidInput."""
    if not length.isdecimal() or int(length) > len(body):
        raise InvalidInput(
            f"The header Inference-Header-Content-Length is {length[:40]!r}; it is the number of "
            f"bytes of the JSON, of {len(body):,} in all."
        )
    end = int(length)
    try:
        request: Any = msgspec.json.decode(body[:end])
    except msgspec.DecodeError as error:
        raise InvalidInput(f"The request's first {end:,} bytes are not JSON: {error}.") from None
    inputs = request.get("inputs") if isinstance(request, dict) else None
    for tensor in inputs if isinstance(inputs, list) else []:
        parameters = tensor.get("parameters") if isinstance(tensor, dict) else None
        size = parameters.get(SIZE) if isinstance(parameters, dict) else None
        if size is None:
            continue
        name = str(tensor.get("name"))[:80]
        if not isinstance(size, int) or not 0 <= size <= len(body) - end:
            raise InvalidInput(
                f"Input {name!r} has the {SIZE} {size!r:.40}; {len(body) - end:,} bytes are left "
                "of the request."
            )
        tensor["data"] = _elements(body[end : end + size], name, str(tensor.get("datatype")))
        end += size
    if end < len(body):
        raise InvalidInput(f"{len(body) - end:,} bytes after the request belong to no input.")
    return msgspec.json.encode(request)


def _elements(content: bytes, name: str, datatype: str) -> list[Any]:
    if datatype == "BYTES":
        return list(_texts(content, name))
    if datatype == "BF16":  # the upper half of an FP32
        content = b"".join(b"\0\0" + content[at : at + 2] for at in range(0, len(content), 2))
        datatype = "FP32"
    letter = _LETTERS.get(datatype)
    if letter is None:
        raise InvalidInput(f"Input {name!r} has the datatype {datatype[:40]!r}, which is unknown.")
    width = struct.calcsize(f"<{letter}")
    if len(content) % width:
        raise InvalidInput(
            f"Input {name!r} has {len(content):,} bytes; an element of {datatype} has {width}."
        )
    return list(struct.unpack(f"<{len(content) // width}{letter}", content))


def _texts(content: bytes, name: str) -> Iterator[str]:
    """Return texts, each with its length in four bytes before it."""
    at = 0
    try:
        while at < len(content):
            (size,) = struct.unpack_from("<I", content, at)
            text = content[at + 4 : at + 4 + size]
            if len(text) < size:
                raise ValueError
            yield text.decode()
            at += 4 + size
    except (struct.error, ValueError):
        raise InvalidInput(
            f"Input {name!r} is not a row of UTF-8 texts with their lengths (byte {at:,})."
        ) from None
