"""Files that others write, opened so that no pipe, socket or folder in their place can block us.

Opening a named pipe waits until somebody writes into it: a job's or a model's own file would stop
an engine. This module is on the way of a job's start: it imports nothing that is slow to import.
"""

from __future__ import annotations

import errno
import os
import stat

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


class NotRegular(OSError):
    """What stands in a file's place is no regular file."""

    def __str__(self) -> str:
        """Return a sentence without its full stop."""
        return f"{self.filename} is {self.strerror}, not a regular file"


def open_regular(path: os.PathLike[str] | str, flags: int = 0) -> int:
    """Open a regular file for reading, and return its descriptor.

    Raises NotRegular for anything else, and OSError as ``os.open`` does.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket, or a device that is not there
            raise NotRegular(errno.EINVAL, KINDS[stat.S_IFSOCK], str(path)) from None
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise NotRegular(errno.EINVAL, KINDS.get(stat.S_IFMT(mode), "something else"), str(path))


def read_regular(path: os.PathLike[str] | str, begin: int = 0, length: int = -1) -> bytes:
    """Return a regular file's bytes, or ``length`` of them from ``begin`` on; raises as above."""
    with os.fdopen(open_regular(path), "rb") as file:
        file.seek(begin)
        return file.read(length)
