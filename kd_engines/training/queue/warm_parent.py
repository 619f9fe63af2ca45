"""The engine's side of one warm parent (`kd_engines.training.warm`), from which jobs are forked."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kd_engines.training.queue.launch import start_warm_parent

READY_WITHIN_S = 120.0
LONGEST_NEWS = 1 << 16


class WarmParent:
    """One process that starts jobs; it is of no use until `is_ready`, and once it `has_ended`.

    ``names`` are modules that it is to import in advance, in this order. ``left_out`` has those
    packages, and why, that keep it from being one.
    """

    def __init__(
        self,
        root: Path,
        environment: Mapping[str, str],
        names: Sequence[str] = (),
        most_bytes: int = 0,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Start it; raises OSError where it cannot be started."""
        self.environment, self.names = environment, frozenset(names)
        self.packages: frozenset[str] = frozenset()
        self.modules: frozenset[str] = frozenset()  # all that these bring, by their first names
        self.left_out: dict[str, str] = {}
        self.is_ready = self.has_ended = False
        self.began = time.monotonic()
        self._on_ready = on_ready
        self._importing = ""
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            own = json.dumps([most_bytes, *names])
            self._process = start_warm_parent(root, environment, theirs.fileno(), own)
        except OSError:
            self._link.close()
            raise
        finally:
            theirs.close()
        self._link.setblocking(False)
        asyncio.get_running_loop().add_reader(self._link.fileno(), self._on_news)

    def _on_news(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                news = self._link.recv(LONGEST_NEWS)
            except ConnectionError:
                news = b""
            if news:
                self._take(json.loads(news))
            else:
                self.end("its import ends the process")

    def _take(self, news: dict[str, list[str]]) -> None:
        for what, words in news.items():
            if what == "importing":
                self._importing = words[0]
            elif what == "left_out":
                self.left_out[words[0]] = words[1]
            elif what == "packages":
                self.packages = frozenset(words)
            elif what == "ready":
                self.is_ready, self.modules = True, frozenset(words)
                self._on_ready()
            elif what == "old":  # a library was changed on the disk
                self.end()

    def is_late(self) -> bool:
        """Tell whether it should have been ready."""
        return not self.is_ready and time.monotonic() - self.began > READY_WITHIN_S

    def hand_over(self, order: bytes, notify: int) -> bool:
        """Have a job started; False where it cannot be. ``notify`` tells what becomes of it."""
        if not self.is_ready or self.has_ended:
            return False
        try:
            socket.send_fds(self._link, [order], [notify])
        except OSError:  # it is full, or gone, or the order too long
            return False
        return True

    def end(self, why: str = "") -> None:
        """End it; the jobs that it has started live on.

        ``why`` is said of the library that it may be importing.
        """
        if self.has_ended:
            return
        if why and not self.is_ready and not self.left_out and self._importing:
            self.left_out[self._importing] = why
        self.has_ended = True
        asyncio.get_running_loop().remove_reader(self._link.fileno())
        self._link.close()
        self._process.kill()
        asyncio.get_running_loop().run_in_executor(None, self._process.wait)
