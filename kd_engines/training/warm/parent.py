"""The warm parent: a process of a training engine from which jobs are forked.

It has done what every job's process does first, and waits with a spare runner and job for an order
from its engine. It has one thread, opens nothing, and ends with its engine; what it has started
lives on.
"""

import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping

from kd_engines.members.processes import end_with_parent
from kd_engines.training.job import child, error_output, failure, mime_bundles, values, widgets  # noqa: F401 - in advance
from kd_engines.training.warm import fresh_state, spare
from kd_engines.training.warm.preloaded import Preloaded
from kd_engines.training.warm.recorder import Recorder
from kd_engines.training.warm.shown_as import show_as

READY = b"ready"
# What a job's environment may have otherwise than this process's: libraries read these when they
# are used, not when they are imported.
OWN_VARIABLES = ("KD_", "MLFLOW_TRACKING_", "MLFLOW_S3_", "AWS_")
TOO_SOON = 20  # spares that end without an order, one after the other


def serve(recorder: Recorder, link: str, engine: str) -> list[str]:
    """Start jobs until the engine is gone; return in a job's process, with its arguments.

    ``recorder`` was made when all was there that a job begins with; ``link`` is the socket of the
    engine, a process with the id ``engine``.
    """
    end_with_parent(int(engine))
    show_as(sys.orig_argv, os.environ)  # OSError where this system cannot
    child.prepare()
    preloaded = Preloaded(recorder)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a runner
    gc.collect()
    gc.freeze()

    def be_new(command: list[str], environment: Mapping[str, str]) -> None:
        sys.orig_argv[:] = command
        os.environ.clear()
        os.environ.update(environment)
        fresh_state.renew(preloaded.module)

    def fits(order: spare.Order) -> bool:
        return not order["is_cold"] and _common(order["environment"]) == own

    own = _common(os.environ)
    ways = spare.Ways(fits, be_new, preloaded.show_all)
    return _serve(socket.socket(fileno=int(link)), ways)


def _serve(link: socket.socket, ways: spare.Ways) -> list[str]:
    link.send(READY)
    unused = 0
    while unused < TOO_SOON:
        told, arguments = spare.make(link, ways)
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


def _common(environment: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in environment.items() if not n.startswith(OWN_VARIABLES)}
