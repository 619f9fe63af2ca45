"""Many prints in a row are gathered, and written together within 10 ms.

A write for each print costs twenty times what the print does. A job that prints at an ordinary rate
never comes here: each of its prints is in the log before the next statement runs. What is gathered
is written before anything else can be: an output, a line of stderr, a process that is started, a
fork, `os._exit`, and the end. What kills the process loses 10 ms of it, or what was printed since
a library last let go of the interpreter's lock.
"""

# contextlib and threading would each take a job's start some milliseconds to import.
# ruff: noqa: SIM105

from __future__ import annotations

import _thread
import atexit
import os
import sys
import time

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    import io
    from collections.abc import Callable
    from typing import Any

EVERY_S = 0.01
PERIOD_S = 0.5  # then each print is written by itself again, until there are too many
# Whoever flushes more often in a period wants each print to be written by itself, for a while.
MOST_FLUSHES, PAUSE_S = 20, 10.0
WAIT_S, GONE_S = 0.0001, 0.02
# Events of Python's audit at which another process may begin to write to the log.
STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})


class Gathering:
    """Gathers what ``stream`` would write to ``file``; ``write`` is what does write.

    While it does, ``file.write`` is a list's own ``append``, which holds the interpreter's lock
    from beginning to end: so no print is lost, or overtaken, however many threads print. One thread
    alone writes, and changes what stands here: no handler of a signal runs in that, which might
    raise in between. During a write those who print wait for it.
    """

    def __init__(
        self, stream: io.TextIOWrapper, file: io.FileIO, write: Callable[[bytes], int]
    ) -> None:
        self._stream, self._file, self._write = stream, file, write
        self._pieces: list[bytes] = []
        self.is_on = self._runs = self._is_over = self._is_to_rest = False
        self._begun = self._done = self._flushes = self._thread = 0
        self._not_before = 0.0
        self._new_locks()
        atexit.register(self.end)
        os.register_at_fork(before=self._rest, after_in_child=self._leave_to_parent)
        sys.addaudithook(self._on_event)
        for name in ("_exit", "write", "dup2"):
            setattr(os, name, self._after_what_was_printed(getattr(os, name)))

    def _new_locks(self) -> None:
        self._lock, self._wake = _thread.allocate_lock(), _thread.allocate_lock()

    def begin(self) -> None:
        """Gather for a while (called by who writes)."""
        if self._runs or self._is_over or time.monotonic() < self._not_before:
            return
        self._runs = True
        try:
            _thread.start_new_thread(self._look_after, ())
        except RuntimeError:  # there may be no more threads
            self._runs = False

    def flush(self) -> None:
        """Wait until what has been printed is written."""
        if self.is_on:
            try:
                self._stream.flush()
            except (OSError, ValueError):  # there is no log now, or the code has closed it
                pass

    def end(self) -> None:
        """Stop for good: no thread may be at it when the interpreter ends."""
        self._is_over = True
        while self._runs:
            self._awaken()

    def _rest(self) -> None:
        """End the thread before a fork: from Python 3.12 on that warns of threads."""
        if not self._runs:
            return
        threads = _threads()
        self._is_to_rest = True
        while self._runs:
            self._awaken()
        deadline = time.monotonic() + GONE_S
        while _threads() >= threads and time.monotonic() < deadline:
            time.sleep(WAIT_S)

    def _look_after(self) -> None:
        """Write what has come, from time to time (the thread)."""
        self._thread = _thread.get_ident()
        self._flushes = 0
        setattr(self._file, "flush", self._wait)  # noqa: B010 - for mypy it is a method
        setattr(self._file, "write", self._pieces.append)  # noqa: B010
        self.is_on = True
        try:
            end = time.monotonic() + PERIOD_S
            while time.monotonic() < end:
                self._drain()
                self._wake.acquire(timeout=EVERY_S)
                if self._is_over or self._is_to_rest:
                    break
                if self._flushes > MOST_FLUSHES:
                    self._not_before = time.monotonic() + PAUSE_S
                    break
        except ValueError:  # the code has closed the stream
            pass
        finally:
            self._stop()
            self._runs = self._is_to_rest = False

    def _drain(self) -> None:
        """Write what has been gathered.

        A text stream may lose what one thread prints while another is in the file's ``write``, if
        it keeps text of its own then (CPython's gh-119506). So it keeps none during a write.
        """
        begun = self._begun = self._begun + 1
        self._stream.reconfigure(write_through=True)
        self._stream.flush()  # what came in between
        with self._lock:
            setattr(self._file, "write", self._write_late)  # noqa: B010
            try:
                self._write_pieces()
            except OSError:  # there is no log for a while: it is tried again
                pass
            setattr(self._file, "write", self._pieces.append)  # noqa: B010
        self._stream.reconfigure(write_through=False)
        self._done = begun

    def _stop(self) -> None:
        try:
            self._stream.reconfigure(write_through=True)
            self._stream.flush()
        except ValueError:
            pass
        with self._lock:
            setattr(self._file, "write", self._write_late)  # noqa: B010
            try:
                self._write_pieces()
            except OSError:  # the next print is told
                self._pieces.clear()
            self._let_go()

    def _write_pieces(self) -> None:
        while self._pieces:
            count = len(self._pieces)
            self._write(b"".join(self._pieces[:count]))
            del self._pieces[:count]

    def _let_go(self) -> None:
        self.is_on = False
        for name in ("flush", "write"):
            vars(self._file).pop(name, None)

    def _write_late(self, data: bytes) -> int:
        """Take what comes while something is written, after that."""
        with self._lock:
            if not self.is_on:
                return self._write(data)
            self._pieces.append(data)
            return len(data)

    def _wait(self) -> None:
        """Wait until what has been printed is written (in place of the file's ``flush``)."""
        if _thread.get_ident() == self._thread:  # by `reconfigure`
            return
        self._flushes += 1
        wanted = self._begun + 1
        while self.is_on and self._done < wanted:
            self._awaken()

    def _awaken(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:  # it is awake
            pass
        time.sleep(WAIT_S)

    def _leave_to_parent(self) -> None:
        """In a forked process: forget what the parent has gathered, and its thread."""
        self._new_locks()
        self._runs = self._is_to_rest = False
        if self.is_on:
            self.is_on = False  # so that nobody waits
            setattr(self._file, "write", [].append)  # noqa: B010
            self._stream.reconfigure(write_through=True)
            self._pieces.clear()
            self._let_go()

    def _on_event(self, event: str, _arguments: Any) -> None:
        if self.is_on and event in STARTS:
            self.flush()

    def _after_what_was_printed(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function of `os` that writes to a descriptor, or ends, behind all prints."""

        def after(*arguments: Any, **named: Any) -> Any:
            self.flush()
            return original(*arguments, **named)

        after.__name__ = after.__qualname__ = original.__name__
        return after


def _threads() -> int:
    """Return how many threads this process has; 0 where that is not known."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - pathlib is slow to import
    except OSError:
        return 0
