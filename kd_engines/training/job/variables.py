"""The variables of a frame that failed, each as a short text that costs next to nothing."""

import math
import reprlib
from collections.abc import Iterator
from types import BuiltinFunctionType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

from kd_engines.training.job.redaction import HIDDEN, Secrets
from kd_pipeline.messages import Variable

MOST_VARIABLES = 40
LONGEST_TEXT = 200
LONGEST_LOOK = 4000  # so much of a text is searched for secrets before it is cut
SMALL_ARRAY = 8  # up to so many items are shown themselves
NOT_SHOWN = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type)


def variables(frame: FrameType, secrets: Secrets) -> Iterator[Variable]:
    """Yield a frame's variables, at most `MOST_VARIABLES`; where there are more, the newest.

    Modules, functions, classes and names with two underscores are left out; what looks like a
    secret is hidden.
    """
    found = {
        name: value
        for name, value in frame.f_locals.items()
        if name.isidentifier()
        and not name.startswith("__")
        and name != "display"
        and not issubclass(type(value), NOT_SHOWN)  # a proxy may raise where isinstance asks it
    }
    names = list(found) if len(found) <= MOST_VARIABLES else list(reversed(found))
    for name in names[:MOST_VARIABLES]:
        yield variable(name, found[name], secrets)


def variable(name: str, value: Any, secrets: Secrets) -> Variable:
    """Return one variable; whatever its own code raises is no trouble."""
    kind = type(value).__qualname__[:LONGEST_TEXT]
    if secrets.hides(name, value):
        return Variable(name, kind, HIDDEN)
    shape, dtype, size = _shape(value), _dtype(value), _size(value)
    if shape is None:
        dtype = None
    try:
        text = _Short(secrets).repr(value) if shape is None else _array_text(value, shape, dtype)
    except Exception as error:  # a whole number of very many digits, a type that poses as another
        text = f"<{kind}: its repr raises {type(error).__name__}>"
    return Variable(name, kind, plain(secrets.clean_repr(text))[:LONGEST_TEXT], shape, dtype, size)


def plain(text: str) -> str:
    """Return a text that UTF-8 can carry."""
    return text.encode("utf-8", "replace").decode()


class _Short(reprlib.Repr):
    """Built-in types in short; other objects by their own repr, arrays by their shape."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__()
        self.maxstring = self.maxother = LONGEST_TEXT
        self.maxlist = self.maxtuple = self.maxset = self.maxdict = 8
        self._secrets = secrets

    def repr_str(self, x: str, level: int) -> str:
        """Return the beginning and the end of a text, its secrets hidden before it is cut."""
        if len(x) > LONGEST_LOOK:
            x = x[: LONGEST_LOOK // 2] + x[-LONGEST_LOOK // 2 :]
        return super().repr_str(self._secrets.clean_repr(x), level)

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Return the first items; those whose key looks secret without their value."""
        if level <= 0:
            return "{...}" if x else "{}"
        shown = []
        for key in list(x)[: self.maxdict]:
            hidden = isinstance(key, str) and self._secrets.hides(key, x[key])
            value = HIDDEN if hidden else self.repr1(x[key], level - 1)
            shown.append(f"{self.repr1(key, level - 1)}: {value}")
        return "{" + ", ".join([*shown, *(["..."] if len(x) > self.maxdict else [])]) + "}"

    def repr_instance(self, x: Any, level: int) -> str:
        """Return an object's own repr where it is no array; what that raises is told."""
        shape = _shape(x)
        if shape is not None:
            return f"<{type(x).__qualname__} {_array_text(x, shape, _dtype(x))}>"
        try:
            return self._secrets.clean_repr(repr(x)[:LONGEST_LOOK])
        except Exception as error:
            return f"<{type(x).__qualname__}: its repr raises {type(error).__name__}>"


def _array_text(value: Any, shape: list[int], dtype: str | None) -> str:
    """Return what is short to tell of an array or table: its shape, and columns or few items."""
    text = " x ".join(f"{length:,}" for length in shape) or "one item"
    if dtype:
        text += f" {dtype}"
    columns = getattr(value, "columns", None)
    try:
        if columns is not None and len(shape) == 2:
            names = [str(name) for name in list(columns[:10])]
            return f"{text}: {', '.join(names)}{', ...' if shape[1] > 10 else ''}"
        if math.prod(shape) <= SMALL_ARRAY and type(value).__module__ == "numpy":
            return f"{text}: {value.tolist()!r}"
    except Exception:
        return text
    return text


def _shape(value: Any) -> list[int] | None:
    try:
        shape = value.shape
        return [int(length) for length in shape] if isinstance(shape, tuple) else None
    except Exception:
        return None


def _dtype(value: Any) -> str | None:
    try:
        return str(value.dtype)[:LONGEST_TEXT]
    except Exception:
        return None


def _size(value: Any) -> int | None:
    try:
        if isinstance(value, str | bytes | bytearray):
            return len(value)
        if type(value).__name__ == "DataFrame" and hasattr(value, "memory_usage"):
            return int(value.memory_usage(deep=False).sum())
        size = value.nbytes
        return size if isinstance(size, int) else None
    except Exception:
        return None
