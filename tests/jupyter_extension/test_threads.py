"""Blocking calls: a slow cluster fills its own lane, and nobody else's."""

import asyncio
import threading

import pytest

from jupyter_extension.threads import AT_ONCE, Threads
from kd_pipeline.errors import NotFound, TooManyRequests


async def fill_a_lane(threads: Threads, go_on: threading.Event) -> None:
    waiting = [asyncio.create_task(threads.run("slow", go_on.wait, 60)) for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    assert await threads.run("quick", lambda: "answered") == "answered"
    with pytest.raises(TooManyRequests, match="slow"):
        await threads.run("slow", lambda: "never asked")
    go_on.set()
    assert await asyncio.gather(*waiting) == [True] * AT_ONCE
    assert await threads.run("slow", lambda: "again") == "again"


def test_a_full_lane_leaves_the_others_free() -> None:
    asyncio.run(fill_a_lane(Threads(), threading.Event()))


def test_what_a_call_raises_is_raised_where_it_is_awaited() -> None:
    def call() -> None:
        raise NotFound("There is no such thing.")

    with pytest.raises(NotFound, match="no such thing"):
        asyncio.run(Threads().run("any", call))
