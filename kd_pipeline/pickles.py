"""Pickles: values that only Python itself can carry, with the versions that they were made with.

What code defines in its ``__main__`` goes with its source (cloudpickle), since whoever reads it has
another ``__main__``. Reading a pickle may run code, so only what is `HARMLESS` is read unasked.
"""

import functools
import importlib
import pickle
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from kd_pipeline import json_values
from kd_pipeline.errors import InvalidInput, KdError
from kd_pipeline.values import NeedsConsent

# Types whose construction does nothing but hold what it is given, which is in the pickle: a range
# would fill a deque without end. All are C's own: a pickle may set attributes of what it names, and
# of a class written in Python that would change it here. NumPy's own functions are not among them:
# they make addresses of what a pickle says to be objects.
HARMLESS = {
    "builtins": {"complex", "slice"},
    "collections": {"OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "kd_pipeline.plain_arrays": {"array", "dtype", "scalar"},
}


def write(value: Any, name: str, file: "BinaryIO | Limited") -> None:
    """Pickle ``value`` into ``file``; raises InvalidInput, and what the file raises of ours."""
    try:
        pickler()(file, protocol=5).dump(value)
    except (KdError, OSError, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever the type's own code raises, an exit too
        raise InvalidInput(
            f"{name} ({json_values.full_name(type(value))}) cannot be pickled: "
            f"{type(error).__name__}: {error}."
        ) from None


@functools.cache
def pickler() -> Any:
    """Return cloudpickle's, or where that is not installed Python's own, which does without.

    Arrays of plain values are pickled as :mod:`.plain_arrays` makes them again.
    """
    try:
        base: Any = importlib.import_module("cloudpickle").Pickler
    except ImportError:
        base = pickle.Pickler

    class Pickler(base):  # type: ignore[misc]
        def reducer_override(self, value: Any) -> Any:
            if type(value).__module__.partition(".")[0] == "numpy":
                plain = importlib.import_module("kd_pipeline.plain_arrays").reduced(value)
                if plain is not None:
                    return plain
            inherited = getattr(super(), "reducer_override", None)
            return inherited(value) if inherited else NotImplemented

    return Pickler


def read(
    file: BinaryIO, kind: str, name: str, *, trusted: bool, made_with: Mapping[str, str]
) -> Any:
    """Return what was pickled; ``made_with`` are the versions of libraries then.

    Raises NeedsConsent for one that is not ``trusted`` and not harmless, and InvalidInput for one
    that cannot be read here. A library of another version is warned of.
    """
    reader = _Reader(file, name, kind, trusted)
    try:
        value = reader.load()
    except KdError:
        raise
    except Exception as error:  # a module or class that is not here, or its own code
        raise InvalidInput(
            f"{name}, a pickle of {kind}, cannot be read here: "
            f"{type(error).__name__}: {error}.{_others(reader.modules, made_with)}"
        ) from None
    if others := _others(reader.modules, made_with):
        warnings.warn(f"{name}, a pickle of {kind}, may differ here.{others}", stacklevel=2)
    return value


def versions() -> dict[str, str]:
    """Return the versions of the libraries that this process has loaded, by their modules."""
    found = {}
    for name, module in sorted(sys.modules.items()):
        if "." in name or name.startswith("_") or name in sys.stdlib_module_names:
            continue
        # Not by getattr: a module may have code of its own for what it does not have.
        version = getattr(module, "__dict__", {}).get("__version__")
        if isinstance(version, str) and len(version) < 100:
            found[name] = version
    return found


class Limited:
    """A file that a pickle is written to, until that is larger than it may be."""

    def __init__(self, file: BinaryIO, largest: int, error: Callable[[int], KdError]) -> None:
        self._file, self._largest, self._error = file, largest, error
        self.size = 0

    def write(self, data: Any, /) -> int:
        """Append ``data``; raises what ``error`` makes of the size where that is too large."""
        self.size += len(memoryview(data).cast("B"))
        if self.size > self._largest:
            raise self._error(self.size)
        return self._file.write(data)


class _Reader(pickle.Unpickler):
    """Reads a pickle; ``modules`` are those whose names it has asked for."""

    def __init__(self, file: BinaryIO, name: str, kind: str, trusted: bool) -> None:
        super().__init__(file)
        self._name, self._kind, self._trusted = name, kind, trusted
        self.modules: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for; raises NeedsConsent."""
        if not self._trusted and name not in HARMLESS.get(module, ()):
            raise NeedsConsent(
                f"{self._name} is a pickle ({self._kind}), which runs code when it is read "
                f"({module}.{name})."
            )
        self.modules.add(module.partition(".")[0])
        found = super().find_class(module, name)
        # Ours are Python's functions, which others are not to change.
        return functools.partial(found) if module == "kd_pipeline.plain_arrays" else found


def _others(modules: set[str], made_with: Mapping[str, str]) -> str:
    """Return which of the modules have another version here, or are not here, as a sentence."""
    told = []
    for name in sorted(modules & made_with.keys()):
        try:
            here = getattr(importlib.import_module(name), "__version__", "")
        except Exception:  # whatever its own code raises
            here = "not installed"
        if here != made_with[name]:
            told.append(f"{name} {made_with[name]} (here {here or 'unknown'})")
    return f" It was made with {', '.join(told)}." if told else ""
