"""A fork of a warm worker becomes a script's own process, and ends as one does.

A process of its own has random numbers that nobody else has, runs what it was asked to run at its
exit, waits for its threads and writes out its open files. A fork that ends by `os._exit` does none
of that by itself.
"""

import atexit
import contextlib
import gc
import io
import itertools
import os
import shlex
import signal
import sys
import types
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from kd_engines.deployment.worker.process_state import note_effects, open_descriptors
from kd_engines.members.processes import end_with_parent

# What is done at a process's end, where these modules were imported.
_LAST_STEPS = (
    ("threading", "_shutdown"),
    ("atexit", "_run_exitfuncs"),
    ("multiprocessing.util", "_exit_function"),
    ("logging", "shutdown"),
)


class Fork:
    """Runs one compiled script in forks."""

    def __init__(self, code: types.CodeType, script: Path, root: Path) -> None:
        self._code, self._script, self._root = code, str(script), root

    def start(
        self,
        args: list[str],
        out: int,
        err: int,
        not_its_own: Iterable[int],
        effects: Callable[[], None] | None = None,
    ) -> int:
        """Return the pid of a fork that runs the script with ``args`` after its name.

        It writes to the descriptors ``out`` and ``err``, and has none of ``not_its_own``. It calls
        ``effects`` for whatever it does that is seen from outside.
        """
        return self.begin(lambda: self._once(args, effects), out, err, not_its_own)

    def begin(self, work: Callable[[], int], out: int, err: int, not_its_own: Iterable[int]) -> int:
        """Return the pid of a fork that does ``work`` and ends with what that returns."""
        worker = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._run(work, out, err, not_its_own, worker)
        return pid

    def _once(self, args: list[str], effects: Callable[[], None] | None) -> int:
        before = len(sys.modules), open_descriptors()
        if effects:
            note_effects(effects)
        code = self.execute(args)
        finish(*before, self._root)
        return code

    def _run(
        self,
        work: Callable[[], int],
        out: int,
        err: int,
        not_its_own: Iterable[int],
        worker: int,
    ) -> NoReturn:
        code = 1
        try:
            os.setsid()
            end_with_parent(worker)
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (out, 1), (err, 2)):
                os.dup2(source, target)
            for descriptor in (null, out, err, *not_its_own):
                with contextlib.suppress(OSError):  # the worker's socket is closed already
                    os.close(descriptor)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(self._root)
            _forget_the_worker()
            code = work()
        finally:
            os._exit(code)

    def execute(self, args: list[str]) -> int:
        """Run the script as ``python <script> <arguments>`` would; return the exit status."""
        module = types.ModuleType("__main__")
        module.__file__ = self._script
        sys.modules["__main__"] = module
        try:
            sys.argv[:] = [self._script, *args]
            exec(self._code, module.__dict__)  # noqa: S102 - the user's script, in a fork
        except SystemExit as error:
            return exit_code(error)
        except BaseException as error:
            _try(getattr(sys.stdout, "flush", int))
            trace = error.__traceback__.tb_next if error.__traceback__ else None
            _try(partial(sys.excepthook, type(error), error.with_traceback(trace), trace))
            return 1
        return 0


def arguments(args: bytes) -> list[str]:
    """Return what a script finds after its name in ``sys.argv``.

    The JSON text of an object is one argument; a text is split as a shell would. Raises ValueError
    for a quotation that is not closed.
    """
    if args[:1] == b'"':
        return shlex.split(msgspec.json.decode(args, type=str))
    return [args.decode()]


def exit_code(error: SystemExit) -> int:
    """Return what a process exits with for ``sys.exit(…)``; a text goes to standard error."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    with contextlib.suppress(Exception):  # whatever stands in its place
        sys.stderr.write(f"{error.code}\n")
    return 1


def _forget_the_worker() -> None:
    """Drop what is the worker's: what it does at exit, and the state of its random numbers.

    `random` draws a new state in every fork by itself.
    """
    atexit._clear()
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    for name, function in (("numpy.random", "seed"), ("torch", "seed")):
        reseed = getattr(sys.modules.get(name), function, None)
        if reseed:
            reseed()


def finish(modules: int, descriptors: set[str], root: Path) -> None:
    """Do what Python does at a process's end; ``modules`` and ``descriptors`` are the worker's.

    In its order: threads, exit functions (also of modules that were imported before the fork),
    objects, files. Objects are dropped as long as the globals that their finalizers use are there.
    What the worker has is not looked through: looking copies its memory.
    """
    for module, name in _LAST_STEPS:
        step = _attribute(module, name)
        if step:
            _try(step)
    for stream in (sys.stdout, sys.stderr):
        _try(getattr(stream, "flush", int))
    new = list(itertools.islice(reversed(sys.modules), max(0, len(sys.modules) - modules)))
    for name in new:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(root):
            del sys.modules[name]
    sys.modules.pop("__main__", None)
    _try(gc.collect)
    if not open_descriptors() <= descriptors:
        _flush_files()


def _flush_files() -> None:
    """Write out the files that something still refers to."""
    for thing in gc.get_objects():  # what is new since the fork: the worker's own are frozen
        if isinstance(thing, io.IOBase):
            with contextlib.suppress(BaseException):
                thing.flush()


def _try(step: Callable[[], Any]) -> None:
    try:
        step()
    except BaseException as error:
        with contextlib.suppress(BaseException):
            sys.excepthook(type(error), error, error.__traceback__)


def _attribute(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, None)
