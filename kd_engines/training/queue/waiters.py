"""Who waits for a change of which job."""

import asyncio


class Waiters:
    """Requests of one engine that wait until something about a job may have changed."""

    def __init__(self) -> None:
        self._waiting: dict[int, set[asyncio.Future[None]]] = {}

    async def changed(self, job: int, seconds: float) -> None:
        """Return when something about the job may have changed, or after ``seconds``."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job, set()).add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._waiting[job].discard(future)
            if not self._waiting[job]:
                del self._waiting[job]

    def wake(self, job: int) -> None:
        """Wake who waits for a change of this job."""
        for future in self._waiting.get(job, ()):
            if not future.done():
                future.set_result(None)
