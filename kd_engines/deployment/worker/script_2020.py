"""Scoring scripts of 2020 inside a worker: run anew for each request, from a warm process.

The worker imports the libraries that the script imports and compiles the script once. For each
request it forks; the fork runs the script as ``__main__`` with its arguments in ``sys.argv`` and
ends. What it prints is the answer. The script cannot tell this from a process of its own, except
by the clock.
"""

import ast
import contextlib
import gc
import os
import selectors
import signal
import socket
import time
import types
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from kd_engines.deployment.wire import Answer, Ask, Frames, frame
from kd_engines.deployment.worker.fork import Fork
from kd_engines.deployment.worker.imports_ahead import import_ahead
from kd_engines.deployment.worker.loading import advice_for
from kd_engines.exit_codes import ended_with

LARGEST_OUTPUT_BYTES = 1024 * 1024
LOG_BYTES = 8 * 1024  # of what it wrote to standard error, the end
READ_BYTES = 1 << 16
# How often is looked for ends where the system does not tell them (macOS).
LOOK_EVERY_S = 0.01
HAS_PIDFD = hasattr(os, "pidfd_open")


@dataclass(eq=False)
class Run:
    """One fork at work: its pipes, what came through them, its deadline (monotonic)."""

    ask: Ask
    pid: int
    deadline: float
    out: int
    err: int
    end: int | None  # readable once it has ended
    output: bytearray = field(default_factory=bytearray)
    log: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    timed_out: bool = False

    def take(self, descriptor: int, data: bytes) -> None:
        """Keep what came through a pipe: of the output the beginning, of the log the end."""
        if descriptor == self.out:
            room = LARGEST_OUTPUT_BYTES - len(self.output)
            self.truncated |= len(data) > room
            self.output += data[: max(0, room)]
        else:
            self.log += data
            del self.log[:-LOG_BYTES]


class Script2020:
    """A script of 2020; as many run at once as there are CPUs, the others wait their turn."""

    kind = "script"

    def __init__(
        self, code: types.CodeType, tree: ast.Module, script: Path, root: Path, timeout_s: float
    ) -> None:
        self._fork = Fork(code, script, root)
        self._timeout_s = timeout_s
        self._most = os.cpu_count() or 1
        self._waiting: deque[tuple[Ask, float]] = deque()
        self._runs: dict[int, Run] = {}
        self._selector = selectors.DefaultSelector()
        import_ahead(tree, script, root)
        gc.collect()
        gc.freeze()  # the forks then share these pages

    def serve(self, connection: socket.socket) -> None:
        """Run the script for each request until the engine closes the connection."""
        frames = Frames(Ask)
        self._selector.register(connection, selectors.EVENT_READ)
        while True:
            while self._waiting and len(self._runs) < self._most:
                self._start(*self._waiting.popleft())
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is connection:
                    data = connection.recv(READ_BYTES)
                    if not data:
                        return self._end_all()
                    self._queue(frames.feed(data), connection)
                elif key.fd != key.data.end:
                    self._read(key.data, key.fd)
            for run in [run for run in self._runs.values() if self._has_ended(run)]:
                connection.sendall(frame(self._answer(run)))
            self._end_late(connection)

    def _queue(self, asks: list[Ask], connection: socket.socket) -> None:
        for ask in asks:
            if ask.args:
                self._waiting.append((ask, time.monotonic() + self._timeout_s))
            else:  # it only asks whether somebody is there
                connection.sendall(frame(Answer(ask.id)))

    def _start(self, ask: Ask, deadline: float) -> None:
        out, out_in = os.pipe()
        err, err_in = os.pipe()
        ours = [key.fd for key in self._selector.get_map().values()]
        pid = self._fork.start(ask.args, out_in, err_in, [*ours, out, err])
        os.close(out_in)
        os.close(err_in)
        end = os.pidfd_open(pid) if HAS_PIDFD else None
        run = self._runs[pid] = Run(ask, pid, deadline, out, err, end)
        for descriptor in (out, err, end):
            if descriptor is not None:
                os.set_blocking(descriptor, False)
                self._selector.register(descriptor, selectors.EVENT_READ, run)

    def _read(self, run: Run, descriptor: int) -> None:
        """Take what is there; a pipe that ends says nothing about its process."""
        data = os.read(descriptor, READ_BYTES)
        run.take(descriptor, data)
        if not data:
            self._selector.unregister(descriptor)

    def _has_ended(self, run: Run) -> bool:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, run.pid, flags) is not None

    def _answer(self, run: Run) -> Answer:
        """Collect a fork that has ended. What it started may still hold its pipes: nobody waits."""
        _, status = os.waitpid(run.pid, 0)
        del self._runs[run.pid]
        for descriptor in (run.out, run.err):
            with contextlib.suppress(BlockingIOError):
                while data := os.read(descriptor, READ_BYTES):
                    run.take(descriptor, data)
        for opened in (run.out, run.err, run.end):
            if opened is not None:
                with contextlib.suppress(KeyError):
                    self._selector.unregister(opened)
                os.close(opened)
        output, log = run.output.decode(errors="replace"), run.log.decode(errors="replace")
        if run.truncated:
            log = f"{log}[the output was cut after {LARGEST_OUTPUT_BYTES:,} bytes]\n"
        answer = Answer(run.ask.id, prediction(output), output, None, log, run.pid)
        if run.timed_out:
            answer.timed_out = True
            answer.failure = f"it ran longer than {self._timeout_s:g} s and was ended"
        elif status != 0:
            answer.failure = why(os.waitstatus_to_exitcode(status), log)
        elif not output.strip():
            answer.failure = "it printed nothing; print the prediction"
        return answer

    def _pause(self) -> float | None:
        """Return the seconds until the next deadline; None where nothing runs or waits."""
        deadlines = [run.deadline for run in self._runs.values()]
        if self._waiting:
            deadlines.append(self._waiting[0][1])
        if not deadlines:
            return None
        longest = max(0.0, min(deadlines) - time.monotonic())
        return longest if HAS_PIDFD else min(longest, LOOK_EVERY_S)

    def _end_late(self, connection: socket.socket) -> None:
        now = time.monotonic()
        for run in self._runs.values():
            if now >= run.deadline:
                self._kill(run)
                run.deadline = now + 1
        while self._waiting and now >= self._waiting[0][1]:
            ask, _ = self._waiting.popleft()
            late = (
                f"it waited {self._timeout_s:g} s for its turn: {self._most} runs of a script are "
                "made at a time here"
            )
            connection.sendall(frame(Answer(ask.id, failure=late, timed_out=True)))

    def _kill(self, run: Run) -> None:
        run.timed_out = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(run.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):  # before it had a group of its own
            os.kill(run.pid, signal.SIGKILL)

    def _end_all(self) -> None:
        for run in self._runs.values():
            self._kill(run)


def prediction(output: str) -> bytes:
    """Return the first line of what a script printed as JSON: a number where it is one."""
    line = output.strip().partition("\n")[0].strip()
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.encode(msgspec.json.decode(line))
    return msgspec.json.encode(line)


def why(code: int, log: str) -> str:
    """Say how a script failed: its last words, or its signal."""
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    how = ended_with(code)
    return f"{last[:400]} ({how}){advice_for(last)}" if last else f"it ended with {how}"
