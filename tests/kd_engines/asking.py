"""Clients that ask all the time, in threads that run as long as it is entered."""

import threading
from collections.abc import Callable
from typing import Self


class Asking:
    """Runs ``work`` in so many threads; it is to end when :attr:`stop` is set."""

    def __init__(self, work: Callable[[], None], clients: int) -> None:
        self.stop = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join(60)
