"""Modules that are loaded in advance, and that a job finds only once it imports them.

What a job sees of an import is then what it would see without: a name that it has not imported is
not in `sys.modules`, nor an attribute of its package; what an import does to the environment and to
the warnings' filters comes with that import. A module that would be found elsewhere now, as one
beside a script that hides a library's, is loaded from there.
"""

import builtins
import os
import sys
import warnings
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from kd_engines.training.job.display import CHANGED
from kd_engines.training.job.library_changes import change
from kd_engines.training.warm.late_variables import LateVariables
from kd_engines.training.warm.libraries import Libraries
from kd_engines.training.warm.recorder import Changes, Recorder


class Preloaded:
    """The modules that a recorder has seen imported, hidden behind a finder."""

    def __init__(self, recorder: Recorder, libraries: Libraries) -> None:
        """Hide them; environment and warnings' filters are again as before them."""
        recorder.end()
        self._recorded = recorder
        self._hidden = {n: m for n, m in sys.modules.items() if n not in recorder.before}
        self.late = LateVariables(libraries.packages)
        self._given: set[str] = set()  # what is deleted and imported again is loaded again
        self._brought: dict[str, list[str]] = {}  # by what is imported
        self._packages: dict[str, ModuleType] = {}  # of submodules that are attributes of theirs
        for name, module in self._hidden.items():
            parent, _, last = name.rpartition(".")
            package = self._hidden.get(parent) or sys.modules.get(parent)
            if last in recorder.submodules.get(parent, ()) or package is None:
                continue
            if vars(package).get(last) is module:
                self._packages[name] = package
        self._look_ahead(libraries.names)
        self._hide()
        sys.meta_path.insert(1, self)  # the first is `display`'s own

    def _hide(self) -> None:
        for name in self._hidden:
            del sys.modules[name]
        for name, package in self._packages.items():
            delattr(package, name.rpartition(".")[2])
        for name in os.environ.keys() - self._recorded.variables.keys():
            del os.environ[name]
        os.environ.update(self._recorded.variables)
        _set_filters(self._recorded.filters)

    def _look_ahead(self, names: Iterable[str]) -> None:
        """Prepare for imports of these modules and their packages."""
        for name in names:
            while name and name not in self._brought:
                if name in self._hidden:
                    self._bring(name)
                name = name.rpartition(".")[0]

    def show_all(self) -> None:
        """Put all modules in their places, for what is no job."""
        self._put_in_place(self._hidden)

    def _put_in_place(self, names: Iterable[str]) -> None:
        for name in names:
            sys.modules[name] = self._hidden[name]
            if name in self._packages:
                setattr(self._packages[name], name.rpartition(".")[2], self._hidden[name])

    def packages(self) -> set[str]:
        """Return the first names of all that is hidden and is no part of Python."""
        names = {name.partition(".")[0] for name in self._hidden}
        return names - sys.stdlib_module_names - {"kd_engines", "kd_pipeline"}

    def has(self, name: str) -> bool:
        """Tell whether a module in its place is the one that was loaded in advance."""
        return name in self._hidden and sys.modules.get(name) is self._hidden[name]

    def module(self, name: str) -> ModuleType | None:
        """Return a module that is loaded, hidden or not."""
        return self._hidden.get(name) or sys.modules.get(name)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Find a hidden module (`importlib.abc.MetaPathFinder`)."""
        module = self._hidden.get(name)
        if module is None or name in self._given or name in sys.modules:
            return None
        parent = name.rpartition(".")[0]
        if parent:
            is_own = sys.modules.get(parent) is self._parent(name, parent)
        else:
            is_own = self._is_found(name, module, path, target)
        if not is_own or self._is_replaced(name):
            return None
        own = module.__spec__
        spec = ModuleSpec(name, None, origin=getattr(own, "origin", None))
        spec.loader = _Loader(self, name, module)  # type: ignore[assignment]
        if own is not None:
            spec.submodule_search_locations = own.submodule_search_locations
            spec.has_location = own.has_location
        return spec

    def _parent(self, name: str, parent: str) -> ModuleType | None:
        return self._packages.get(name) or self._hidden.get(parent) or sys.modules.get(parent)

    def _is_found(self, name: str, module: ModuleType, path: Any, target: Any) -> bool:
        """Tell whether an import would find the same file now."""
        own = module.__spec__
        if own is None or own.origin in ("built-in", "frozen"):
            return True
        for finder in sys.meta_path:
            found = None if finder is self else finder.find_spec(name, path, target)
            if found is not None:
                return found.origin == own.origin
        return False

    def _is_replaced(self, name: str) -> bool:
        """Tell whether the job has put another module in the place of one that is brought."""
        return any(
            one in sys.modules and sys.modules[one] is not self._hidden[one]
            for one in self._bring(name)
            if one not in self._given
        )

    def release(self, name: str) -> None:
        """Put a hidden module in its place, and all that its import would have brought."""
        released = [n for n in self._bring(name) if n == name or n not in sys.modules]
        self._given.update(released)
        self.late.check(name)
        self._put_in_place(released)
        if not self._recorded.changes.keys().isdisjoint(released):
            for one, made in self._recorded.changes.items():  # in the order of the imports' ends
                if one in released:
                    self._change_again(made)
        for one in CHANGED:
            if one != name and one in released:  # it was not asked for itself
                change(self._hidden[one], builtins.display.__self__)  # type: ignore[attr-defined]

    def _bring(self, name: str) -> list[str]:
        if name not in self._brought:
            self._brought[name] = self._brought_by(name)
        return self._brought[name]

    def _brought_by(self, name: str) -> list[str]:
        """Return what an import of a module brings, in the order in which it came."""
        left, seen = [name], {name}
        while left:
            one = left.pop()
            parent = one.rpartition(".")[0]
            found = {*self._recorded.imports.get(one, ()), *([parent] if parent else ())} - seen
            left += found
            seen |= found
        return [one for one in self._hidden if one in seen]

    def _change_again(self, made: Changes) -> None:
        """Change what an import has changed for all."""
        os.environ.update(made.variables)
        new = [one for one in made.filters if one not in warnings.filters]
        if new:
            _set_filters([*new, *warnings.filters])


class _Loader:
    """The loader of a module that is there: all but loading is the module's own loader's."""

    def __init__(self, preloaded: Preloaded, name: str, module: ModuleType) -> None:
        self._preloaded, self._name = preloaded, name
        self._module, self._spec = module, module.__spec__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec and self._spec.loader, name)

    def create_module(self, _spec: ModuleSpec) -> ModuleType:
        """Return the loaded module (`importlib.abc.Loader`), whose spec Python replaces then."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Put the module in its place, as its own loader has left it."""
        self._preloaded.release(self._name)
        module.__spec__ = self._spec  # last, as a lazy module needs the other one until then


def _set_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # so that it knows of a change
    warnings.filters[:] = filters  # type: ignore[index]
