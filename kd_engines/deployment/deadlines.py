"""A request's one deadline, kept here whatever a worker does.

There is a timer while something is asked that has one, for the oldest request, and none for each
request. The oldest request has the earliest deadline: those of one model have one limit, but for
the engine's own question whether an idle worker answers.
"""

import asyncio
import math
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
        sentence: str,
    ) -> None:
        self._held, self._workers, self._sentence = held, workers, sentence
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, pending: Pending) -> None:
        """See that a new request has an answer in time."""
        if self._timer is None and pending.limit_s != math.inf:
            self._look_at(pending.deadline)

    def cancel(self) -> None:
        """Watch no more."""
        if self._timer:
            self._timer.cancel()

    def _look_at(self, when: float) -> None:
        delay = max(0.0, when - time.monotonic())
        self._timer = asyncio.get_running_loop().call_later(delay, self._look)

    def _look(self) -> None:
        """Answer what is past its deadline, and end a worker that has answered nobody meanwhile."""
        now = time.monotonic()
        while (oldest := self._held.oldest) and oldest.deadline <= now:
            if oldest.sent_to:
                oldest.sent_to.owes_s = oldest.limit_s
            oldest.settle(oldest.verdict or PredictTimeout(self._sentence))
        next_look = oldest.deadline if oldest else math.inf
        for worker in list(self._workers()):
            if not worker.owes_s:
                continue
            if now - worker.progress >= worker.owes_s:
                worker.owes_s = 0.0
                worker.kill()
            else:
                next_look = min(next_look, worker.progress + worker.owes_s)
        self._timer = None
        if next_look != math.inf:
            self._look_at(next_look)
