"""A job's standard output and error.

On a full disk a print waits for room and loses nothing. Each print is written at once, unless there
are very many: see `gathering`.
"""

from __future__ import annotations

import _thread
import errno
import io
import select
import sys
import time

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

    from kd_engines.training.job.gathering import Gathering

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
AGAIN_S = 0.5
MANY, WITHIN_S = 100, 0.02  # prints, two writes each
_write = io.FileIO.write
_one_at_a_time = _thread.allocate_lock()


class _PatientFile(io.FileIO):
    """A file that writes all that it is given, however long that takes."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.name = name

    def write(self, data: Any, /) -> int:
        """Write bytes whole; waits while the disk is full, raises OSError for any other reason."""
        written: int | None = 0
        try:
            written = _write(self, data)
            if type(data) is bytes and written == len(data):
                return written  # nearly always; a job may print a lot
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            time.sleep(AGAIN_S)
        whole = data if isinstance(data, bytes) else bytes(data)
        self._write_rest(memoryview(whole)[written or 0 :])
        return len(whole)

    def _write_rest(self, left: memoryview) -> None:
        while left:
            try:
                written = _write(self, left)
                if written is None:  # a pipe of the job's own that does not block, and is full
                    select.select([], [self], [])
                left = left[written or 0 :]
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                time.sleep(AGAIN_S)


class _PrintedFile(_PatientFile):
    """Standard output's file, as its text stream has it."""

    stream: io.TextIOWrapper
    gathering: Gathering | None = None
    is_given_away = False
    _begin = 0.0
    _writes = 0

    def write(self, data: Any, /) -> int:
        """Write bytes whole; from too many calls on they are gathered for a while."""
        written = super().write(data)
        self._writes += 1
        if self._writes > 2 * MANY and not self.is_given_away:
            now = time.monotonic()
            self._writes, begin, self._begin = 0, self._begin, now
            if now - begin < WITHIN_S:
                self._gather()
        return written

    def _gather(self) -> None:
        from kd_engines.training.job.gathering import Gathering

        with _one_at_a_time:
            if self.gathering is None:
                self.gathering = Gathering(self.stream, self, super().write)
        self.gathering.begin()


class _LaterFile(_PatientFile):
    """A file whose writes come after what was printed before them."""

    def __init__(self, descriptor: int, name: str, printed: _PrintedFile) -> None:
        super().__init__(descriptor, name)
        self._printed = printed

    def write(self, data: Any, /) -> int:
        """Write bytes whole."""
        if self._printed.gathering:
            self._printed.gathering.flush()
        return super().write(data)


class _Stream(io.TextIOWrapper):
    """A text stream that shows bytes another file than it writes to itself."""

    bytes_file: _PatientFile
    printed: _PrintedFile

    @property
    def buffer(self) -> Any:
        """Return the file for bytes."""
        return self.bytes_file

    def detach(self) -> Any:
        """Give the file away, which gathers no more."""
        if self.printed.gathering:
            self.printed.gathering.end()
        self.printed.is_given_away = True
        return super().detach()


def install() -> None:
    """Make this process's standard output and error patient; they stay unbuffered, and UTF-8."""
    printed = _PrintedFile(1, "<stdout>")
    printed.stream = _install("stdout", printed, _LaterFile(1, "<stdout>", printed), printed)
    errors = _LaterFile(2, "<stderr>", printed)
    _install("stderr", errors, errors, printed)


def _install(
    name: str, file: _PatientFile, bytes_file: _PatientFile, printed: _PrintedFile
) -> _Stream:
    before = getattr(sys, name)
    stream = _Stream(file, encoding=before.encoding, errors=before.errors, write_through=True)
    stream.bytes_file, stream.printed = bytes_file, printed
    stream.mode = "w"  # type: ignore[misc]  # as Python's own has it
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)
    return stream
