"""The engine's side of a warm parent (`kd_engines.training.warm`), from which jobs are forked."""

import asyncio
import contextlib
import logging
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from kd_engines.training import processes
from kd_engines.training.queue.launch import Launch, start_warm_parent

log = logging.getLogger(__name__)
SWITCH = "KD_WARM_START"
MOST_FAILURES = 3  # one after the other, then it is left
READY_WITHIN_S = 60.0


class WarmParent:
    """One process that starts jobs; it is of no use until `is_ready`, and once it `has_ended`."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        """Start it; raises OSError where it cannot be started."""
        self.environment = environment
        self.is_ready = False
        self.has_ended = False
        self._began = time.monotonic()
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = start_warm_parent(root, environment, theirs.fileno())
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
                news = self._link.recv(1 << 16)
            except ConnectionError:
                news = b""
            if news:
                self.is_ready = True
            else:
                self.end()

    def is_late(self) -> bool:
        """Tell whether it should have been ready."""
        return not self.is_ready and time.monotonic() - self._began > READY_WITHIN_S

    def hand_over(self, order: bytes, notify: int) -> bool:
        """Have a job started; False where it cannot be. ``notify`` tells what becomes of it."""
        if not self.is_ready or self.has_ended:
            return False
        try:
            socket.send_fds(self._link, [order], [notify])
        except OSError:  # it is full, or gone, or the order too long
            return False
        return True

    def end(self) -> None:
        """End it; the jobs that it has started live on."""
        if self.has_ended:
            return
        self.has_ended = True
        asyncio.get_running_loop().remove_reader(self._link.fileno())
        self._link.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)


class WarmStart:
    """Keeps a warm parent, where this system can have one and KD_WARM_START is not 0."""

    def __init__(self, root: Path, environment: Callable[[], Mapping[str, str]]) -> None:
        self._root, self._environment = root, environment
        self._parent: WarmParent | None = None
        self._failures = 0 if processes.LINUX and os.environ.get(SWITCH) != "0" else MOST_FAILURES

    def look_after(self) -> None:
        """Start the parent where there is none, or one whose environment is an old one."""
        environment = self._environment()
        parent = self._parent
        if parent and (parent.has_ended or parent.is_late() or parent.environment != environment):
            self._drop(parent)
        if self._parent is None and self._failures < MOST_FAILURES:
            try:
                self._parent = WarmParent(self._root, environment)
            except OSError as error:
                self._failures += 1
                log.warning("jobs start without a warm parent: %s", error)

    def hand_over(self, launch: Launch, notify: int) -> bool:
        """Have a job started by the parent; False where another way has to be taken."""
        return self._parent is not None and self._parent.hand_over(launch.order(), notify)

    def give_up(self) -> None:
        """End a parent that does not start what it was handed."""
        if self._parent:
            self._drop(self._parent)

    def _drop(self, parent: WarmParent) -> None:
        self._failures = 0 if parent.is_ready else self._failures + 1
        if self._failures == MOST_FAILURES:
            log.warning("a warm parent cannot be had here: each job starts its own Python")
        parent.end()
        self._parent = None
