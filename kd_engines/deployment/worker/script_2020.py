"""Scoring scripts of 2020 inside a worker: run anew for each request, from a warm process.

The worker imports the libraries that the script imports and compiles the script once. For each
request it forks; the fork runs the script as ``__main__`` with its arguments in ``sys.argv`` and
ends. What it prints is the answer. The script cannot tell this from a process of its own, except
by the clock.
"""

import ast
import contextlib
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

from kd_engines.deployment.rows import no_arguments
from kd_engines.deployment.wire import Answer, Ask, Frames, frame
from kd_engines.deployment.worker.fork import Fork, arguments
from kd_engines.deployment.worker.imports_ahead import import_ahead
from kd_engines.deployment.worker.loading import advice_for
from kd_engines.exit_codes import ended_with

LARGEST_OUTPUT_BYTES = 1024 * 1024
LOG_BYTES = 8 * 1024  # of what it wrote to standard error, the end
READ_BYTES = 1 << 16
# How often is looked for ends where the system does not tell them (macOS).
LOOK_EVERY_S = 0.01
# What can be in a pipe whose writer has ended; another one may go on writing.
LAST_READS = 16


def _has_pidfd() -> bool:
    """Tell whether the kernel tells of ends by a descriptor (Linux 5.3; not in every sandbox)."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


HAS_PIDFD = _has_pidfd()


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
    begun: float = field(default_factory=time.monotonic)

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
        self._waiting: deque[Ask] = deque()
        self._runs: dict[int, Run] = {}
        self._selector = selectors.DefaultSelector()
        import_ahead(tree, script, root)

    def serve(self, connection: socket.socket) -> None:
        """Run the script for each request until the engine closes the connection."""
        frames = Frames(Ask)
        self._selector.register(connection, selectors.EVENT_READ)
        while True:
            while self._waiting and len(self._runs) < self._most:
                answer = self._start(self._waiting.popleft())
                if answer:
                    connection.sendall(frame(answer))
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is connection:
                    data = connection.recv(READ_BYTES)
                    if not data:
                        return self._end_all()
                    self._queue(frames.feed(data), connection)
                elif key.fd != key.data.end:
                    self._read(key.data, key.fd)
            for run in list(self._runs.values()):
                pid, status = os.waitpid(run.pid, os.WNOHANG)
                if pid:
                    connection.sendall(frame(self._answer(run, status)))
            self._end_late(connection)

    def _queue(self, asks: list[Ask], connection: socket.socket) -> None:
        for ask in asks:
            if ask.args:
                self._waiting.append(ask)
            else:  # it only asks whether somebody is there
                connection.sendall(frame(Answer(ask.id)))

    def _start(self, ask: Ask) -> Answer | None:
        """Begin a run; where that cannot be, return its answer."""
        try:
            args = arguments(ask.args)
        except ValueError as error:
            return Answer(ask.id, failure=no_arguments(error), unreadable=True)
        opened: list[int] = []
        try:
            for _ in range(2):
                opened += os.pipe()
            out, out_in, err, err_in = opened
            end = None
            pid = self._fork.start(args, out_in, err_in, [*self._descriptors(), out, err])
            with contextlib.suppress(OSError):  # then it is looked for instead
                end = os.pidfd_open(pid) if HAS_PIDFD else None
        except OSError as error:
            for descriptor in opened:
                os.close(descriptor)
            return Answer(ask.id, failure=f"it cannot be started: {error.strerror}")
        os.close(out_in)
        os.close(err_in)
        run = self._runs[pid] = Run(ask, pid, ask.deadline, out, err, end)
        for opening in (out, err, end):
            if opening is not None:
                os.set_blocking(opening, False)
                self._selector.register(opening, selectors.EVENT_READ, run)
        return None

    def _descriptors(self) -> list[int]:
        """Return what is the worker's and no fork's."""
        ours = [run_fd for run in self._runs.values() for run_fd in (run.out, run.err, run.end)]
        more = [getattr(self._selector, "fileno", lambda: None)()]
        return [descriptor for descriptor in ours + more if descriptor is not None]

    def _read(self, run: Run, descriptor: int) -> None:
        """Take what is there; a pipe that ends says nothing about its process."""
        data = os.read(descriptor, READ_BYTES)
        run.take(descriptor, data)
        if not data:
            self._selector.unregister(descriptor)

    def _answer(self, run: Run, status: int) -> Answer:
        """Answer for a fork that has ended. What it started may hold its pipes: nobody waits."""
        del self._runs[run.pid]
        for descriptor in (run.out, run.err):
            with contextlib.suppress(BlockingIOError):
                for _ in range(LAST_READS):
                    run.take(descriptor, os.read(descriptor, READ_BYTES))
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
            waited = run.begun - (run.ask.deadline - self._timeout_s)
            turn = f", of which it waited {waited:.1f} s for its turn," if waited > 0.1 else ""
            answer.failure = f"it ran longer than {self._timeout_s:g} s{turn} and was ended"
        elif status != 0:
            answer.failure = why(os.waitstatus_to_exitcode(status), log)
        elif not output.strip():
            answer.failure = "it printed nothing; print the prediction"
        return answer

    def _pause(self) -> float | None:
        """Return the seconds until the next deadline; None where nothing runs or waits."""
        deadlines = [run.deadline for run in self._runs.values()]
        if self._waiting:
            deadlines.append(self._waiting[0].deadline)
        if not deadlines:
            return None
        longest = max(0.0, min(deadlines) - time.monotonic())
        told_of = all(run.end is not None for run in self._runs.values())
        return longest if told_of else min(longest, LOOK_EVERY_S)

    def _end_late(self, connection: socket.socket) -> None:
        now = time.monotonic()
        for run in self._runs.values():
            if now >= run.deadline:
                self._kill(run)
                run.deadline = now + 1
        while self._waiting and self._waiting[0].is_late():
            ask = self._waiting.popleft()
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
