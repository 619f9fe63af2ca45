"""A replica as the engine sees it: a fork of a loaded worker, which ends with that worker."""

import asyncio
import contextlib
import os
import signal
import socket

from kd_engines.deployment.wire import Ready
from kd_engines.deployment.worker_channel import OnAnswers, OnEnd, WorkerChannel
from kd_engines.deployment.worker_process import STOP_S, WorkerProcess


class WorkerReplica(WorkerChannel):
    """A fork of ``worker``; what it prints is in that worker's log."""

    WORDS = 1

    def __init__(self, worker: WorkerProcess, on_answers: OnAnswers, on_end: OnEnd) -> None:
        super().__init__(on_answers, on_end)
        self._worker, self._pid, self._is_killed = worker, 0, False

    @property
    def pid(self) -> int:
        """Return the process's id; 0 before it was started."""
        return self._pid

    async def start(self, limit_s: float) -> None:
        """Have it forked as soon as the worker has time; raises LoadFailed, OSError."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                self._worker.replicate(theirs)
            except BaseException:
                ours.close()
                raise
        await self._loop.create_connection(lambda: self, sock=ours)
        try:
            self._pid = (await self._next_word(limit_s, "A fork", "")).pid
        except BaseException:
            await self.stop()
            raise

    def kill(self) -> None:
        """End the process and what it started at once.

        Its worker keeps its pid from others until it collects it, a moment after its end.
        """
        if self._pid and not self._is_killed:
            self._is_killed = True
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    async def stop(self, at_once: bool = False) -> None:
        """Close the connection, at which it ends; and see that all of it does."""
        if at_once:
            self.kill()
        if self._transport:
            self._transport.close()
        if self._pid and not self._is_killed:
            await asyncio.sleep(STOP_S)
            if not self._worker.gone:
                self.kill()

    def _lost_while_loading(self) -> None:
        self._said.put_nowait(Ready("", "The fork ended before it could answer."))
