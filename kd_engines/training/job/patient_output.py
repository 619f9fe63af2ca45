"""A job's standard output and error: on a full disk a print waits for room and loses nothing."""

from __future__ import annotations

import errno
import io
import select
import sys
import time

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
AGAIN_S = 0.5
_write = io.FileIO.write


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


def install() -> None:
    """Make this process's standard output and error patient; they stay unbuffered, and UTF-8."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        before = getattr(sys, name)
        stream = io.TextIOWrapper(
            _PatientFile(descriptor, f"<{name}>"),
            encoding=before.encoding,
            errors=before.errors,
            line_buffering=True,
            write_through=True,
        )
        stream.mode = "w"  # type: ignore[misc]  # as Python's own has it
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
