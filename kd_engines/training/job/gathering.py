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
    from typing import Any, NoReturn

EVERY_S = 0.01
PERIOD_S = 0.5  # then each print is written by itself again, until there are too many
# Events of Python's audit at which another process may begin to write to the log.
STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})


class Gathering:
    """Gathers what ``stream`` would write to ``file``; ``write`` is what does write.

    While it does, ``file.write`` is a list's own ``append``, which holds the interpreter's lock
    from beginning to end: so no print is lost, or overtaken, however many threads print. During a
    write those who print wait for it.
    """

    def __init__(
        self, stream: io.TextIOWrapper, file: io.FileIO, write: Callable[[bytes], int]
    ) -> None:
        self._stream, self._file, self._write = stream, file, write
        self._pieces: list[bytes] = []
        self._lock = _thread.RLock()
        self._is_over = False  # the interpreter ends
        self._is_draining = False
        self.is_on = False
        atexit.register(self._end)
        os.register_at_fork(before=self.flush, after_in_child=self._leave_to_parent)
        sys.addaudithook(self._on_event)
        self._exit = os._exit
        os._exit = self._exit_whole

    def begin(self) -> None:
        """Gather for a while (called by who writes)."""
        with self._lock:
            if self.is_on or self._is_over:
                return
            self.is_on = True
            setattr(self._file, "flush", self._drain)  # noqa: B010 - mypy knows a method there
            setattr(self._file, "write", self._pieces.append)  # noqa: B010
        try:
            _thread.start_new_thread(self._look_after, ())
        except RuntimeError:  # there may be no more threads
            self._stop()

    def flush(self) -> None:
        """Write what has been gathered."""
        if self.is_on:
            try:
                self._stream.flush()
            except ValueError:  # the code has closed it
                pass

    def _look_after(self) -> None:
        """Write what has come, from time to time (a thread)."""
        try:
            for _ in range(round(PERIOD_S / EVERY_S)):
                self._drain()
                time.sleep(EVERY_S)
                if not self.is_on:
                    return
        except (OSError, ValueError):  # there is no log any more, or the code has closed the stream
            pass
        finally:
            self._stop()

    def _stop(self) -> None:
        with self._lock:
            if not self.is_on:
                return
            self.is_on = False
            try:
                self._drain()
            except (OSError, ValueError):
                pass
            del self._file.flush, self._file.write

    def _drain(self) -> None:
        """Write what has been gathered; whoever prints meanwhile waits.

        A text stream may lose what one thread prints while another is in the file's ``write``, if
        it keeps text of its own then (CPython's gh-119506). So it keeps none during a write.
        """
        with self._lock:
            if self._is_draining:  # called by `reconfigure`, or by who prints in a signal's handler
                return
            self._is_draining = True
            try:
                self._stream.reconfigure(write_through=True)
                self._stream.flush()  # what came in between
                setattr(self._file, "write", self._write_late)  # noqa: B010
                self._write_pieces()
            finally:
                if self.is_on:
                    setattr(self._file, "write", self._pieces.append)  # noqa: B010
                    self._stream.reconfigure(write_through=False)
                self._is_draining = False

    def _write_pieces(self) -> None:
        while self._pieces:
            count = len(self._pieces)
            whole = b"".join(self._pieces[:count])
            del self._pieces[:count]
            self._write(whole)

    def _write_late(self, data: bytes) -> int:
        """Write what comes while something is written, after it."""
        with self._lock:
            self._write_pieces()
            return self._write(data)

    def _end(self) -> None:
        """Stop for good: no thread may hold the lock when the interpreter ends."""
        self._stop()
        with self._lock:
            self._is_over = True

    def _leave_to_parent(self) -> None:
        """In a forked process: forget what the parent has gathered, and its thread."""
        self._lock = _thread.RLock()
        self._is_draining = self.is_on
        if self.is_on:
            self.is_on = False
            setattr(self._file, "write", [].append)  # noqa: B010
            self._stream.reconfigure(write_through=True)
            self._pieces.clear()
            del self._file.flush, self._file.write
            self._is_draining = False

    def _on_event(self, event: str, _arguments: Any) -> None:
        if self.is_on and event in STARTS:
            self.flush()

    def _exit_whole(self, status: int) -> NoReturn:
        """Be `os._exit`, which would leave out what has been gathered."""
        self.flush()
        self._exit(status)
