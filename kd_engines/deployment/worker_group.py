"""The workers of an engine and all that they start, which end with them.

Each worker's environment has a mark, ``<engine>/<pid of its engine>/<number>``, that everything
started by it inherits.
"""

import asyncio
import hashlib
import itertools
import logging
import os
import socket
from pathlib import Path

import psutil

from kd_engines.members.descendants import end_all
from kd_pipeline.daemon_thread import in_daemon_thread

log = logging.getLogger("kd_engines.deployment")
MARK = "KD_MODEL_WORKER"
TOGETHER_S = 0.05  # workers that end together are looked for once


class WorkerGroup:
    """Marks the workers of the engine that has this configmeta.json."""

    def __init__(self, configmeta: Path) -> None:
        place = f"{configmeta.resolve()}\0{socket.gethostname()}\0{os.getuid()}\0{_pids()}"
        self._engine = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
        self._own = f"{self._engine}/{os.getpid()}/"
        self._numbers = itertools.count(1)
        self._ended: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def next_mark(self) -> str:
        """Return the mark of a worker that is to be started."""
        return f"{self._own}{next(self._numbers)}"

    def end_former(self) -> int:
        """End what an engine that was killed has left here; return how many processes that were.

        To be called before the first worker is started, or when the engine has ended.
        """
        return end_all(MARK, self._is_former)

    def end_left(self, mark: str) -> None:
        """End soon what a worker that has ended has left."""
        self._ended.add(mark)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._end())

    async def close(self) -> None:
        """End everything that this engine's workers have started, and them."""
        if self._task:
            self._task.cancel()
        await in_daemon_thread(end_all, MARK, lambda mark: mark.startswith(self._own))

    async def _end(self) -> None:
        while self._ended:
            await asyncio.sleep(TOGETHER_S)
            marks, self._ended = self._ended, set()
            try:
                await in_daemon_thread(end_all, MARK, marks.__contains__)
            except Exception:  # no thread can be started, say
                log.exception("what %d workers have left could not be looked for", len(marks))

    def _is_former(self, mark: str) -> bool:
        engine, _, rest = mark.partition("/")
        pid = rest.partition("/")[0]
        return engine == self._engine and not (pid.isdecimal() and _is_engine(int(pid)))


def _pids() -> str:
    """Return what names the set of process ids that this process lives in (a container's own)."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # no Linux
        return ""


def _is_engine(pid: int) -> bool:
    """Tell whether another engine has this pid: one that still ends, beside its successor."""
    try:
        return pid != os.getpid() and "kd_engines.deployment" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False
