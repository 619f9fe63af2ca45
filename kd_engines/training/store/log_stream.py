"""A job's log by byte offset: a part of it, or all that comes until the job has ended.

All who follow one job share one look at its file, so a thousand followers cost an idle engine what
one costs. Chunks are large, and nothing is kept: memory stays flat however long the log is.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable

from kd_engines.training.job_folder import records
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.errors import KdError, Unavailable
from kd_pipeline.regular_files import NotRegular

CHUNK = 512 * 1024
LOOK_EVERY_S = 0.03
AWAY_S = 0.5


async def read_part(store: JobStore, job: int, offset: int, length: int) -> AsyncIterator[bytes]:
    """Yield ``length`` bytes of the log from ``offset``, fewer where it is shorter."""
    descriptor = _open(store, job)
    if descriptor is None:
        return
    try:
        while length > 0:
            chunk = await asyncio.to_thread(os.pread, descriptor, min(CHUNK, length), offset)
            if not chunk:
                return
            offset += len(chunk)
            length -= len(chunk)
            yield chunk
    finally:
        os.close(descriptor)


class LogFollowers:
    """Who follows which job's log right now."""

    def __init__(self, store: JobStore, is_ended: Callable[[int], bool]) -> None:
        self._store = store
        self._is_ended = is_ended
        self._watches: dict[int, _Watch] = {}

    async def follow(self, job: int, offset: int, draining: asyncio.Event) -> AsyncIterator[bytes]:
        """Yield the log from ``offset`` on until the job has ended and all was sent.

        Raises Unavailable, which breaks the transfer off, where this engine stops before: so the
        reader does not take the part for the whole, and asks again with its offset.
        """
        watch = self._watches.setdefault(job, _Watch(self._store, job, self._is_ended))
        watch.enter()
        descriptor: int | None = None
        try:
            while True:
                ended = watch.ended  # before the size: what is written last is not missed then
                size = watch.size
                if size > offset:
                    descriptor = _open(self._store, job) if descriptor is None else descriptor
                    if descriptor is not None:
                        chunk = await asyncio.to_thread(os.pread, descriptor, CHUNK, offset)
                        offset += len(chunk)
                        yield chunk
                        continue
                if ended:
                    return
                if draining.is_set():
                    raise Unavailable("The engine stops; go on from the last offset at another.")
                await watch.change(size)
        finally:
            if descriptor is not None:
                os.close(descriptor)
            if watch.leave():
                self._watches.pop(job, None)


class _Watch:
    """One job's log size and end, looked at for all its followers."""

    def __init__(self, store: JobStore, job: int, is_ended: Callable[[int], bool]) -> None:
        self._store = store
        self._job = job
        self._is_ended = is_ended
        self._followers = 0
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.ended = is_ended(job)
        self.size = store.log_size(job)

    def enter(self) -> None:
        self._followers += 1
        if self._task is None and not self.ended:
            self._task = asyncio.get_running_loop().create_task(self._look())

    def leave(self) -> bool:
        """Tell whether this was the last follower, with whom the looking ends."""
        self._followers -= 1
        if self._followers == 0 and self._task:
            self._task.cancel()
        return self._followers == 0

    async def change(self, known: int) -> None:
        """Return when the size is not ``known`` any more, the job ended, or half a second is over.

        The half second is for the follower's own look at whether the engine stops.
        """
        if self.size != known or self.ended:
            return
        event = self._event
        try:
            async with asyncio.timeout(0.5):
                await event.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        while not self.ended:
            try:
                ended = self._is_ended(self._job)  # before the size: nothing comes between them
                size = self._store.log_size(self._job)
            except (KdError, OSError):  # the repository is away for a while
                await asyncio.sleep(AWAY_S)
                continue
            if size != self.size or ended:
                self.size, self.ended = size, ended
                self._event.set()
                self._event = asyncio.Event()
            await asyncio.sleep(LOOK_EVERY_S)


def _open(store: JobStore, job: int) -> int | None:
    try:
        return store.open(job, records.LOG)
    except (FileNotFoundError, NotRegular):
        return None
