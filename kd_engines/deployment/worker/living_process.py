"""A process that runs a script of 2020 again and again, and the worker's end of it.

Each run has a fresh namespace, and the process's state as it was. See :mod:`.process_state`.
"""

import contextlib
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from kd_engines.deployment.wire import Frames, frame
from kd_engines.deployment.worker.fork import Fork, finish
from kd_engines.deployment.worker.process_state import ProcessState, note_effects, open_descriptors
from kd_engines.deployment.worker.run import READ_BYTES, Run

# It is replaced after so many runs, or when it has grown by so much: what scripts leave adds up.
MOST_RUNS = 2000
LARGEST_GROWTH_KB = 256 * 1024


class Begin(msgspec.Struct, array_like=True):
    """To the process: run the script once."""

    args: list[str]


class Ended(msgspec.Struct, array_like=True):
    """From it: how a run ended.

    Another may not follow where the run left something (it is not ``is_clean``), or the process
    ``is_spent``. ``had_effects`` tells whether the run did what is seen from outside.
    """

    code: int
    is_clean: bool
    is_spent: bool
    had_effects: bool


class LivingProcess:
    """The worker's end: one process, idle or with a run."""

    def __init__(self, fork: Fork, root: Path, not_its_own: Iterable[int]) -> None:
        self._frames: Frames[Ended] = Frames(Ended)
        opened: list[int] = []
        ours, theirs = socket.socketpair()
        try:
            for _ in range(2):
                opened += os.pipe()
            self.out, out, self.err, err = opened
            inside = [*not_its_own, self.out, self.err, ours.fileno()]
            self.pid = fork.begin(lambda: _serve(fork, root, theirs), out, err, inside)
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            ours.close()
            raise
        finally:
            theirs.close()
        os.close(out)
        os.close(err)
        for descriptor in (self.out, self.err):
            os.set_blocking(descriptor, False)
        ours.setblocking(False)
        self.control = ours
        self.run: Run | None = None
        self.runs = 0

    @property
    def descriptors(self) -> list[int]:
        """Return the worker's descriptors of it."""
        return [self.out, self.err, self.control.fileno()]

    def begin(self, run: Run) -> None:
        """Have it run the script; raises OSError where it has gone."""
        self.run = run
        self.runs += 1
        self.control.sendall(frame(Begin(run.args)))

    def ended(self) -> Ended | None:
        """Return how its run has ended; None where it has not.

        Raises EOFError where the process has gone.
        """
        try:
            data = self.control.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            raise EOFError
        found = self._frames.feed(data)
        return found[0] if found else None

    def end(self) -> int:
        """End it, and return its exit code, or minus a signal's number."""
        for descriptor in (self.out, self.err):
            os.close(descriptor)
        self.control.close()
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def _serve(fork: Fork, root: Path, control: socket.socket) -> int:
    """Run the script for each Begin until the worker closes the connection; in the process."""
    effects: list[bool] = []
    state = ProcessState(root)
    note_effects(lambda: effects.append(True))
    begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    frames = Frames(Begin)
    runs = 0
    while data := control.recv(READ_BYTES):
        for begin in frames.feed(data):
            state.fresh()
            effects.clear()
            before = len(sys.modules), open_descriptors()
            code = fork.execute(begin.args)
            had_effects = bool(effects)
            _flush()
            is_clean = state.put_back()
            if not is_clean:
                finish(*before, root)
            _flush()
            runs += 1
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun
            is_spent = runs >= MOST_RUNS or grown > LARGEST_GROWTH_KB
            control.sendall(frame(Ended(code, is_clean, is_spent, had_effects)))
    return 0


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
