"""A worker as the engine sees it: a process to start, to ask over a socket, and to end."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from kd_engines.commands_path import path_with_commands
from kd_engines.deployment.formats import NO_TELEMETRY
from kd_engines.deployment.priority import CalmProcess
from kd_engines.deployment.wire import Ask, Go, Ready, Spec, frame
from kd_engines.deployment.worker_channel import OnAnswers, OnEnd, WorkerChannel
from kd_engines.deployment.worker_group import MARK, WorkerGroup
from kd_engines.exit_codes import ended_with

PACKAGES = str(Path(__file__).resolve().parents[2])  # the folder that has kd_engines in it
LOG_BYTES = 64 * 1024
STOP_S = 2.0
PARSE_S = 30.0  # to start Python and to parse the script; nothing of the user's runs in it
LAST_ANSWERS_S = 0.2  # for what a worker sent, and printed, before it ended
# What a worker may see of this product's own variables; the others tell of files with tokens.
KEPT = frozenset({"KD_PROJECT_REPO"})


class WorkerProcess(WorkerChannel):
    """One worker, with a process of its own that loads the model."""

    WORDS = 2

    def __init__(self, group: WorkerGroup, on_answers: OnAnswers, on_end: OnEnd) -> None:
        super().__init__(on_answers, on_end)
        self._group, self._mark = group, group.next_mark()
        self._is_given_up = False
        self._log = bytearray()
        self._control: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self._reader: asyncio.Task[None] | None = None
        self._failing: asyncio.Task[None] | None = None
        self._calm: CalmProcess | None = None

    @property
    def pid(self) -> int:
        """Return the process's id; 0 before it was started."""
        return self._process.pid if self._process else 0

    @property
    def log(self) -> str:
        """Return the end of what the process printed (64 KiB), outside of answers."""
        return self._log.decode(errors="replace")

    async def parse(self, spec: Spec, calmly: bool = False) -> None:
        """Start the process and let it parse the script, so that its kind is known.

        ``calmly`` until :meth:`hurry`: it takes what others leave of the processors.
        Raises LoadFailed; the process has ended then, as it has when this task is cancelled.
        """
        async with self._ended_unless_well():
            await self._spawn(spec)
            self._calm = CalmProcess(self.pid) if calmly else None
            self.kind = (await self._next_word(PARSE_S, "Parsing the script", "")).kind

    async def load(self, limit_s: float) -> None:
        """Let the worker load the model, after :meth:`parse`.

        Raises LoadFailed where that fails or lasts longer than ``limit_s``; see :meth:`parse`.
        """
        async with self._ended_unless_well():
            if self._transport:
                self._transport.write(frame(Go()))
            ready = await self._next_word(limit_s, "Loading", " (KD_LOAD_TIMEOUT_S)")
            self.loaded = ready.loaded

    def hurry(self) -> None:
        """End what ``calmly`` began: somebody waits for it now."""
        if self._calm:
            self._calm.end()

    def replicate(self, connection: socket.socket) -> None:
        """Ask for a fork that answers over ``connection``, which says there how that went.

        Raises OSError where too many were asked for and not made yet.
        """
        if self._control is None:
            raise OSError(errno.ENOTCONN, "no worker")
        socket.send_fds(self._control, [b"r"], [connection.fileno()])
        self.send(Ask(0, b"", replicate=True))

    def kill(self) -> None:
        """End the process and what it started at once."""
        if self._process and self._process.returncode is None:
            self._kill_group()

    async def stop(self, at_once: bool = False) -> None:
        """Close the connection, at which the worker ends by itself, and see that it does."""
        if self._transport:
            self._transport.close()
        self._close_control()
        if self._process is None:
            return
        if at_once:
            self.kill()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        if self._reader:
            self._reader.cancel()

    async def ending(self) -> str:
        """Wait for the process to end, and say how it did."""
        self._close_control()
        if self._process is None:
            return "its process could not be started"
        try:
            async with asyncio.timeout(LAST_ANSWERS_S):
                await self._process.wait()
        except TimeoutError:  # it has closed its connection and goes on
            self.kill()
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_ANSWERS_S):  # a child may hold its output open
                if self._reader:
                    await asyncio.shield(self._reader)
        last = next((line for line in reversed(self.log.splitlines()) if line.strip()), "")
        return f"its process ended with {ended_with(code)}" + (
            f" after: {last[:300]}" if last else ""
        )

    def _lost_while_loading(self) -> None:
        if not self._is_given_up:
            self._failing = self._loop.create_task(self._fail_loading())

    async def _spawn(self, spec: Spec) -> None:
        ours, theirs = socket.socketpair()
        self._control, controlled = socket.socketpair()
        ours.setblocking(False)
        self._control.setblocking(False)
        with theirs, controlled:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "kd_engines.deployment.worker"),
                *(str(theirs.fileno()), str(controlled.fileno())),
                env={**worker_environment(spec.root), MARK: self._mark},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(theirs.fileno(), controlled.fileno()),
                start_new_session=True,
            )
        self._reader = asyncio.create_task(self._read_log())
        self._watch = asyncio.create_task(self._see_end(self._process))
        await self._loop.create_connection(lambda: self, sock=ours)
        if self._transport:
            self._transport.write(frame(spec))

    async def _see_end(self, process: asyncio.subprocess.Process) -> None:
        """Notice the process's end, also where a child of its own holds the connection open."""
        await process.wait()
        self.hurry()
        self._kill_group()
        self._group.end_left(self._mark)
        await asyncio.sleep(LAST_ANSWERS_S)
        if self._transport and not self.gone:
            self._transport.abort()

    @contextlib.asynccontextmanager
    async def _ended_unless_well(self) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            self._is_given_up = True
            await self.stop(at_once=True)
            raise

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _close_control(self) -> None:
        if self._control:
            self._control.close()
            self._control = None

    async def _read_log(self) -> None:
        output = self._process.stdout if self._process else None
        while output and (data := await output.read(LOG_BYTES)):
            self._log += data
            del self._log[:-LOG_BYTES]

    async def _fail_loading(self) -> None:
        ending = await self.ending()
        self._said.put_nowait(Ready("", f"While loading, {ending}."))


def worker_environment(root: str) -> dict[str, str]:
    """Return a worker's environment: the engine's, without what tells of tokens.

    One thread for numeric libraries unless said otherwise: a row is too small to be shared out,
    and other models want the processors too. onnxruntime tells nobody about the models.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("KD_") or name in KEPT
    }
    path = os.pathsep.join(filter(None, (PACKAGES, inherited.get("PYTHONPATH", ""))))
    ours = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": path}
    ours["PATH"] = path_with_commands()
    defaults = {"OMP_NUM_THREADS": "1", NO_TELEMETRY: "1"}
    return {**defaults, **inherited, **ours, "KD_PROJECT_REPO": root}
