"""Files that are there whole or not at all: temporary file, fsync, then rename or link."""

import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TEMPORARY = re.compile(r"\..+\.(?:[0-9a-f]{12}|\d+\.\d+)\.tmp")  # ours, and no job's own
ABANDONED_S = 3600.0  # nobody takes so long to write a file


def write_atomic(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replace ``path`` by ``data`` in one step; a reader sees the old or the new file, never half.

    Raises OSError where the folder is missing, read-only or full.
    """
    _publish(path, data, mode, lambda temporary: temporary.replace(path))


def create_exclusive(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Create ``path`` whole; exactly one of several writers succeeds.

    Raises FileExistsError where ``path`` exists. A hard link does it, because rename replaces.
    """
    _publish(path, data, mode, path.hardlink_to)


def write_json(path: Path, value: Any, mode: int = 0o600) -> None:
    """Write ``value`` as JSON by :func:`write_atomic`."""
    write_atomic(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n", mode)


def fsync_folder(folder: Path) -> None:
    """Make the folder's entries durable, so that a power cut does not undo a rename."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path, older_than_s: float = ABANDONED_S) -> None:
    """Remove the temporary files that crashes have left in a folder; raises nothing."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if _TEMPORARY.fullmatch(entry.name)]
    except OSError:
        return
    for entry in found:
        with contextlib.suppress(OSError):
            if time.time() - entry.stat(follow_symlinks=False).st_mtime > older_than_s:
                os.unlink(entry.path)  # noqa: PTH108 - no second Path of it


def _publish(path: Path, data: bytes | str, mode: int, put: Callable[[Path], object]) -> None:
    raw = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        put(temporary)
        fsync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
