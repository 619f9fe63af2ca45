"""Imports libraries in advance, as long as a fork of this process is still as good as a new one.

What an import leaves behind besides its modules (a thread, an open file, a signal's handler, a
word on standard error) would be missing in a job, or be there twice: such a library is left out.
"""

import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kd_engines.training import processes
from kd_engines.training.installed import installed_in, library_file, python_in
from kd_engines.training.warm.shown_as import resident_bytes

# Their makers say that a process that has imported them may not fork, or they start others.
NEVER = frozenset({"cudf", "cupy", "dask_cuda", "grpc", "jax", "pyspark", "ray", "tensorflow"})
FORK_AWARE = frozenset({"jemalloc_bg_thd"})  # of pyarrow's memory; a fork goes on without it
LONGEST_WHY = 300
OURS = ("kd_engines.", "kd_pipeline.", "kd_job_figures")
# Files that a library reads when it is imported, wherever they are or may come to be.
CONFIGURATION = {"matplotlib": ("matplotlibrc", "~/.config/matplotlib/matplotlibrc")}


class LeftOut(Exception):
    """A library that cannot be imported in advance: its name and why."""

    def __init__(self, package: str, why: str) -> None:
        super().__init__(package, why[:LONGEST_WHY])


class Libraries:
    """The libraries of this process; ``most_bytes`` is what it may use in all."""

    def __init__(self, most_bytes: int) -> None:
        self.packages: set[str] = set()
        self.names: list[str] = []
        self._most_bytes = most_bytes
        self._places = installed_in()
        self._installed = tuple(f"{place}/" for place in (*self._places, *python_in()))
        self._files = {path: _version(path) for path in self._places}

    def load(self, name: str) -> None:
        """Import a module, or what it is in, if that is found in site-packages.

        Raises LeftOut where no job may be forked from this process after that.
        """
        package = name.partition(".")[0]
        if package in NEVER or not self._is_library(package):
            return
        before, known = _state(), set(sys.modules)
        with _printed_into() as file:
            try:
                _import(name)
            except Exception as error:
                raise LeftOut(package, f"its import raises {error!r}") from error
            if os.fstat(file).st_size:
                raise LeftOut(package, "its import prints")
        for what, now in _state().items():
            if now != before[what]:
                raise LeftOut(package, f"its import changes {what}")
        for new in sys.modules.keys() - known:
            path = getattr(sys.modules[new], "__file__", None)
            if path and not new.startswith(OURS) and not path.startswith(self._installed):
                raise LeftOut(package, f"its import takes in {path}")
        if resident_bytes() > self._most_bytes:
            raise LeftOut(package, "it takes too much memory")
        self.packages.add(package)
        self.names.append(name)

    def _is_library(self, package: str) -> bool:
        origin = library_file(package, self._places)
        for path in (origin, *CONFIGURATION.get(package, ())) if origin else ():
            path = str(Path(path).expanduser())
            self._files.setdefault(path, _version(path))
        return bool(origin)

    def are_as_loaded(self) -> bool:
        """Tell whether an import would find the same files now, as far as a quick look says."""
        return all(_version(path) == version for path, version in self._files.items())


class Project:
    """The folder in which jobs run, whose modules may hide a library's."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._names = folder, set[str]()
        self._version = _version(str(folder))
        self._names = self._list()

    def has_any(self, modules: Iterable[str]) -> bool:
        """Tell whether one of these would be found in the folder."""
        if _version(str(self._folder)) != self._version:
            self._names = self._list()
        return not self._names.isdisjoint(modules)

    def _list(self) -> set[str]:
        return {path.name.partition(".")[0] for path in self._folder.iterdir()}


def _import(name: str) -> None:
    """Import a module; of what is not a module but something of one, that one."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        whole = ".".join(parts[:count])
        package = sys.modules.get(".".join(parts[: count - 1]))
        if whole in sys.modules:
            continue
        if package is not None:
            # As `from package import part` does it, which takes an attribute first.
            is_attribute = hasattr(package, parts[count - 1])
            if is_attribute or not hasattr(package, "__path__"):
                return
        if importlib.util.find_spec(whole) is None:
            return
        __import__(whole)


@contextmanager
def _printed_into() -> Iterator[int]:
    """Have what this process prints in a file that is gone afterwards; yields its descriptor."""
    own = [os.dup(number) for number in (1, 2)]
    file = os.memfd_create("printed")
    for number in (1, 2):
        os.dup2(file, number)
    try:
        yield file
    finally:
        for number, copy in zip((1, 2), own, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(file)


def _state() -> dict[str, object]:
    """Return what an import may change that a fork has not, or has in common with its parent."""
    pid = os.fork()  # which ends the threads of libraries that know of forks, such as OpenBLAS
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return {
        "the threads": _threads(),
        "the open files": sorted(path.name for path in Path("/proc/self/fd").iterdir()),
        "the processes": processes.descendants(os.getpid()),
        "what signals do": [signal.getsignal(number) for number in signal.valid_signals()],
        "the working directory": Path.cwd(),
        "the path of modules": list(sys.path),
        "what is done with exceptions": sys.excepthook,
        "the log's handlers": (list(logging.root.handlers), logging.root.level),
    }


def _threads() -> list[str]:
    """Return the names of this process's threads, but those whose makers care for forks."""
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return sorted(name for name in names if name not in FORK_AWARE)


def _version(path: str) -> tuple[int, ...]:
    try:
        found = Path(path).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size
