"""The replicas of a model's worker: as many as there is work for, and processors.

There is work for a further one when each has had requests waiting behind the one it computes at
every look of a second, and a processor has been idle meanwhile, or they wait for something else
than processors. Who has had none to do for half a minute is let go. One look at all models costs
less than a timer for each.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from kd_engines.deployment.turns import cpu_seconds
from kd_engines.deployment.worker_channel import OnAnswers, WorkerChannel
from kd_engines.deployment.worker_process import WorkerProcess
from kd_engines.deployment.worker_replica import WorkerReplica
from kd_pipeline.errors import LoadFailed

log = logging.getLogger("kd_engines.deployment")
LOOK_EVERY_S = 0.25
BUSY_LOOKS = 4
IDLE_PROCESSORS = 0.5
WAITING_SHARE = 0.1
IDLE_S = 30.0
WITH_WORKER_S = 0.2
FORK_S = 60.0  # it is forked between two batches
PAUSE_S = 60.0  # after one that could not be made, or has died


class Replicas:
    """The replicas of one model, at most ``most`` processes with its worker.

    ``on_lost`` is called when one has ended by itself.
    """

    def __init__(
        self, label: str, most: int, on_answers: OnAnswers, on_lost: Callable[[WorkerReplica], None]
    ) -> None:
        self.label, self.most = label, most
        self._on_answers, self._on_lost = on_answers, on_lost
        self.workers: list[WorkerReplica] = []
        self._making: asyncio.Task[None] | None = None
        self._busy_looks, self._wanted_at, self._not_before = 0, 0.0, 0.0
        self._trouble = ""
        self._computed = 0.0, 0.0  # when, and for how many seconds until then
        self._leaving: set[WorkerReplica] = set()  # get nothing new
        self._lost_lately: dict[WorkerReplica, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def remark(self) -> str | None:
        """Return why there are no more processes although they would have had work lately."""
        if not self._trouble or time.monotonic() > self._not_before:
            return None
        return f"It has no further process, though there is work for one: {self._trouble}."

    @property
    def all(self) -> list[WorkerReplica]:
        """Return those that answer, also such as get nothing new."""
        return [*self.workers, *self._leaving]

    def pick(self, first: WorkerChannel) -> WorkerChannel:
        """Return who has least to do."""
        chosen, fewest = first, len(first.unanswered)
        for worker in self.workers:
            if len(worker.unanswered) < fewest:
                chosen, fewest = worker, len(worker.unanswered)
        return chosen

    def other(self) -> WorkerReplica | None:
        """Return the replica that has least to do; None where there is none."""
        return min(self.workers, key=lambda worker: len(worker.unanswered), default=None)

    def look(self, first: WorkerProcess, idle_processors: float) -> None:
        """Have one more, or one fewer, where that is wanted; called every `LOOK_EVERY_S`."""
        now, count = time.monotonic(), 1 + len(self.workers)
        asked = sum(len(worker.unanswered) for worker in (first, *self.workers))
        if asked >= count:
            self._wanted_at = now
        self._busy_looks = self._busy_looks + 1 if asked >= 2 * count else 0
        is_idle = now - self._wanted_at > IDLE_S or count > self.most
        if self.workers and is_idle:
            self._wanted_at = now
            self._end(self.workers.pop())
        elif (
            self._busy_looks >= BUSY_LOOKS
            and count < self.most
            and now >= self._not_before
            and self._making is None
        ):
            waits = self._waits_for_something_else(first, now)
            if waits or idle_processors >= IDLE_PROCESSORS:
                self._busy_looks = 0
                self._making = asyncio.get_running_loop().create_task(self._make(first))

    def _waits_for_something_else(self, first: WorkerProcess, now: float) -> bool:
        """Tell whether a busy worker has hardly computed since the last look."""
        at, before = self._computed
        used = cpu_seconds(first.pid)
        self._computed = now, used
        return now - at < 2 * LOOK_EVERY_S and used - before < WAITING_SHARE * (now - at)

    def end_all(self) -> list[WorkerReplica]:
        """End all at once, and return those that were there, or have ended just now."""
        if self._making:
            self._making.cancel()
        for timer in self._lost_lately.values():
            timer.cancel()
        ended = [*self.workers, *self._leaving, *self._lost_lately]
        self.workers, self._lost_lately = [], {}
        self._leaving.clear()
        for worker in ended:
            worker.kill()
            self._keep(worker.stop())
        return ended

    async def _make(self, first: WorkerProcess) -> None:
        replica = WorkerReplica(first, self._on_answers, self._lost)
        try:
            await replica.start(FORK_S)
            if replica.gone:
                raise LoadFailed("the fork has ended at once")
            self.workers.append(replica)
            self._trouble = ""
            log.info("model %s has %d processes", self.label, 1 + len(self.workers))
        except (LoadFailed, OSError) as error:
            self._not_before = time.monotonic() + PAUSE_S
            self._trouble = str(error).rstrip(".")
            log.info("model %s stays as it is: %s", self.label, self._trouble)
        finally:
            self._making = None

    def _lost(self, worker: WorkerChannel) -> None:
        """Wait a moment: where the worker has ended, its replicas end before that is seen."""
        if isinstance(worker, WorkerReplica) and worker in (*self.workers, *self._leaving):
            self.workers = [one for one in self.workers if one is not worker]
            self._leaving.discard(worker)
            loop = asyncio.get_running_loop()
            self._lost_lately[worker] = loop.call_later(WITH_WORKER_S, self._lost_alone, worker)

    def _lost_alone(self, worker: WorkerReplica) -> None:
        del self._lost_lately[worker]
        self._not_before = time.monotonic() + PAUSE_S
        self._trouble = "one has ended by itself a moment ago"
        log.warning("model %s: one of its replicas has ended", self.label)
        self._on_lost(worker)

    def _end(self, worker: WorkerReplica) -> None:
        """End one once it has answered what it has."""
        self._leaving.add(worker)
        self._keep(self._end_idle(worker))

    async def _end_idle(self, worker: WorkerReplica) -> None:
        while worker in self._leaving and worker.unanswered:  # noqa: ASYNC110 - costs them nothing
            await asyncio.sleep(0.02)
        self._leaving.discard(worker)
        await worker.stop()

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
