"""Whose turn it is to load: loading takes the processors that requests want."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psutil

LOADERS = 2
LOOK_EVERY_S = 0.25
# One that waits for something (a network, a lock, for ever) leaves the processors to others.
IDLE_SHARE = 0.1
LONGEST_S = 3.0


class Turns:
    """At most two models load at a time; one that does not compute, or long, holds up no other."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(LOADERS)

    @contextlib.asynccontextmanager
    async def turn(self, pid: int) -> AsyncIterator[None]:
        """Wait for a turn for the process ``pid``; others may have theirs before it is done."""
        await self._free.acquire()
        watch = asyncio.create_task(self._until_it_need_not(pid))
        watch.add_done_callback(lambda _: self._free.release())
        try:
            yield
        finally:
            watch.cancel()

    async def _until_it_need_not(self, pid: int) -> None:
        loop = asyncio.get_running_loop()
        began, used = loop.time(), cpu_seconds(pid)
        while loop.time() - began < LONGEST_S:
            await asyncio.sleep(LOOK_EVERY_S)
            now = cpu_seconds(pid)
            if now - used < IDLE_SHARE * LOOK_EVERY_S:
                return
            used = now


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far; 0 where it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)
