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


def open_regular(path: os.PathLike[str] | str, flags: int = 0, folder: int | None = None) -> int:
    """Open a regular file for reading, and return its descriptor.

    ``folder`` is the descriptor of the folder in which it is. Raises NotRegular for anything else
    (with ``os.O_NOFOLLOW`` for a link too), and OSError as ``os.open`` does.
    """
    try:
        descriptor = os.open(
            path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags, dir_fd=folder
        )
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotRegular(errno.EINVAL, "a link", str(path)) from None
        if error.errno == errno.ENXIO:  # a socket, or a device that is not there
            raise NotRegular(errno.EINVAL, KINDS[stat.S_IFSOCK], str(path)) from None
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise NotRegular(errno.EINVAL, KINDS.get(stat.S_IFMT(mode), "something else"), str(path))


def open_below(folder: os.PathLike[str] | str, name: str) -> int:
    """Open a regular file below a folder; neither it nor a folder on the way may be a link.

    ``name`` has / between its parts. Raises as `open_regular`.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    *folders, last = name.split("/")
    within = -1
    try:
        for part in (folder, *folders):
            outer, within = within, os.open(part, flags, dir_fd=None if within < 0 else within)
            if outer >= 0:
                os.close(outer)
        return open_regular(last, os.O_NOFOLLOW, within)
    except NotADirectoryError:
        raise NotRegular(errno.EINVAL, "in a place that is a link or a file", name) from None
    finally:
        if within >= 0:
            os.close(within)


def read_below(
    folder: os.PathLike[str] | str, name: str, begin: int = 0, length: int = -1
) -> bytes:
    """Return the bytes of a file below a folder as `read_regular` does; raises as `open_below`."""
    with os.fdopen(open_below(folder, name), "rb") as file:
        file.seek(begin)
        return file.read(length)


def read_regular(path: os.PathLike[str] | str, begin: int = 0, length: int = -1) -> bytes:
    """Return a regular file's bytes, or ``length`` of them from ``begin`` on; raises as above."""
    with os.fdopen(open_regular(path), "rb") as file:
        file.seek(begin)
        return file.read(length)
