"""A worker: the process of one model version. ``python -m kd_engines.deployment.worker <fd> <fd>``.

The engine speaks first (:class:`~kd_engines.deployment.wire.Spec`). The worker parses the script
and says what kind it is; when it is told to, it loads, says so, and answers requests until the
socket closes. A script that defines functions is called, any other is run for each request. Over
the second socket it gets the connections of its replicas.
"""

import signal
import socket
import sys
from typing import TYPE_CHECKING, TypeVar

import msgspec

from kd_engines.deployment.collector import calm_collector
from kd_engines.deployment.wire import Frames, Go, Ready, Spec, frame
from kd_engines.deployment.worker.replica import Replica, Replicas, in_fork, own
from kd_engines.deployment.worker.script_kind import COMPILER
from kd_engines.members.processes import end_with_parent

if TYPE_CHECKING:
    from kd_engines.deployment.worker.loading import Script

READ_BYTES = 1 << 16
M = TypeVar("M", bound=msgspec.Struct)


def main(descriptor: int, control: int) -> int:
    """Serve one model version over the socket ``descriptor``; return the exit status."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the engine's business
    connection, controlled = socket.socket(fileno=descriptor), socket.socket(fileno=control)
    own(connection)
    own(controlled)
    return work(connection, Replicas(controlled))


def work(connection: socket.socket, replicas: Replicas) -> int:
    """Load what the engine says first, and serve it; return the exit status."""
    spec = first(connection, Spec)
    if spec is None:
        return 0
    from kd_engines.deployment.worker import loading

    try:
        parsed = loading.parse(spec)
        connection.sendall(frame(Ready(parsed.kind)))
        if first(connection, Go) is None:
            return 0
        script = loading.load(parsed, spec)
    except BaseException as error:
        connection.sendall(frame(Ready("", loading.failure_of(error, spec.script))))
        raise
    calm_collector()
    replicas.kind = script.kind
    connection.sendall(frame(Ready(script.kind, loaded=getattr(script, "loaded", None))))
    forked: socket.socket | None = None
    try:
        script.serve(connection, replicas.fork)
    except Replica as replica:
        forked = replica.connection
    if forked:  # outside of the exception, which the script's own would have as their context
        in_fork(lambda: serve_forked(script, forked, replicas))
    return 0


def serve_forked(script: "Script", connection: socket.socket, replicas: Replicas) -> None:
    """Serve as a fork: the model, or what the engine says."""
    if script.kind == COMPILER:
        work(connection, replicas)
    else:
        script.serve(connection, replicas.fork)


def first(connection: socket.socket, kind: type[M]) -> M | None:
    """Wait for a message of the engine; None where it has gone."""
    frames = Frames(kind)
    while data := connection.recv(READ_BYTES):
        found = frames.feed(data)
        if found:
            return found[0]
    return None


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
