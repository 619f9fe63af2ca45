"""Blocking calls in threads of their own, so many at once for each lane and no more.

A lane is what a call waits for: one cluster, or the registry. A cluster that is slow fills its own
lane; the calls of all others go on.
"""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from kd_pipeline.daemon_thread import in_daemon_thread
from kd_pipeline.errors import TooManyRequests

T = TypeVar("T")
AT_ONCE = 8
LONGEST_WAIT_S = 2.0


class Threads:
    """Runs calls for the routes; the threads are daemons, so that none keeps the server alive."""

    def __init__(self) -> None:
        self._lanes: weakref.WeakValueDictionary[str, asyncio.Semaphore]
        self._lanes = weakref.WeakValueDictionary()  # a lane is there while anybody is in it

    async def run(self, lane: str, call: Callable[..., T], *given: Any, **wanted: Any) -> T:
        """Return what ``call`` returns, or raise what it raises; TooManyRequests in a full lane."""
        gate = self._lanes.setdefault(lane, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await gate.acquire()
        except TimeoutError:
            raise TooManyRequests(
                f"{AT_ONCE} requests to {lane} are under way already and it is slow; "
                "try again in a moment."
            ) from None
        try:
            return await in_daemon_thread(call, *given, **wanted)
        finally:
            gate.release()
