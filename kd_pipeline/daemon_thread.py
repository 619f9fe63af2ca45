"""Blocking work off the event loop that may hang for ever, as a read of a network folder does.

The loop's own threads are waited for when it ends; these are left behind.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[..., T], *given: Any, **wanted: Any) -> T:
    """Return what ``function`` returns, or raise what it raises; it can be given up at any time."""
    done: Future[T] = Future()

    def work() -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            done.set_result(function(*given, **wanted))
        except BaseException as error:  # carried to whoever waits
            done.set_exception(error)

    threading.Thread(target=work, name="kd-blocking", daemon=True).start()
    return await asyncio.wrap_future(done)
