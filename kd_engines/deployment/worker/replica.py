"""A replica: a fork of the loaded worker, with its model's pages shared, that answers beside it.

What a fork would share with its parent, and must not, keeps a model from having one: threads do not
live on in it, and an open file, socket or database connection would be read by both.
"""

import contextlib
import os
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from kd_engines.deployment.wire import Ready, frame
from kd_engines.deployment.worker.process_state import open_descriptors, seed_libraries
from kd_engines.members.processes import end_with_parent

# Threads that a fork is as well without: that of pyarrow's allocator, which knows of forks.
AS_BEFORE = frozenset({b"jemalloc_bg_thd"})
SHARED_SAFELY = ("/dev/null", "/dev/urandom", "/dev/random")


class Replica(BaseException):
    """Raised in the fork, in place of the worker's next request: it is to serve ``connection``."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection


class Replicas:
    """Forks this worker. Made before the model is loaded: what is open then is ours.

    ``control`` is a socket over which the engine sends each replica's connection.
    """

    def __init__(self, control: socket.socket) -> None:
        control.setblocking(False)
        self._control, self.kind = control, ""
        self._ours = set(_open_files())
        self._pids: set[int] = set()

    def fork(self) -> None:
        """Make those that the engine has asked for; raises Replica in them, and nothing here."""
        self._collect()
        while True:
            try:
                _, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
            except OSError:  # none is asked for
                return
            if not descriptors:
                return
            self._fork(socket.socket(fileno=descriptors[0]))

    def _fork(self, connection: socket.socket) -> None:
        """Fork once. Where that cannot be, the engine hears why."""
        parent, pid = os.getpid(), -1
        try:
            trouble = self._trouble(connection)
            if not trouble:
                _flush()
                pid = os.fork()
        except Exception as error:  # of whatever the script has put in place of something
            trouble = f"it cannot be forked ({error})"
        if pid == 0:
            with _or_exit():
                end_with_parent(parent)
                os.setpgid(0, 0)
                seed_libraries()
                own(connection)
                connection.sendall(frame(Ready(self.kind, pid=os.getpid())))
            raise Replica(connection)
        with connection, contextlib.suppress(OSError):  # the engine waits no more
            if trouble:
                connection.sendall(frame(Ready("", trouble)))
            else:
                self._pids.add(pid)

    def _collect(self) -> None:
        """Forget those that have ended."""
        for pid in list(self._pids):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    self._pids.discard(pid)
            except ChildProcessError:
                self._pids.discard(pid)

    def _trouble(self, connection: socket.socket) -> str:
        """Return why a fork would not be as this process is; "" where it would."""
        try:
            threads = {path.parent.name: path.read_bytes() for path in _threads()}
        except OSError:
            return "its threads cannot be seen"
        threads.pop(str(os.getpid()), None)
        if {name.strip() for name in threads.values()} - AS_BEFORE:
            return "it has threads"
        if _children() - self._pids:
            return "it has started other processes"
        ours = {*self._ours, str(connection.fileno())}
        for number, name in _open_files().items():
            if number not in ours and not name.startswith(SHARED_SAFELY):
                what = name if name.startswith("/") else name.partition(":")[0]
                return f"it keeps something open ({what})"
        return ""


def in_fork(work: Callable[[], object]) -> NoReturn:
    """Do what a fork is for, and end without what its parent has registered for its own end."""
    with _or_exit():
        work()
        _flush()
    os._exit(0)


@contextlib.contextmanager
def _or_exit() -> Iterator[None]:
    """End this fork at once where something is raised: its parent's stack is not its own."""
    try:
        yield
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _flush() -> None:
    """Write out what was printed; a script may have put anything in these places."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def own(connection: socket.socket) -> None:
    """Keep a connection to the engine from whatever the script starts: its end is our end."""
    connection.set_inheritable(False)
    os.register_at_fork(after_in_child=connection.close)


def _threads() -> list[Path]:
    """Return the files that have the names of this process's threads; raises OSError."""
    return [thread / "comm" for thread in Path("/proc/self/task").iterdir()]


def _children() -> set[int]:
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:  # a kernel that does not list them
        return set()
    return {int(pid) for pid in text.split()}


def _open_files() -> dict[str, str]:
    """Return what is open: descriptors, and what they are of."""
    found = {}
    for number in open_descriptors():
        with contextlib.suppress(OSError):  # that of the listing itself
            found[number] = str(Path(f"/proc/self/fd/{number}").readlink())
    return found
