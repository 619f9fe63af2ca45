"""A job's log as it comes, for one browser: read in a thread, handed over in few large parts.

The thread asks the engine anew from the byte it has reached whenever the connection breaks, for
as long as somebody reads: so a browser sees each byte once, whatever becomes of the engine.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator

from kd_client.training_client import TrainingClient
from kd_pipeline.errors import TooManyRequests, Unauthorized, Unavailable, UnknownCluster
from kd_pipeline.messages import TERMINAL

# Every browser tab that follows holds a thread here and a connection to the engine.
MOST_STREAMS = 64
# A silent engine is asked anew after so long, which is how a thread learns that its reader left.
SILENCE_S = 5.0
# Parts of at most 512 KiB that may wait: a slow browser slows the engine down, and fills nothing.
MOST_WAITING = 4
AT_ONCE = 1024 * 1024
# After less than SMALL the next part waits, so that many short lines are not as many messages.
SMALL = 64 * 1024
PAUSE_S = 0.2
RETRY_S = 0.5
LONGEST_RETRY_S = 10.0
# What passes by itself: an engine that restarts, a token or an address that is being changed.
PASSING = (Unavailable, Unauthorized, UnknownCluster)


class LogStreams:
    """The logs that are being followed."""

    def __init__(self) -> None:
        self._open = 0

    def open(self, client: TrainingClient, number: int, offset: int) -> "LogStream":
        """Begin to follow a log; raises TooManyRequests where very many are followed."""
        if self._open >= MOST_STREAMS:
            raise TooManyRequests(
                f"{MOST_STREAMS} logs are being followed through this Jupyter server already; "
                "close some of them."
            )
        self._open += 1
        return LogStream(self, client, number, offset)

    def closed(self) -> None:
        """Take note that a stream has ended."""
        self._open -= 1


class LogStream:
    """One log from a byte on until its job has ended; ``close`` ends it before."""

    def __init__(
        self, streams: LogStreams, client: TrainingClient, number: int, offset: int
    ) -> None:
        self._streams, self._client, self._number = streams, client, number
        self._offset = offset
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(MOST_WAITING)
        self._stopped = threading.Event()
        threading.Thread(target=self._read, name="kd-log-stream", daemon=True).start()

    def close(self) -> None:
        """Stop reading; whoever waits for the next part is told the end."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._streams.closed()
            self._arrived.put_nowait(None)

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield what comes, at most about five parts a second while they are small.

        Raises what the engine says where the log cannot be read any further.
        """
        item: bytes | BaseException | None = b""
        while isinstance(item, bytes):
            part, item = bytearray(), await self._arrived.get()
            while isinstance(item, bytes):
                self._room.release()
                part += item
                if len(part) >= AT_ONCE or self._arrived.empty():
                    break
                item = self._arrived.get_nowait()
            if part and not self._stopped.is_set():
                yield bytes(part)
            if isinstance(item, bytes) and len(part) < SMALL:
                await asyncio.sleep(PAUSE_S)
        if item is not None:
            raise item

    def _read(self) -> None:
        try:
            self._read_all()
            self._hand_over(None)
        except BaseException as error:  # carried to the route that answers
            self._hand_over(error)

    def _read_all(self) -> None:
        pause = RETRY_S
        while not self._stopped.is_set():
            began = self._offset
            with contextlib.suppress(*PASSING):  # or only silence: the next question tells
                self._read_once()
            if self._stopped.is_set():
                return
            try:
                job = self._client.job(self._number)
                if job.status in TERMINAL and self._offset >= self._client.log_size(job):
                    return
                pause = RETRY_S
            except PASSING:
                pause = min(LONGEST_RETRY_S, 2 * pause)
            if self._offset == began:
                self._stopped.wait(pause)

    def _read_once(self) -> None:
        with self._client.follow(self._number, self._offset, SILENCE_S) as stream:
            for part in stream:
                while not self._room.acquire(timeout=PAUSE_S):
                    if self._stopped.is_set():
                        return
                if self._stopped.is_set():
                    return
                self._hand_over(part)
                self._offset += len(part)

    def _hand_over(self, item: bytes | BaseException | None) -> None:
        if not self._loop.is_closed():  # as it is when the server has ended
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, item)
