"""``python -m kd_engines.kubedirector.member``: the one command of the images.

It waits until KubeDirector has injected configmeta.json, runs what the member is to be, and starts
it again where it ends. Only when that does not help does it end itself, so that Kubernetes starts
the container anew and tells of it.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

from kd_engines.kubedirector.engine import ENVIRONMENT, command
from kd_engines.members.stop_signals import on_signals
from kd_engines.web.serve import log_to_stderr
from kd_pipeline.connections import Connections
from kd_pipeline.connections_file import GUEST_FILES, ConnectionsFile
from kd_pipeline.errors import KdError

log = logging.getLogger("kd_engines.member")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
MOST_ENDS = 8  # in a row
LONG_ENOUGH_S = 60.0  # then an end is no part of a row any more


class Runner:
    """Runs a command again and again until :meth:`stop`."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, line: list[str]) -> int:
        """Run until told to stop, or until it has ended too often; return the exit status."""
        ends, pause = 0, FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            self._process = subprocess.Popen(line, env={**ENVIRONMENT, **os.environ})
            if self.stopping.is_set():  # told so before there was a process to tell
                self._process.terminate()
            status = self._process.wait()
            if self.stopping.is_set():
                return status
            if time.monotonic() - began > LONG_ENOUGH_S:
                ends, pause = 0, FIRST_PAUSE_S
            ends += 1
            log.error("%s ended with %d", " ".join(line[1:3]), status)
            if ends == MOST_ENDS:
                log.error("it has ended %d times in a row; the container ends", ends)
                return 1
            self.stopping.wait(pause)
            if self.stopping.is_set():
                return 0
            pause = min(LONGEST_PAUSE_S, pause * 2)

    def stop(self) -> None:
        """Pass on that the container is to end; the engine drains first."""
        self.stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()


def wait_for_connections(file: ConnectionsFile, stopping: threading.Event) -> Connections | None:
    """Return the first good configmeta.json; None where told to stop before there was one."""
    log.info("waiting for %s, which KubeDirector writes", file.path)
    return next(file.changes(stopping), None)


def main() -> int:
    """Run the member until SIGTERM; return the exit status."""
    log_to_stderr()
    runner = Runner()
    on_signals(runner.stop, signal.SIGTERM, signal.SIGINT)
    try:
        # It is not there yet, so that it must be named: elsewhere the newest that exists is taken.
        path = os.environ.get("KD_CONFIGMETA") or GUEST_FILES[0]
        connections = wait_for_connections(ConnectionsFile(path), runner.stopping)
        if connections is None:
            return 0
        line = command(connections)
    except (KdError, OSError) as error:
        print(f"This member cannot run: {error}", file=sys.stderr)
        return 1
    log.info("%s of %s: %s", connections.role, connections.own.name, " ".join(line[1:]))
    return runner.run(line)


if __name__ == "__main__":
    sys.exit(main())
