"""Values on their way into a job and out of it: JSON first, Arrow for tables and arrays, or pickle.

=======  ==================================================================  ====================
format   for                                                                 module
=======  ==================================================================  ====================
json     None, bool, int, float, str, and lists and dicts of them            `json_values`
arrow    pandas DataFrame and Series, pyarrow Table, polars DataFrame,       `arrow_values`
         NumPy arrays
pickle   anything else, where the user asked for it, or a job keeps it       `pickles`
=======  ==================================================================  ====================

What goes through JSON or Arrow comes back equal and of the same types, or is refused with a
sentence that says what to do instead. A pickle may run code when it is read, and is good for the
same minor version of Python only: one that would is read where the caller allows it, and nowhere
else.
"""

import io
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from kd_pipeline import arrow_values, json_values
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.messages import Value, ValueInfo, Values
from kd_pipeline.quantities import size_text

LARGEST_VALUE = 16 * 1024 * 1024
LARGEST_VALUES = 32 * 1024 * 1024  # all values and files of one submission
TIMES = " × "  # noqa: RUF001
PYTHON = ".".join(map(str, sys.version_info[:3]))  # as platform's, which is slow to import
FORMATS = {"json": "JSON", "arrow": "Arrow", "pickle": "a pickle"}


class NeedsConsent(InvalidInput):
    """A pickle would run code, and nobody has said that it may."""


def encode(
    value: Any,
    *,
    name: str = "The value",
    allow_pickle: bool = False,
    largest: int = LARGEST_VALUE,
) -> Value:
    """Return ``value`` as it travels; ``name`` is what sentences about it call it.

    NumPy's scalars become plain numbers and text; NaN and the infinities are written as Python's
    `json` writes them. Raises InvalidInput for what has no exact JSON or Arrow form (with
    ``allow_pickle``: for what cannot be pickled), TooLarge above ``largest`` bytes.
    """
    kind = arrow_values.kind_of(value)
    try:
        if kind:
            data = arrow_values.to_arrow(value, kind, name, largest)
            return Value("arrow", _fitting(data, "arrow", name, kind, largest), kind)
        data = json_values.to_json(value, name, largest)
        data = _fitting(data, "json", name, "", largest)
        return Value("json", data, json_values.kind_of(value))
    except InvalidInput:
        if not allow_pickle:
            raise
    file = io.BytesIO()
    pickle_into(file, value, name, largest)
    kind = json_values.full_name(type(value))
    return Value("pickle", file.getvalue(), kind, PYTHON)


def pickle_into(file: BinaryIO, value: Any, name: str, largest: int) -> int:
    """Write a value into a file as a pickle, and return how many bytes it has.

    Raises InvalidInput for what cannot be pickled, TooLarge above ``largest`` bytes.
    """
    from kd_pipeline import pickles

    limited = pickles.Limited(
        file, largest, lambda size: _too_large(size, "pickle", name, "", largest)
    )
    pickles.write(value, name, limited)
    return limited.size


def decode(
    value: Value,
    *,
    name: str = "The value",
    allow_pickle: bool = False,
    python: str | None = None,
) -> Any:
    """Return what :func:`encode` was given.

    ``python`` is the version of Python that a pickle was made with, where the value itself does
    not tell it. Raises InvalidInput for damaged data, a missing package, and a pickle that is
    another Python's, or would run code and is not allowed here.
    """
    if value.format == "arrow":
        return arrow_values.from_arrow(value.data, value.kind, name)
    if value.format == "json":
        return json_values.from_json(value.data, name)
    made_with = Values([], python=value.python or python or "")
    return read_pickle(io.BytesIO(value.data), value.kind, name, allow_pickle, made_with)


def read_kept(info: ValueInfo, file: BinaryIO, kept: Values, allow_pickle: bool) -> Any:
    """Return a value that a job has kept in a file; raises as :func:`decode`."""
    if info.format == "pickle":
        return read_pickle(file, info.kind, info.name, allow_pickle, kept)
    return decode(Value(info.format, file.read(), info.kind), name=info.name)


def read_pickle(file: BinaryIO, kind: str, name: str, allow_pickle: bool, made_with: Values) -> Any:
    """Return what a file has as a pickle; raises as :func:`decode`."""
    from kd_pipeline import pickles

    if allow_pickle and _minor(made_with.python) != _minor(PYTHON):
        raise InvalidInput(
            f"{name} was pickled by Python {made_with.python or '(version unknown)'} and this is "
            f"Python {PYTHON}: a pickle is good for the same minor version only; use "
            "a form that JSON or Arrow has, or a file of the project repository."
        )
    libraries = made_with.libraries
    return pickles.read(file, kind, name, trusted=allow_pickle, made_with=libraries)


def describe(value: Value, name: str = "") -> str:
    """Return what was sent, as ``df (ndarray 60, Arrow, 1.2 kB)``; without a name the inner part.

    A table of 1,000 rows and 4 columns is a ``DataFrame 1,000 × 4``.
    """  # noqa: RUF002
    shape = arrow_values.shape_of(value.data) if value.format == "arrow" else None
    what = value.kind.rpartition(".")[2]
    if shape is not None:
        what += " " + (TIMES.join(f"{length:,}" for length in shape) or "of no dimension")
    text = f"{what}, {FORMATS[value.format]}, {size_text(len(value.data))}"
    return f"{name} ({text})" if name else text


def check_sizes(values: Mapping[str, Value], files: Mapping[str, bytes]) -> None:
    """Raise TooLarge where a value is above its cap, or all values and files are above theirs."""
    for name, value in values.items():
        _fitting(value.data, value.format, name, value.kind)
    sizes = {name: len(value.data) for name, value in values.items()}
    sizes |= {path: len(content) for path, content in files.items()}
    total = sum(sizes.values())
    if total > LARGEST_VALUES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise TooLarge(
            f"Values and files have {size_text(total)} together (most of all {largest[:80]} with "
            f"{size_text(sizes[largest])}), {_limit(LARGEST_VALUES)} are the limit; write what is "
            "large to the project repository and read it from there."
        )


def _fitting(
    data: bytes, form: str, name: str, kind: str = "", largest: int = LARGEST_VALUE
) -> bytes:
    """Return ``data``; raises TooLarge with what to do instead."""
    if len(data) > largest:
        raise _too_large(len(data), form, name, kind, largest)
    return data


def _too_large(size: int, form: str, name: str, kind: str, largest: int) -> TooLarge:
    write = arrow_values.HOW_TO_WRITE.get(kind, "").format(name=name)
    return TooLarge(
        f"{name} has {size_text(size)} as {FORMATS[form]}, {_limit(largest)} are the limit; "
        f"write it to the project repository{': ' + write if write else ' and read it from there'}."
    )


def _limit(size: int) -> str:
    return f"{size // 1024**2} MiB"


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
