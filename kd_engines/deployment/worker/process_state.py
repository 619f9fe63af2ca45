"""What a script of 2020 may change of its process, kept and put back between two runs.

And what it does to the world outside of its process, which is only noted: a run that writes a file
must not be made twice to compare it.
"""

import atexit
import builtins
import contextlib
import gc
import os
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Events of `sys.audit` (docs.python.org/3/library/audit_events.html) that are seen from outside.
_OUTSIDE = (
    *("os.chmod", "os.chown", "os.kill", "os.killpg", "os.link", "os.mkdir"),
    *("os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate", "os.utime", "os.fork"),
    *("os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.exec", "os.setxattr"),
    *("subprocess.Popen", "pty.spawn", "socket.", "sqlite3.connect", "shutil.", "tempfile."),
    *("resource.setrlimit", "signal.", "fcntl.", "ftplib.", "http.client.", "smtplib.", "urllib."),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Where Python itself writes a module's bytecode: the folder is made, a file written and renamed.
_BYTECODE = "__pycache__"


def note_effects(note: Callable[[], None]) -> None:
    """Call ``note`` whenever this process does what is seen from outside, as long as it lives."""

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            is_seen = isinstance(flags, int) and bool(flags & _WRITES)
            is_seen |= isinstance(mode, str) and bool(set(mode) & set("wax+"))
            is_seen &= not isinstance(path, int)  # a descriptor, whose opening was seen
        else:
            is_seen = event.startswith(_OUTSIDE)
        if is_seen and not (arguments and _BYTECODE in str(arguments[0])):
            note()

    sys.addaudithook(look)


class ProcessState:
    """The state of this process as a run finds it."""

    def __init__(self, root: Path) -> None:
        # Here, as a worker alone needs neither.
        import logging
        import random

        self._root, self._logging, self._random = root, logging, random
        self._modules = set(sys.modules)
        changed: tuple[Any, ...] = (sys.path, logging.root.handlers)
        self._lists: list[tuple[Any, list[Any]]] = [(v, list(v)) for v in changed]
        self._filters = list(warnings.filters)
        self._environment = dict(os.environ)
        self._builtins = dict(builtins.__dict__)
        self._sys = {name: getattr(sys, name) for name in _OF_SYS}
        self._limits = sys.getrecursionlimit(), logging.root.level
        self._signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._numbers = _numeric_settings()
        self._descriptors = open_descriptors()
        self._callbacks = atexit._ncallbacks()  # that of logging

    def fresh(self) -> None:
        """Have random numbers that no run before had."""
        self._random.seed()
        seed_libraries()

    def put_back(self) -> bool:
        """Put back what a run has changed.

        False where that cannot be done: then this process has to end as any does.
        """
        if _has_more_to_do(self._callbacks):
            return False
        for handler in self._logging._handlerList:  # type: ignore[attr-defined]
            with contextlib.suppress(Exception):
                handler().flush()
        for name, value in self._sys.items():
            setattr(sys, name, value)
        self._drop_own_modules()
        gc.collect()
        self._put_back_settings()
        return open_descriptors() <= self._descriptors

    def _put_back_settings(self) -> None:
        for values, before in self._lists:
            values[:] = before
        warnings.filters[:] = self._filters  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        for name in set(builtins.__dict__) - set(self._builtins):
            del builtins.__dict__[name]
        builtins.__dict__.update(self._builtins)
        sys.setrecursionlimit(self._limits[0])
        self._logging.root.setLevel(self._limits[1])
        self._logging.disable(self._logging.NOTSET)
        for number, handler in self._signals.items():
            if signal.getsignal(number) is not handler and handler is not None:
                with contextlib.suppress(OSError, ValueError):
                    signal.signal(number, handler)
        signal.setitimer(signal.ITIMER_REAL, 0)
        os.umask(self._umask)
        os.chdir(self._root)
        for put, value in self._numbers:
            put(value)

    def _drop_own_modules(self) -> None:
        """Forget the modules of the project repository: each run imports them anew."""
        sys.modules.pop("__main__", None)
        for name in set(sys.modules) - self._modules:
            module = sys.modules[name]
            file = getattr(module, "__file__", None) or next(
                iter(getattr(module, "__path__", ())), None
            )
            if module is None or (file and Path(file).is_relative_to(self._root)):
                del sys.modules[name]
        self._modules |= set(sys.modules)


def seed_libraries() -> None:
    """Give libraries random numbers that a fork's parent has not; `random` sees to that itself."""
    for name in ("numpy.random", "torch"):
        seed = getattr(sys.modules.get(name), "seed", None)
        if seed:
            seed()


_OF_SYS = (
    *("stdin", "stdout", "stderr", "excepthook", "displayhook", "unraisablehook"),
    *("argv", "dont_write_bytecode", "breakpointhook", "meta_path", "path_hooks"),
)


def _numeric_settings() -> list[tuple[Callable[[Any], Any], Any]]:
    """Return settings of numpy and decimal, each with what sets it."""
    import decimal

    found: list[tuple[Callable[[Any], Any], Any]] = [
        (lambda before: decimal.setcontext(before.copy()), decimal.getcontext().copy())
    ]
    numpy = sys.modules.get("numpy")
    if numpy:
        found.append((lambda before: numpy.seterr(**before), numpy.geterr()))
        found.append((lambda before: numpy.set_printoptions(**before), numpy.get_printoptions()))
    return found


def _has_more_to_do(callbacks: int) -> bool:
    """Tell whether a process would do, or wait for, something at its end, or has children.

    ``callbacks`` are those that it had before its run.
    """
    finalizers = weakref.finalize._registry  # type: ignore[attr-defined]
    if threading.active_count() > 1 or atexit._ncallbacks() > callbacks or finalizers:
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def open_descriptors() -> set[str]:
    """Return the names of the descriptors that are open; none where that is not told."""
    try:
        return set(os.listdir("/dev/fd"))  # noqa: PTH208 - names are enough
    except OSError:
        return set()
