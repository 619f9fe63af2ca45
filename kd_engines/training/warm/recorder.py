"""Takes down who imports what, and what imports change for all modules.

It is there before anything else is imported that a job does not begin with, so it may not import
anything either.
"""

from __future__ import annotations

import _frozen_importlib as bootstrap  # importlib._bootstrap
import _warnings  # whose filters are those of warnings
import builtins
import os
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any


class Changes:
    """What an import has done: the variables and the warnings' filters that it has added."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        self.filters: list[Any] = []


class Recorder:
    """The imports of this process from its making to `end`."""

    def __init__(self) -> None:
        room = __name__.rpartition(".")[0]
        self.before = {name for name in sys.modules if not name.startswith(room)}
        self.variables, self.filters = dict(os.environ), list(_warnings.filters)
        self.imports: dict[str, set[str]] = {}  # by the name of the module that imports
        self.changes: dict[str, Changes] = {}  # by the name of the module that was imported
        # What a package had for submodules when its own import was done.
        self.submodules = {name: _modules_of(name) for name in self.before}
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib is not there yet
            self.bytes = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")  # resident
        self._variables, self._filters = self.variables, self.filters
        self._import = builtins.__import__
        builtins.__import__ = self._record

    def end(self) -> None:
        """Take down nothing more."""
        builtins.__import__ = self._import

    def _record(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> ModuleType:
        """Import as Python does (`__import__`), each package before what is in it."""
        if level:
            functions = vars(bootstrap)
            package = functions["_calc___package__"](globals)
            full: str = functions["_resolve_name"](name, package, level)
        else:
            full = name
        if full not in sys.modules and "." in full:
            self._record(full.rpartition(".")[0])
        known = len(sys.modules)
        module: ModuleType = self._import(name, globals, locals, (), level)
        self._take_down(full, known)
        names = [full, *self._parts(full, fromlist or ())]
        importer = globals.get("__name__") if globals else None
        if isinstance(importer, str) and _is_beginning(importer):
            self.imports.setdefault(importer, set()).update(n for n in names if n in sys.modules)
        return self._import(name, globals, locals, fromlist, level) if fromlist else module

    def _parts(self, package: str, names: Sequence[str]) -> list[str]:
        """Import what is taken from a package and is a module (importlib's _handle_fromlist)."""
        found = sys.modules.get(package)
        parts = [f"{package}.{name}" for name in names]
        for name, part in zip(names, parts, strict=True):
            if name == "*" or not hasattr(found, "__path__") or hasattr(found, name):
                continue
            try:
                self._record(part)
            except ModuleNotFoundError as error:
                if error.name != part:
                    raise
        return parts

    def _take_down(self, name: str, known: int) -> None:
        """Keep what a module has brought that came just now, after ``known`` others."""
        grown = len(sys.modules) - known
        newest = [one for one, _ in zip(reversed(sys.modules), range(grown), strict=False)]
        if name in newest:
            self.imports.setdefault(name, set()).update(newest)
        for one in newest:
            self.submodules.setdefault(one, _modules_of(one))
        if newest:
            self._take_down_changes(name)

    def _take_down_changes(self, name: str) -> None:
        """Keep what is new for the innermost import that made it."""
        variables, filters = dict(os.environ), list(_warnings.filters)
        if variables != self._variables or filters != self._filters:
            made = self.changes.setdefault(name, Changes())
            made.variables.update(variables.items() - self._variables.items())
            made.filters[:0] = [one for one in filters if one not in self._filters]
        self._variables, self._filters = variables, filters


def _is_beginning(name: str) -> bool:
    """Tell whether a module is just being imported: what its functions import later is not its own.

    A module in C imports in the name of who loads it, which is Python itself.
    """
    spec = getattr(sys.modules.get(name), "__spec__", None)
    is_loader = name.startswith("importlib._bootstrap")
    return not is_loader and bool(getattr(spec, "_initializing", False))


def _modules_of(name: str) -> set[str]:
    kind, found = type(sys), vars(sys.modules[name])
    return {attribute for attribute, value in list(found.items()) if isinstance(value, kind)}
