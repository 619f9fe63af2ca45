"""A request's one deadline, kept here whatever a worker does.

There is a timer while something is asked, for the oldest request, and none for each request.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

from kd_engines.deployment.requests_held import Pending, RequestsHeld
from kd_engines.deployment.worker_channel import WorkerChannel
from kd_pipeline.errors import PredictTimeout


class Deadlines:
    """Those of the requests of one model, which has ``workers`` right now."""

    def __init__(
        self,
        held: RequestsHeld,
        workers: Callable[[], Iterable[WorkerChannel]],
        limit_s: Callable[[], float],
        sentence: str,
    ) -> None:
        self._held, self._workers, self._limit_s = held, workers, limit_s
        self._sentence = sentence
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, pending: Pending) -> None:
        """See that a new request has an answer in time."""
        if self._timer is None:
            self._look_at(pending.asked + self._limit_s())

    def cancel(self) -> None:
        """Watch no more."""
        if self._timer:
            self._timer.cancel()

    def _look_at(self, when: float) -> None:
        delay = max(0.0, when - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        """Answer what is past its deadline, and end a worker that has answered nobody meanwhile."""
        limit, now = self._limit_s(), time.monotonic()
        while (oldest := self._held.oldest) and oldest.asked + limit <= now:
            if oldest.sent_to:
                oldest.sent_to.owes = True
            oldest.settle(oldest.verdict or PredictTimeout(self._sentence))
        next_looks = [oldest.asked + limit] if oldest else []
        for worker in list(self._workers()):
            if not worker.owes:
                continue
            if now - worker.progress >= limit:
                worker.owes = False
                worker.kill()
            else:
                next_looks.append(worker.progress + limit)
        self._timer = None
        if next_looks:
            self._look_at(min(next_looks))
