"""Watch a job's log until the job has ended, through every break of the connection."""

import queue
import sys
import threading
import time
from typing import TypeAlias

from kd_client.errors import EngineDown
from kd_client.jobs.job import Job
from kd_magics.output.log_view import LogView
from kd_pipeline.errors import KdError, Unauthorized, Unavailable, UnknownCluster
from kd_pipeline.messages import TERMINAL

OUTPUTS_EVERY_S = 1.0
RECONNECT_FOR_S = 600.0
RECONNECT_EVERY_S = 0.5
LONGEST_PAUSE_S = 5.0
# Parts of at most 512 KiB that may wait to be shown: then the engine waits, not our memory grows.
MOST_WAITING = 4
AT_ONCE = 1024 * 1024
# What passes by itself: an engine that restarts, a token or an address that is being changed.
PASSING = (Unavailable, Unauthorized, UnknownCluster)
Arrived: TypeAlias = "queue.Queue[bytes | Exception | None]"


def watch(job: Job, view: LogView, show_every_s: float = 0.2) -> None:
    """Show all until the end; go on from the byte reached whenever the connection breaks.

    What came in ``show_every_s`` seconds is shown at once, since front ends hang when text comes
    in thousands of small messages. Raises EngineDown where the engine stays away.
    """
    connection = _Connection(job)
    while True:
        try:
            grew = _show_stream(job, view, connection, show_every_s)
        except PASSING:
            grew = False  # a broken connection, or only silence: the next question tells
        try:
            message = job.client.job(job.id)
            connection.works()
            job.update(message)
            if message.status in TERMINAL and view.offset >= job.client.log_size(message):
                view.take_outputs()
                view.close()
                return
        except PASSING as error:
            connection.broke(error)
        if not grew:
            time.sleep(connection.pause_s)


class _Connection:
    """Whether the engine answers; it says so when that changes, and gives up after a while."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lost_since: float | None = None
        self.pause_s = RECONNECT_EVERY_S

    def works(self) -> None:
        """Take note that the engine has answered."""
        if self._lost_since is not None:
            print("[connected again]", file=sys.stderr)
        self._lost_since, self.pause_s = None, RECONNECT_EVERY_S

    def broke(self, error: KdError) -> None:
        """Take note that it has not; raises EngineDown where it is away for too long."""
        now = time.monotonic()
        if self._lost_since is None:
            print("[connection lost; trying again]", file=sys.stderr)
            self._lost_since = now
        if now - self._lost_since > RECONNECT_FOR_S:
            raise EngineDown(f"Watching job {self._job.id} ended: {error}", hint=error.hint)
        self.pause_s = min(LONGEST_PAUSE_S, self.pause_s * 2)


def _show_stream(job: Job, view: LogView, connection: _Connection, show_every_s: float) -> bool:
    """Show one connection's stream; return whether anything came. Raises Unavailable."""
    arrived: Arrived = queue.Queue(MOST_WAITING)
    stopped = threading.Event()
    reader = threading.Thread(
        target=_read, args=(job, view.offset, arrived, stopped), name="kd-log", daemon=True
    )
    reader.start()
    began, outputs_at = view.offset, 0.0
    try:
        while True:
            parts, end = _gather(arrived, show_every_s)
            if parts:
                connection.works()
            if parts or time.monotonic() - outputs_at > OUTPUTS_EVERY_S:
                view.take_outputs()  # before the text, as they belong between its parts
                outputs_at = time.monotonic()
            view.write(b"".join(parts))
            if isinstance(end, Exception):
                raise end
            if end:
                return view.offset > began
    finally:
        stopped.set()


def _gather(arrived: Arrived, seconds: float) -> tuple[list[bytes], Exception | bool]:
    """Return what came within a moment, and the stream's end if it came: True or its error."""
    parts: list[bytes] = []
    size = 0
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and size < AT_ONCE:
        try:
            item = arrived.get(timeout=left)
        except queue.Empty:
            break
        if not isinstance(item, bytes):
            return parts, True if item is None else item
        parts.append(item)
        size += len(item)
    return parts, False


def _read(job: Job, offset: int, arrived: Arrived, stopped: threading.Event) -> None:
    """Read one stream in a thread of its own, so that outputs are seen while the log is silent."""
    try:
        with job.client.follow(job.id, offset) as stream:
            for part in stream:
                if not _put(arrived, part, stopped):
                    return
        _put(arrived, None, stopped)
    except Exception as error:  # carried to the thread that watches
        _put(arrived, error, stopped)


def _put(arrived: Arrived, item: bytes | Exception | None, stopped: threading.Event) -> bool:
    """Hand an item over; tell whether there is anybody who takes it."""
    while not stopped.is_set():
        try:
            arrived.put(item, timeout=0.2)
        except queue.Full:
            continue
        return True
    return False
