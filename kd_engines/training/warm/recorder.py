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
        package, _, rest = full.rpartition(".")
        if rest and package and package not in sys.modules:
            self._record(package)
        return self._import_one(full, name, globals, locals, fromlist, level)

    def _import_one(self, full: str, name: str, globals: Any, *others: Any) -> ModuleType:
        known = len(sys.modules)
        module: ModuleType = self._import(name, globals, *others)
        parts = [f"{full}.{part}" for part in others[1] or ()]
        importer = globals.get("__name__") if globals else None
        # A module in C imports in the name of who loads it.
        if isinstance(importer, str) and not importer.startswith("importlib._bootstrap"):
            found = self.imports.setdefault(importer, set())
            found.update(one for one in (full, *parts) if one in sys.modules)
        grown = len(sys.modules) - known
        if grown > 0:
            newest = [one for one, _ in zip(reversed(sys.modules), range(grown), strict=False)]
            self.imports.setdefault(full, set()).update(newest)
            for one in newest:
                self.submodules.setdefault(one, _modules_of(one))
            self._take_down_changes(full)
        return module

    def _take_down_changes(self, name: str) -> None:
        """Keep what is new for the innermost import that made it."""
        variables, filters = dict(os.environ), list(_warnings.filters)
        if variables != self._variables or filters != self._filters:
            made = self.changes.setdefault(name, Changes())
            made.variables.update(variables.items() - self._variables.items())
            made.filters[:0] = [one for one in filters if one not in self._filters]
        self._variables, self._filters = variables, filters


def _modules_of(name: str) -> set[str]:
    kind, found = type(sys), vars(sys.modules[name])
    return {attribute for attribute, value in list(found.items()) if isinstance(value, kind)}
