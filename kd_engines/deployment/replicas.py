"""The replicas of a model's worker: as many as there is work for, and processors.

There is work for a further one when each has had requests waiting behind the one it computes at
every look of a second, and a processor has been idle meanwhile, or they wait for something else
than processors. Who has had none to do for half a
minute is let go. One look at all models costs less than a timer for each.
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
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def remark(self) -> str | None:
        """Return why there are no more processes although they would have had work lately."""
        if not self._trouble or time.monotonic() > self._not_before:
            return None
        return f"It has no further process, though there is work for one: {self._trouble}."

    def pick(self, first: WorkerChannel) -> WorkerChannel:
        """Return who has least to do."""
        chosen, fewest = first, len(first.unanswered)
        for worker in self.workers:
            if len(worker.unanswered) < fewest:
                chosen, fewest = worker, len(worker.unanswered)
        return chosen

    def look(self, first: WorkerProcess, idle_processors: float) -> None:
        """Have one more, or one fewer, where that is wanted; called every `LOOK_EVERY_S`."""
        now, count = time.monotonic(), 1 + len(self.workers)
        asked = sum(len(worker.unanswered) for worker in (first, *self.workers))
        if asked >= count:
            self._wanted_at = now
        self._busy_looks = self._busy_looks + 1 if asked >= 2 * count else 0
        is_idle = now - self._wanted_at > IDLE_S or count > self.most
        if self.workers and is_idle:
            if not self.workers[-1].unanswered:
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
        """End all at once, and return those that were there."""
        if self._making:
            self._making.cancel()
        ended, self.workers = self.workers, []
        for worker in ended:
            worker.kill()
            self._end(worker)
        return ended

    async def _make(self, first: WorkerProcess) -> None:
        replica = WorkerReplica(first, self._on_answers, self._lost)
        try:
            await replica.start(FORK_S)
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
        if isinstance(worker, WorkerReplica) and worker in self.workers:
            self.workers.remove(worker)
            self._not_before = time.monotonic() + PAUSE_S
            log.warning("model %s: one of its replicas has ended", self.label)
            self._on_lost(worker)

    def _end(self, worker: WorkerReplica) -> None:
        task = asyncio.get_running_loop().create_task(worker.stop())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
