"""Blocking work off the event loop that may hang for ever, as a read of a network folder does.

The loop's own threads are waited for when it ends; these are left behind.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThreads:
    """Some threads that take turns with what is to be done, and are left behind at the end."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def run(self, function: Callable[..., T], *given: Any) -> T:
        """Return what ``function`` returns, or raise what it raises."""
        done: Future[T] = Future()
        self._queue.put(partial(_do, done, function, *given))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name="kd-blocking", daemon=True)
            self._threads.append(thread)
            thread.start()
        return await asyncio.wrap_future(done)

    def _work(self) -> None:
        while True:
            self._queue.get()()


async def in_daemon_thread(function: Callable[..., T], *given: Any, **wanted: Any) -> T:
    """Return what ``function`` returns, or raise what it raises; it can be given up at any time."""
    done: Future[T] = Future()

    work = partial(_do, done, partial(function, *given, **wanted))
    threading.Thread(target=work, name="kd-blocking", daemon=True).start()
    return await asyncio.wrap_future(done)


def _do(done: Future[T], function: Callable[..., T], *given: Any) -> None:
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(function(*given))
    except BaseException as error:  # carried to whoever waits
        done.set_exception(error)
