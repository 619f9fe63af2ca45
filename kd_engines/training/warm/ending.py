"""The end of a job's process that was forked from a warm parent.

Python would take apart all that the parent has loaded, and the system would copy it for that. So
what a job can see of Python's end (`Py_FinalizeEx`) is done here, for what is the job's own.
"""

import atexit
import contextlib
import ctypes
import gc
import sys
import threading
from collections.abc import Callable, Iterable
from typing import NoReturn

_libc = ctypes.CDLL(None)


def end(status: object, is_preloaded: Callable[[str], bool], before: Iterable[str]) -> NoReturn:
    """End this process as Python does at ``sys.exit(status)``.

    ``before`` names the modules that a job begins with, which are not taken apart either.
    """
    code = status if isinstance(status, int) else int(status is not None)
    if code != status and status is not None:
        _say(status)
    _call(vars(threading)["_shutdown"])
    _call(vars(atexit)["_run_exitfuncs"])
    _flush()
    gc.collect()
    kept = set(before) - {"__main__"}
    for name in [*sys.modules]:
        if name not in kept and not is_preloaded(name):
            del sys.modules[name]
    gc.collect()
    _flush()
    _libc.exit(code & 0xFF)  # which has libraries in C do what they have to
    raise AssertionError


def _call(step: Callable[[], object]) -> None:
    try:
        step()
    except BaseException:
        sys.excepthook(*sys.exc_info())


def _say(words: object) -> None:
    _flush()
    print(words, file=sys.stderr, flush=True)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the job has closed it, or replaced it
            stream.flush()
