"""Which warm parents an engine keeps: a bare one, and one with the libraries that jobs import."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kd_engines.members import capacity
from kd_engines.training import processes
from kd_engines.training.installed import installed_in, library_file
from kd_engines.training.queue.launch import Launch
from kd_engines.training.queue.usual_imports import Imports, UsualImports
from kd_engines.training.queue.warm_parent import WarmParent
from kd_pipeline.errors import InvalidInput

log = logging.getLogger(__name__)
SWITCH, MEMORY = "KD_WARM_START", "KD_WARM_MEMORY"
MOST_FAILURES = 3  # one after the other, then it is left
# The parent with libraries may take this share of the memory, and no more than so many bytes.
MEMORY_SHARE, MOST_BYTES = 1 / 16, 1 << 30
KNOWN_S = 3600.0
AGAIN_S = 10.0  # at the least, between two parents with libraries


class WarmStart:
    """Keeps warm parents, where this system can have them and KD_WARM_START is not 0."""

    def __init__(self, root: Path, environment: Callable[[], Mapping[str, str]]) -> None:
        self._root, self._environment = root, environment
        self._bare: WarmParent | None = None
        self._libraries: WarmParent | None = None
        self._next: WarmParent | None = None  # takes the place of _libraries when it is ready
        self._usual = UsualImports()
        self._left_out: dict[str, str] = {}
        self._is_library: dict[str, bool] = {}
        self._known_until = 0.0  # what is not known any more may have been installed since
        self._not_before = 0.0
        self._is_off = not processes.LINUX or os.environ.get(SWITCH) == "0"
        self._failures = 0  # of a bare one, one after the other
        self._most_bytes = most_bytes()

    def look_after(self) -> None:
        """Start the parents that are missing, or whose environment is an old one."""
        if self._is_off:
            return
        environment = self._environment()
        for parent in (self._bare, self._libraries, self._next):
            if parent and parent.is_late():
                parent.end("its import takes too long")
            elif parent and parent.environment != environment:
                parent.end()
        for look in (self._look_after_bare, self._look_after_libraries):
            try:
                look(environment)
            except OSError as error:
                log.warning("a warm parent could not be started: %s", error)

    def _look_after_bare(self, environment: Mapping[str, str]) -> None:
        if self._bare and self._bare.has_ended:
            self._failures = 0 if self._bare.is_ready else self._failures + 1
            self._bare = None
            if self._failures == MOST_FAILURES:
                log.warning("a warm parent cannot be had here: each job starts its own Python")
                self._is_off = True
                return
        self._bare = self._bare or WarmParent(self._root, environment)

    def _look_after_libraries(self, environment: Mapping[str, str]) -> None:
        """Start another parent with libraries where jobs import some that this one has not."""
        if self._libraries and self._libraries.has_ended:
            self._libraries = None
        if self._next and self._next.has_ended:
            for package, why in self._next.left_out.items():
                log.info("jobs import %s themselves: %s", package, why)
                self._left_out[package] = why
            self._not_before = 0.0 if self._next.left_out else self._not_before
            self._next = None
        if time.monotonic() > self._known_until:
            self._known_until = time.monotonic() + KNOWN_S
            self._left_out, self._is_library = {}, {}
        wanted = [n for n in self._usual.usual() if self._is_wanted(n.partition(".")[0])]
        has = self._libraries.names if self._libraries else frozenset()
        if (
            not self._most_bytes
            or self._next
            or time.monotonic() < self._not_before
            or has.issuperset(wanted)
        ):
            return
        self._not_before = time.monotonic() + AGAIN_S
        self._next = WarmParent(
            self._root, environment, wanted, self._most_bytes, self._on_libraries
        )

    def _is_wanted(self, package: str) -> bool:
        if package not in self._is_library:
            self._is_library[package] = library_file(package, installed_in()) is not None
        return self._is_library[package] and package not in self._left_out

    def _on_libraries(self) -> None:
        old, self._libraries, self._next = self._libraries, self._next, None
        if old:
            old.end()

    def saw(self, imports: Imports) -> None:
        """Take in what a job imports."""
        self._usual.saw(imports.names)

    def hand_over(self, launch: Launch, imports: Imports, notify: int) -> WarmParent | None:
        """Have a job started by a parent, and return it; None where there is another way only."""
        if self._is_off:
            return None
        for parent in (self._libraries, self._bare):
            helps = parent and (parent is self._bare or self._helps(parent, launch, imports))
            if parent and helps and parent.hand_over(launch.order(), notify):
                return parent
        return None

    def _helps(self, parent: WarmParent, launch: Launch, imports: Imports) -> bool:
        """Tell whether libraries are of use to a job: a module of its own may import them too."""
        has_own = not all(map(self._is_library.get, imports.packages))
        wants = has_own or not imports.packages.isdisjoint(parent.packages)
        may = not launch.is_cold and not imports.is_special
        hides = not launch.own_modules.isdisjoint(parent.modules)
        return wants and may and not hides and launch.is_usual(parent.environment)

    def close(self) -> None:
        """End the parents."""
        for parent in (self._bare, self._libraries, self._next):
            if parent:
                parent.end()


def most_bytes() -> int:
    """Return what a parent with libraries may take; raises InvalidInput for a wrong setting."""
    named = os.environ.get(MEMORY, "")
    if not named:
        return min(MOST_BYTES, int(capacity.memory_bytes() * MEMORY_SHARE))
    if not named.isdecimal():
        raise InvalidInput(f"{MEMORY} is {named!r}; it is a whole number of bytes, 0 for none.")
    return int(named)
