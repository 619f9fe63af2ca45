"""NumPy's arrays and scalars of plain values in pickles: made again from a type's name and bytes.

NumPy's own form sets the state of types and arrays, and believes what a pickle says of it: a
forged one makes addresses of any bytes.
"""

import pickle
import re
from typing import Any, Literal

import numpy as np

# Truth values, numbers, times and texts: nothing that refers to an object.
_PLAIN = re.compile(r"[<>|=][biufcmMSU]\d+(?:\[\d*[A-Za-z]+\])?")


def reduced(value: Any) -> tuple[Any, ...] | None:
    """Return how a pickle makes an array, a scalar or a type again; None for what is not plain."""
    if isinstance(value, np.dtype):
        return (dtype, (value.str,)) if _is_plain(value) else None
    if isinstance(value, np.generic):
        return (scalar, (value.dtype.str, value.tobytes())) if _is_plain(value.dtype) else None
    if type(value) is not np.ndarray or not _is_plain(value.dtype):
        return None
    flags = value.flags
    order: Literal["C", "F"] = "F" if flags.f_contiguous and not flags.c_contiguous else "C"
    flat: Any = np.asarray(value, order=order).reshape(-1, order=order).view(np.uint8)
    return array, (value.dtype.str, value.shape, order, pickle.PickleBuffer(flat))


def dtype(text: str) -> Any:
    """Return a plain type by its name, such as ``<f8``; raises ValueError for any other."""
    if not isinstance(text, str) or not _PLAIN.fullmatch(text):
        raise ValueError(f"{text!r:.80} is not the name of a plain type")
    return np.dtype(text)


def scalar(text: str, data: bytes) -> Any:
    """Return a scalar of a plain type."""
    return np.frombuffer(data, dtype(text))[0]


def array(text: str, shape: tuple[int, ...], order: Literal["C", "F"], data: Any) -> Any:
    """Return an array of a plain type, which may be written to."""
    flat = np.frombuffer(data, dtype(text))
    return (flat if flat.flags.writeable else flat.copy()).reshape(shape, order=order)


def _is_plain(kind: Any) -> bool:
    return bool(kind.itemsize and not kind.metadata and _PLAIN.fullmatch(kind.str))
