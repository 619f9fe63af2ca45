"""Scoring scripts of 2020 inside a worker: run anew for each request, from a warm process.

The worker imports what the script imports and compiles the script once. For each request it forks;
the fork runs the script as ``__main__`` with its arguments in ``sys.argv`` and ends. What it prints
is the answer. The script cannot tell this from a process of its own, except by the clock.
"""

import ast
import contextlib
import ctypes
import gc
import importlib
import os
import selectors
import shlex
import signal
import socket
import sys
import time
import traceback
import types
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import msgspec

from kd_engines.deployment.frames import Answer, Ask, Frames, frame
from kd_engines.exit_codes import ended_with

LARGEST_OUTPUT_BYTES = 1024 * 1024
LOG_BYTES = 8 * 1024  # of what it wrote to standard error, the end
READ_BYTES = 1 << 16
PR_SET_PDEATHSIG = 1


@dataclass
class Run:
    """One fork at work: its pipes, what came through them, its deadline."""

    ask: Ask
    pid: int
    deadline: float
    out: int
    err: int
    output: bytearray = field(default_factory=bytearray)
    log: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    timed_out: bool = False
    open: int = 2


class OldScript:
    """A script of 2020; as many run at once as there are CPUs, the others wait their turn."""

    kind = "script"

    def __init__(
        self, code: types.CodeType, tree: ast.Module, script: Path, root: Path, timeout_s: float
    ) -> None:
        self._code, self._script, self._root = code, script, root
        self._timeout_s = timeout_s
        self._most = os.cpu_count() or 1
        self._waiting: deque[Ask] = deque()
        self._runs: dict[int, Run] = {}
        self._selector = selectors.DefaultSelector()
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        import_ahead(tree)
        gc.collect()
        gc.freeze()  # the forks then share these pages

    def serve(self, connection: socket.socket) -> None:
        """Run the script for each request until the engine closes the connection."""
        frames = Frames(Ask)
        self._selector.register(connection, selectors.EVENT_READ)
        while True:
            while self._waiting and len(self._runs) < self._most:
                self._start(self._waiting.popleft(), connection)
            for key, _ in self._selector.select(self._pause()):
                if key.fileobj is connection:
                    data = connection.recv(READ_BYTES)
                    if not data:
                        return self._end_all()
                    self._waiting.extend(frames.feed(data))
                else:
                    self._read(key.data, int(key.fd), connection)
            self._end_late()

    def _start(self, ask: Ask, connection: socket.socket) -> None:
        out, out_in = os.pipe()
        err, err_in = os.pipe()
        worker = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._run(ask, connection, out_in, err_in, worker)
        os.close(out_in)
        os.close(err_in)
        run = Run(ask, pid, time.monotonic() + self._timeout_s, out, err)
        self._runs[pid] = run
        for end in (out, err):
            self._selector.register(end, selectors.EVENT_READ, run)

    def _run(
        self, ask: Ask, connection: socket.socket, out: int, err: int, worker: int
    ) -> NoReturn:
        """In the fork: become the script; never returns."""
        code = 1
        try:
            connection.close()
            os.setsid()
            if self._libc:
                self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != worker:  # it ended before it could be tied to us
                os._exit(1)
            null = os.open(os.devnull, os.O_RDONLY)
            for source, target in ((null, 0), (out, 1), (err, 2)):
                os.dup2(source, target)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.chdir(self._root)
            sys.argv[:] = [str(self._script), *arguments(ask.args)]
            module = types.ModuleType("__main__")
            module.__file__ = str(self._script)
            sys.modules["__main__"] = module
            exec(self._code, module.__dict__)  # noqa: S102 - the user's script, in a fork
            code = 0
        except SystemExit as error:
            code = exit_code(error)
        except BaseException as error:
            sys.stdout.flush()
            trace = error.__traceback__.tb_next if error.__traceback__ else None
            sys.stderr.write("".join(traceback.format_exception(type(error), error, trace)))
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)

    def _read(self, run: Run, descriptor: int, connection: socket.socket) -> None:
        data = os.read(descriptor, READ_BYTES)
        if not data:
            self._selector.unregister(descriptor)
            os.close(descriptor)
            run.open -= 1
            if run.open == 0:
                self._finish(run, connection)
        elif descriptor == run.out:
            room = LARGEST_OUTPUT_BYTES - len(run.output)
            run.truncated |= len(data) > room
            run.output += data[: max(0, room)]
        else:
            run.log += data
            del run.log[:-LOG_BYTES]

    def _finish(self, run: Run, connection: socket.socket) -> None:
        """Collect the fork and answer. Its pipes are closed, so it has ended or is about to."""
        status = self._collect(run)
        del self._runs[run.pid]
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
        connection.sendall(frame(answer))

    def _collect(self, run: Run) -> int:
        while True:
            pid, status = os.waitpid(run.pid, os.WNOHANG)
            if pid:
                return status
            if time.monotonic() > run.deadline:
                self._kill(run)
            time.sleep(0.001)

    def _pause(self) -> float | None:
        if not self._runs:
            return None
        first = min(run.deadline for run in self._runs.values())
        return max(0.0, first - time.monotonic())

    def _end_late(self) -> None:
        now = time.monotonic()
        for run in self._runs.values():
            if now >= run.deadline:
                self._kill(run)
                run.deadline = now + 1

    def _kill(self, run: Run) -> None:
        run.timed_out = True
        try:
            os.killpg(run.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def _end_all(self) -> None:
        for run in self._runs.values():
            self._kill(run)


def import_ahead(tree: ast.Module) -> None:
    """Import what the script imports, so that its forks find it there; failures come later."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
        for name in names:
            try:
                importlib.import_module(name)
            except Exception as error:
                print(f"import {name}: {error}", file=sys.stderr)


def arguments(args: bytes) -> list[str]:
    """Return what a script finds after its name in ``sys.argv``.

    The JSON text of an object is one argument; a text is split as a shell would. Raises ValueError
    for a quotation that is not closed.
    """
    value = msgspec.json.decode(args)
    return shlex.split(value) if isinstance(value, str) else [args.decode()]


def prediction(output: str) -> bytes:
    """Return the first line of what a script printed as JSON: a number where it is one."""
    line = output.strip().partition("\n")[0].strip()
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.encode(msgspec.json.decode(line))
    return msgspec.json.encode(line)


def exit_code(error: SystemExit) -> int:
    """Return what a process exits with for ``sys.exit(…)``; a text goes to standard error."""
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    sys.stderr.write(f"{error.code}\n")
    return 1


def why(code: int, log: str) -> str:
    """Say how a script failed: its last words, or its signal."""
    last = next((line.strip() for line in reversed(log.splitlines()) if line.strip()), "")
    how = ended_with(code)
    return f"{last[:400]} ({how})" if last else f"it ended with {how}"
