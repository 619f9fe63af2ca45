"""The warm parent: a process of a training engine from which jobs are forked.

It has done what every job's process does first, and perhaps imported the libraries that jobs
import (`libraries`), and waits with a spare runner and job for an order from its engine. It has one
thread, opens nothing, and ends with its engine; what it has started lives on.
"""

import ast
import encodings.ascii  # noqa: F401 - in advance, as is resource
import functools
import gc
import json
import os
import resource  # noqa: F401
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from kd_engines.members.processes import end_with_parent
from kd_engines.training.job import child, error_output, failure, mime_bundles, values, widgets  # noqa: F401 - in advance
from kd_engines.training.warm import ending, spare
from kd_engines.training.warm.forks import Forks, tell
from kd_engines.training.warm.libraries import LeftOut, Libraries
from kd_engines.training.warm.preloaded import Preloaded
from kd_engines.training.warm.recorder import Recorder
from kd_engines.training.warm.shown_as import show_as

_end: Callable[[object], NoReturn]
TOO_SOON = 20  # spares that end without an order, one after the other


def serve(recorder: Recorder, link: str, engine: str, wanted: str) -> list[str]:
    """Start jobs until the engine is gone; return in a job's process, with its arguments.

    ``recorder`` was made when all was there that a job begins with; ``link`` is the socket of the
    engine, a process with the id ``engine``. ``wanted`` is a JSON list: how much memory in bytes
    may be used, and the modules to import in advance.
    """
    end_with_parent(int(engine))
    show_as(sys.orig_argv, os.environ)  # OSError where this system cannot
    child.prepare()
    engine_link = socket.socket(fileno=int(link))
    libraries = _load(json.loads(wanted), engine_link)
    _compile()
    preloaded = Preloaded(recorder, libraries)
    global _end
    _end = functools.partial(ending.end, is_preloaded=preloaded.has, before=recorder.before)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a runner
    gc.collect()
    gc.freeze()
    forks = Forks(engine_link, recorder, libraries, preloaded)
    tell(engine_link, "packages", *sorted(libraries.packages))
    tell(engine_link, "ready", *sorted(forks.modules))
    return _serve(engine_link, forks)


def end(status: object) -> NoReturn:
    """End a job's process, to which `serve` has returned, as ``sys.exit(status)`` would."""
    _end(status)


def _compile() -> None:
    """Compile something, by a tree: what Python needs for that is made once."""
    tree = ast.parse("1")
    compile(ast.Interactive(tree.body), "<ready>", "single")


def _load(wanted: list[Any], link: socket.socket) -> Libraries:
    """Import what is wanted, or end and tell what not to want."""
    most_bytes, *names = wanted
    libraries = Libraries(most_bytes)
    for name in names:
        tell(link, "importing", name.partition(".")[0])
        try:
            libraries.load(name)
        except LeftOut as error:
            tell(link, "left_out", *error.args)
            os._exit(1)
    return libraries


def _serve(link: socket.socket, forks: Forks) -> list[str]:
    unused = 0
    while unused < TOO_SOON:
        told, arguments = spare.make(link, forks)
        if arguments is not None:
            return arguments
        poll = select.poll()
        poll.register(told, select.POLLIN)
        poll.register(link.fileno(), 0)  # its end alone
        if link.fileno() in dict(poll.poll()):
            os._exit(0)
        is_taken = bool(os.read(told, 1))
        os.close(told)
        unused = 0 if is_taken else unused + 1
    os._exit(1)
