"""Values on their way into a job and out of it: JSON first, Arrow for tables and arrays, or pickle.

=======  ==================================================================  ====================
format   for                                                                 module
=======  ==================================================================  ====================
json     None, bool, int, float, str, and lists and dicts of them            `json_values`
arrow    pandas DataFrame and Series, pyarrow Table, polars DataFrame,       `arrow_values`
         NumPy arrays
pickle   anything else, where the user asked for it                          here
=======  ==================================================================  ====================

What goes through JSON or Arrow comes back equal and of the same types, or is refused with a
sentence that says what to do instead. A pickle runs code when it is read, and is good for the
same minor version of Python only: it is read where the caller allows it, and nowhere else.
"""

import io
import sys
from collections.abc import Mapping
from typing import Any

from kd_pipeline import arrow_values, json_values
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.hints import TRAIN, Hint
from kd_pipeline.messages import Value
from kd_pipeline.quantities import size_text

LARGEST_VALUE = 16 * 1024 * 1024
LARGEST_VALUES = 32 * 1024 * 1024  # all values and files of one submission, or all kept by one job
TIMES = " × "  # noqa: RUF001
PYTHON = ".".join(map(str, sys.version_info[:3]))  # as platform's, which is slow to import
FORMATS = {"json": "JSON", "arrow": "Arrow", "pickle": "a pickle"}


def encode(value: Any, *, name: str = "The value", allow_pickle: bool = False) -> Value:
    """Return ``value`` as it travels; ``name`` is what sentences about it call it.

    NumPy's scalars become plain numbers and text; NaN and the infinities are written as Python's
    `json` writes them. Raises InvalidInput for what has no exact JSON or Arrow form (with
    ``allow_pickle``: for what cannot be pickled), TooLarge above `LARGEST_VALUE` bytes.
    """
    kind = arrow_values.kind_of(value)
    try:
        if kind:
            data = arrow_values.to_arrow(value, kind, name, LARGEST_VALUE)
            return Value("arrow", _fitting(data, "arrow", name, kind), kind)
        data = json_values.to_json(value, name, LARGEST_VALUE)
        return Value("json", _fitting(data, "json", name), json_values.kind_of(value))
    except InvalidInput:
        if not allow_pickle:
            raise
    return Value(
        "pickle",
        _pickled(value, name),
        json_values.full_name(type(value)),
        PYTHON,
    )


def decode(
    value: Value,
    *,
    name: str = "The value",
    allow_pickle: bool = False,
    python: str | None = None,
) -> Any:
    """Return what :func:`encode` was given.

    ``python`` is the version of Python that a pickle was made with, where the value itself does
    not tell it. Raises InvalidInput for damaged data, a missing package, and a pickle that is not
    allowed here or is another Python's.
    """
    if value.format == "arrow":
        return arrow_values.from_arrow(value.data, value.kind, name)
    if value.format == "json":
        return json_values.from_json(value.data, name)
    made_with = value.python or python or ""
    if not allow_pickle:
        raise InvalidInput(
            f"{name} is a pickle ({value.kind}), which runs code when it is read.",
            hint=Hint(TRAIN, ("--pickle",), "reads it, where you trust the job"),
        )
    if _minor(made_with) != _minor(PYTHON):
        raise InvalidInput(
            f"{name} was pickled by Python {made_with or '(version unknown)'} and this is Python "
            f"{PYTHON}: a pickle is good for the same minor version only; use "
            "a form that JSON or Arrow has, or a file of the project repository."
        )
    return _unpickled(value, name)


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


def _fitting(data: bytes, form: str, name: str, kind: str = "") -> bytes:
    """Return ``data``; raises TooLarge with what to do instead."""
    if len(data) > LARGEST_VALUE:
        raise _too_large(len(data), form, name, kind)
    return data


def _too_large(size: int, form: str, name: str, kind: str = "") -> TooLarge:
    write = arrow_values.HOW_TO_WRITE.get(kind, "").format(name=name)
    return TooLarge(
        f"{name} has {size_text(size)} as {FORMATS[form]}, {_limit(LARGEST_VALUE)} are the limit; "
        f"write it to the project repository{': ' + write if write else ' and read it from there'}."
    )


def _limit(size: int) -> str:
    return f"{size // 1024**2} MiB"


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]


class _Limited(io.BytesIO):
    """Takes a pickle, and stops one that grows above the cap before it fills the memory."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def write(self, data: Any, /) -> int:
        """Append ``data``; raises TooLarge."""
        size = self.tell() + len(memoryview(data).cast("B"))
        if size > LARGEST_VALUE:
            raise _too_large(size, "pickle", self._name)
        return super().write(data)


def _pickled(value: Any, name: str) -> bytes:
    import pickle

    file = _Limited(name)
    try:
        pickle.Pickler(file, protocol=5).dump(value)
    except TooLarge:
        raise
    except Exception as error:  # whatever the type's own code raises
        raise InvalidInput(
            f"{name} ({json_values.full_name(type(value))}) cannot be pickled: "
            f"{type(error).__name__}: {error}."
        ) from None
    return file.getvalue()


def _unpickled(value: Value, name: str) -> Any:
    import pickle

    try:
        return pickle.loads(value.data)  # noqa: S301 - the caller allowed it
    except Exception as error:  # a module or class that is not here, or its own code
        raise InvalidInput(
            f"{name}, a pickle of {value.kind}, cannot be read here: "
            f"{type(error).__name__}: {error}."
        ) from None
