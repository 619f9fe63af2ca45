"""Pass signals on to a thread, which may do what a handler must not."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)


def on_signals(stop: Callable[[], object], *numbers: signal.Signals) -> None:
    """Call ``stop`` in a thread of its own, once for each of these signals that comes.

    A handler interrupts the main thread, whatever it holds. Within ``Event.wait`` that is the lock
    of the event: a handler that sets the same event waits for itself, for ever.
    """
    out, into = os.pipe()
    os.set_blocking(into, False)

    def handle(*_: Any) -> None:
        with contextlib.suppress(BlockingIOError):  # 64 KiB of signals wait already
            os.write(into, b"\0")

    def pass_on() -> None:
        while os.read(out, 1):
            try:
                stop()
            except Exception:  # the next signal is to be heard all the same
                log.exception("a signal could not be passed on")

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    for number in numbers:
        signal.signal(number, handle)
