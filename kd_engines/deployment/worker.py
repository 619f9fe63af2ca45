"""A worker: the process of one model version. ``python -m kd_engines.deployment.worker <fd>``.

The engine speaks first (:class:`~kd_engines.deployment.frames.Spec`); after loading, the worker
answers requests until the socket closes. Which way depends on the scoring script: one that defines
functions is called, any other is run for each request.
"""

import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

from kd_engines.deployment.frames import Frames, Ready, Spec, frame, one

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
READ_BYTES = 1 << 16


def main(descriptor: int) -> int:
    """Serve one model version over the socket ``descriptor``; return the exit status."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the engine's business
    connection = socket.socket(fileno=descriptor)
    specs: list[Spec] = []
    frames = Frames(Spec)
    while not specs:
        data = connection.recv(READ_BYTES)
        if not data:
            return 0
        specs = frames.feed(data)
    spec = specs[0]
    from kd_engines.deployment.scripts import load_script

    try:
        script = load_script(Path(spec.script), Path(spec.path), Path(spec.root), spec.timeout_s)
    except BaseException as error:
        connection.sendall(frame(Ready("", failure_of(error, spec.script))))
        raise
    connection.sendall(frame(Ready(script.kind)))
    script.serve(connection)
    return 0


def end_with_parent() -> None:
    """Ask the kernel to end this process with its parent (Linux); elsewhere the socket tells."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def failure_of(error: BaseException, script: str) -> str:
    """Say an exception in one line, with the line of the script where it came up."""
    place, trace = "", error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == script:
            place = f" (line {trace.tb_lineno} of {Path(script).name})"
        trace = trace.tb_next
    return f"{type(error).__name__}: {one(error)}{place}"


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
