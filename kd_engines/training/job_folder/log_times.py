"""When a job's log grew: log-times.jsonl, a mark of time and offset each second while it grows.

A mark says how many bytes the log had at its time. All marks have one width, so that the one for
a time is found by bisection however long a job ran. The runner writes them, see `records`; this
module is on the way of a job's start, so it imports nothing that is slow to import.
"""

# pathlib would take a job's start 8 ms to import.
# ruff: noqa: PTH116

from __future__ import annotations

import os
import time

from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.records import APPEND

EVERY_S = 1.0
MARK = '{{"time": "{}", "offset": {:>15}}}\n'
WIDTH = len(MARK.format(records.timestamp(0), 0))


class LogTimes:
    """Marks the log of one job's folder; `mark` is to be called often."""

    def __init__(self, job_folder: str) -> None:
        self._log = f"{job_folder}/{records.LOG}"
        self._path = f"{job_folder}/{records.LOG_TIMES}"
        self._size = 0
        self._marked = time.monotonic()
        self._write(0)

    def mark(self, *, last: bool = False) -> None:
        """Write a mark if the log grew since the last one, and that is a second old, or at last."""
        now = time.monotonic()
        if now - self._marked < EVERY_S and not last:
            return
        try:
            size = os.stat(self._log).st_size
        except OSError:  # the repository is away for a while
            return
        if size > self._size:
            self._size, self._marked = size, now
            self._write(size)

    def _write(self, size: int) -> None:
        """Append a mark; where the disk is full there is none, which makes no answer wrong."""
        try:
            descriptor = os.open(self._path, APPEND, 0o600)
            try:
                mark = MARK.format(records.now(), size).encode()
                written = os.write(descriptor, mark)
                if written < len(mark):
                    os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            finally:
                os.close(descriptor)
        except OSError:
            return


def offset_at(descriptor: int, when: str) -> int | None:
    """Return how much of the log was there at ``when`` (as `records.timestamp` writes it).

    ``descriptor`` is the open file of marks. It is correct to the distance of two marks, and rather
    too little; None where nothing was marked, or what is there are no marks.
    """
    first, last = 0, os.fstat(descriptor).st_size // WIDTH
    if last == 0:
        return None
    try:
        while first < last:
            middle = (first + last) // 2
            if _mark(descriptor, middle)[0] <= when:
                first = middle + 1
            else:
                last = middle
        return _mark(descriptor, first - 1)[1] if first else 0
    except (ValueError, IndexError):
        return None


def _mark(descriptor: int, number: int) -> tuple[str, int]:
    text = os.pread(descriptor, WIDTH, number * WIDTH).decode()
    return text.split('"')[3], int(text.rstrip("}\n").rpartition(":")[2])
