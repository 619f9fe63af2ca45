"""Scoring scripts of 2020 inside a worker: run anew for each request, from a warm process.

The worker imports the libraries that the script imports and compiles the script once. For each
request it forks; the fork runs the script as ``__main__`` with its arguments in ``sys.argv`` and
ends. What it prints is the answer. The script cannot tell this from a process of its own, except
by the clock. Where it makes no difference a process runs it again and again instead, which is
several times faster: see :mod:`.trust`.
"""

import ast
import contextlib
import math
import mmap
import os
import selectors
import socket
import time
import types
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kd_engines.deployment.results import not_in_time
from kd_engines.deployment.rows import no_arguments
from kd_engines.deployment.wire import Answer, Ask, Frames, frame
from kd_engines.deployment.worker.batching import late
from kd_engines.deployment.worker.fork import Fork, arguments
from kd_engines.deployment.worker.imports_ahead import import_ahead
from kd_engines.deployment.worker.living_pool import LivingPool
from kd_engines.deployment.worker.living_process import LivingProcess
from kd_engines.deployment.worker.run import READ_BYTES, Run
from kd_engines.deployment.worker.trust import CHECK_S, Check, Trust

# How often is looked for ends where the system does not tell them (macOS).
LOOK_EVERY_S = 0.01


def _has_pidfd() -> bool:
    """Tell whether the kernel tells of ends by a descriptor (Linux 5.3; not in every sandbox)."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


HAS_PIDFD = _has_pidfd()


@dataclass(eq=False)
class Forked:
    """A run in a process of its own; ``end`` is readable once it has ended.

    The first byte of ``effects`` is 1 where it did what is seen from outside. ``check`` is what it
    is compared with, where no client waits for it.
    """

    run: Run
    end: int | None
    effects: mmap.mmap
    check: Check | None = None

    @property
    def descriptors(self) -> list[int]:
        """Return the worker's descriptors of it."""
        pipes = [self.run.out, self.run.err]
        return pipes if self.end is None else [*pipes, self.end]


class Script2020:
    """A script of 2020; as many run at once as there are CPUs, the others wait their turn."""

    kind = "script"

    def __init__(
        self,
        code: types.CodeType,
        tree: ast.Module,
        script: Path,
        model: Path,
        root: Path,
        timeout_s: float,
    ) -> None:
        self._fork = Fork(code, script, root)
        self._timeout_s = timeout_s
        self._most = os.cpu_count() or 1
        self._waiting: deque[Ask] = deque()
        self._forks: dict[int, Forked] = {}
        self._trust = Trust()
        self._selector = selectors.DefaultSelector()
        self._living = LivingPool(self._fork, root, self._selector, self._trust, self._answer)
        self._connection: socket.socket
        import_ahead(tree, script, root, model)

    def serve(self, connection: socket.socket, _replicate: Callable[[], None]) -> None:
        """Run the script for each request until the engine closes the connection.

        It has no replicas: its runs have processes of their own.
        """
        self._connection = connection
        frames = Frames(Ask)
        self._selector.register(connection, selectors.EVENT_READ)
        while True:
            self._start_what_waits()
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is connection:
                    data = connection.recv(READ_BYTES)
                    if not data:
                        return self._end_all()
                    self._queue(frames.feed(data))
                elif isinstance(key.data, LivingProcess):
                    self._living.look_at(key.data, key.fd)
                elif key.fd != key.data.end:
                    self._read(key.data, key.fd)
            for forked in list(self._forks.values()):
                pid, status = os.waitpid(forked.run.pid, os.WNOHANG)
                if pid:
                    self._fork_ended(forked, os.waitstatus_to_exitcode(status))
            self._end_late()

    def _queue(self, asks: list[Ask]) -> None:
        for ask in asks:
            if ask.args:
                self._waiting.append(ask)
            elif ask.deadline <= 0:
                self._give_up(ask.id)
            else:  # it only asks whether somebody is there
                self._send(Answer(ask.id))

    def _give_up(self, number: int) -> None:
        """End the run of a request for which nobody waits, or do not begin it."""
        for run in self._all_runs():
            if run.ask.id == number:
                run.is_given_up = True
                run.kill(time.monotonic())
        for ask in [ask for ask in self._waiting if ask.id == number]:
            self._waiting.remove(ask)
            self._send(late(ask))

    def _send(self, answer: Answer) -> None:
        self._connection.sendall(frame(answer))

    def _answer(self, run: Run, code: int) -> None:
        self._send(run.answer(code, self._timeout_s))

    def _start_what_waits(self) -> None:
        """Begin runs as long as there are processors; clients first."""
        while (self._waiting or self._trust.waiting) and self._busy < self._most:
            if self._waiting:
                self._start(self._waiting.popleft())
                continue
            check = self._trust.waiting.popleft()
            ask = Ask(0, b"", time.monotonic() + min(self._timeout_s, CHECK_S))
            try:
                if check.in_fork:
                    self._start_fork(ask, check.args, check)
                else:
                    self._living.start(ask, check.args, self._descriptors(), check)
            except OSError as error:
                self._trust.end(f"no further process can be started ({error.strerror})")

    @property
    def _busy(self) -> int:
        return len(self._all_runs())

    def _start(self, ask: Ask) -> None:
        """Begin a client's run; where that cannot be, answer it."""
        try:
            args = arguments(ask.args)
        except ValueError as error:
            self._send(Answer(ask.id, failure=no_arguments(error), unreadable=True))
            return
        try:
            if self._trust.is_given:
                self._living.start(ask, args, self._descriptors())
            else:
                self._start_fork(ask, args)
        except OSError as error:
            self._send(Answer(ask.id, failure=f"it cannot be started: {error.strerror}"))

    def _start_fork(self, ask: Ask, args: list[str], check: Check | None = None) -> None:
        effects = mmap.mmap(-1, 1)  # shared with the fork
        opened: list[int] = []
        try:
            for _ in range(2):
                opened += os.pipe()
            out, out_in, err, err_in = opened
            pid = self._fork.start(
                *(args, out_in, err_in, [*self._descriptors(), out, err]),
                (lambda: effects.__setitem__(0, 1)) if self._trust.wants_checks else None,
            )
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            raise
        end = None
        with contextlib.suppress(OSError):  # then it is looked for instead
            end = os.pidfd_open(pid) if HAS_PIDFD else None
        os.close(out_in)
        os.close(err_in)
        run = Run(ask, args, pid, out, err, ask.deadline)
        forked = self._forks[pid] = Forked(run, end, effects, check)
        for descriptor in forked.descriptors:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ, forked)

    def _descriptors(self) -> list[int]:
        """Return what is the worker's and no fork's."""
        ours = [fd for forked in self._forks.values() for fd in forked.descriptors]
        ours += self._living.descriptors
        fileno = getattr(self._selector, "fileno", None)
        return [*ours, fileno()] if fileno else ours

    def _read(self, forked: Forked, descriptor: int) -> None:
        """Take what is there; a pipe that ends says nothing about its process."""
        data = os.read(descriptor, READ_BYTES)
        forked.run.take(descriptor, data)
        if not data:
            self._selector.unregister(descriptor)

    def _fork_ended(self, forked: Forked, code: int) -> None:
        run = forked.run
        del self._forks[run.pid]
        run.take_rest()
        for descriptor in forked.descriptors:
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
            os.close(descriptor)
        had_effects = forked.effects[0] == 1
        forked.effects.close()
        if forked.check:
            self._trust.compared(forked.check, run, code)
            return
        self._answer(run, code)
        self._trust.forked(run, code, had_effects)

    def _all_runs(self) -> list[Run]:
        return [*(forked.run for forked in self._forks.values()), *self._living.runs]

    def _pause(self) -> float | None:
        """Return the seconds until the next deadline; None where there is none."""
        told_of = all(forked.end is not None for forked in self._forks.values())
        next_look = math.inf if told_of else time.monotonic() + LOOK_EVERY_S
        waiting = self._waiting[0].deadline if self._waiting else math.inf
        next_look = min([next_look, waiting, *(run.deadline for run in self._all_runs())])
        return None if next_look == math.inf else max(0.0, next_look - time.monotonic())

    def _end_late(self) -> None:
        now = time.monotonic()
        for run in self._all_runs():
            if now >= run.deadline:
                run.kill(now)
        while self._waiting and self._waiting[0].is_late():
            ask = self._waiting.popleft()
            late = not_in_time("it did not have its turn", self._timeout_s)
            reason = f"{late}; {self._most} runs of a script are made at a time here"
            self._send(Answer(ask.id, failure=reason, timed_out=True))

    def _end_all(self) -> None:
        for run in self._all_runs():
            run.kill(time.monotonic())
        self._living.end()
