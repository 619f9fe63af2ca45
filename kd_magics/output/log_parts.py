"""Parts of a job's log: read piece by piece, from its end, or as the lines that match.

A log may have any size; no more than a few pieces of it are in memory at a time.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator

from kd_client.jobs.job import Job
from kd_client.terminal.log_text import LogText, lines_of
from kd_pipeline.errors import Unavailable

PIECE = 512 * 1024
# No more than this is read from the end of a log, whatever its lines are like.
LARGEST_TAIL = 1024 * 1024
# A longer part is not read only to tell how many lines it has.
MOST_COUNTED = 8 * 1024 * 1024
TRY_FOR_S = 30.0
TRY_EVERY_S = 1.0


def read(job: Job, start: int, end: int) -> Iterator[bytes]:
    """Yield a log's bytes in pieces; an engine that is away is asked again for half a minute.

    Raises Unavailable where it stays away. It ends early where the log is shorter.
    """
    while start < end:
        piece = _ask(job, start, min(PIECE, end - start))
        if not piece:
            return
        start += len(piece)
        yield piece


def tail_start(job: Job, floor: int, size: int, lines: int) -> int:
    """Return where the last ``lines`` lines before ``size`` begin, not before ``floor``.

    Where they are longer than LARGEST_TAIL, that is where fewer lines begin.
    """
    lowest = max(floor, size - LARGEST_TAIL)
    begin, seen, piece = size, 0, b""
    while begin > lowest:
        end, begin = begin, max(lowest, begin - PIECE)
        piece = _ask(job, begin, end - begin)
        at = len(piece) - 1 if end == size and piece.endswith(b"\n") else len(piece)
        while (at := piece.rfind(b"\n", 0, at)) >= 0:
            seen += 1
            if seen == lines:
                return begin + at + 1
    return begin if begin == floor else begin + piece.find(b"\n") + 1


def count_lines(job: Job, start: int, end: int) -> int | None:
    """Return how many lines begin in a part of the log; None where it is too long to read."""
    if end - start > MOST_COUNTED:
        return None
    return sum(piece.count(b"\n") for piece in read(job, start, end))


def last_matches(
    job: Job, text: LogText, start: int, end: int, lines: int
) -> tuple[list[str], int]:
    """Return the last lines that ``text`` lets through of a part, and how many were before them.

    ``text`` keeps what it has of a last line that is not finished.
    """
    kept: deque[str] = deque()
    found = size = 0
    for piece in read(job, start, end):
        for line in lines_of(text.feed(piece)):
            kept.append(line)
            found, size = found + 1, size + len(line)
            while len(kept) > lines or size > LARGEST_TAIL:
                size -= len(kept.popleft())
    return list(kept), found - len(kept)


def _ask(job: Job, start: int, length: int) -> bytes:
    return _patiently(lambda: job.client.log(job.id, start, length))


def _patiently(ask: Callable[[], bytes]) -> bytes:
    deadline = time.monotonic() + TRY_FOR_S
    while True:
        try:
            return ask()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(TRY_EVERY_S)
