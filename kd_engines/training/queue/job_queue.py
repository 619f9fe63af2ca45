"""Which job runs when: first come, first served, as far as this engine has room (`admission`).

The queue is no more than a view of the job directories, so it is the same after a restart. Engines
that share a repository and a cluster's name share its queue: any of them may start any job, and
the exclusive started.json decides. Jobs that another process holds are watched: the runner's pid,
start time and boot on this machine, its heartbeat (mtime of started.json) on another.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime

from kd_engines.members.descendants import end_all
from kd_engines.training import processes
from kd_engines.training.job_folder.record import Record, Started
from kd_engines.training.queue.admission import Admission, Held
from kd_engines.training.queue.cancels import WAITS, Cancels
from kd_engines.training.queue.heartbeats import Heartbeats
from kd_engines.training.queue.launcher import Launcher
from kd_engines.training.queue.waiters import Waiters
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.errors import KdError, NotFound, TooManyRequests
from kd_pipeline.messages import Queue, Resources

log = logging.getLogger(__name__)

LONGEST_QUEUE = 1000
LOOK_EVERY_S = 1.0
RETRY_S = 5.0


class JobQueue:
    """Starts queued jobs, notices their ends, and wakes who waits for a change of a job."""

    def __init__(
        self,
        store: JobStore,
        cluster: str,
        tokens: Callable[[], frozenset[str]],
        admission: Admission,
    ) -> None:
        self._store = store
        self._launcher = Launcher(store, cluster, tokens, self)
        self._admission = admission
        self._queued: list[int] = []
        self._asked: dict[int, Resources] = {}  # of waiting jobs
        self._running: dict[int, Started | None] = {}  # None: our runner has not claimed it yet
        self._not_before: dict[int, float] = {}
        self._trouble: dict[int, str] = {}
        self.cancels = Cancels(store)
        self.waiters = Waiters()
        self._heartbeats = Heartbeats(store)
        self._begun: set[int] = set()  # what our runners have told, whatever the files say
        self._left: set[int] = set()  # since the last look at the files, which may be older

    async def run(self) -> None:
        """Look after the jobs until cancelled; jobs that run go on without us.

        :meth:`look` comes first, so that an engine knows its jobs before it answers.
        """
        await self._launcher.remember()
        while True:
            await asyncio.to_thread(self._store.index_ended)
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Bring queue and running jobs in line with the job directories, and start what may run.

        Raises nothing: with the next look it is tried again.
        """
        try:
            await self._look()
        except (KdError, OSError) as error:
            log.warning("the queue could not be looked after: %s", error)
        except Exception:  # one job must not stop the others
            log.exception("the queue could not be looked after")

    async def _look(self) -> None:
        self._left.clear()
        self._launcher.look_after()
        records_now = await asyncio.to_thread(self._unfinished)
        present = {record.job.id for record in records_now}
        for job in sorted(
            {*self._queued, *self._running} - present - self._launcher.runners.keys()
        ):
            # It may only be newer than what was just read.
            if await asyncio.to_thread(self._store.is_over, job):
                self._forget(job)
        for record in records_now:
            await self._take_in(record)
        await asyncio.to_thread(self.cancels.retry)
        self._start_next()

    def close(self) -> None:
        """Start no more jobs; those that run go on."""
        self._launcher.close()

    def check_room(self) -> None:
        """Raise TooManyRequests where no job may be added."""
        if len(self._queued) >= LONGEST_QUEUE:
            raise TooManyRequests(
                f"{len(self._queued):,} jobs wait on this engine, {LONGEST_QUEUE:,} are the limit; "
                "submit again when some have run, or cancel some."
            )

    def add(self, job: int) -> None:
        """Put a new job at the end of the queue, and start it where it may run at once."""
        if job not in self._queued and job not in self._running:
            self._queued.append(job)
            self._queued.sort()
        self._start_next()

    def position(self, job: int) -> int | None:
        """Return how many jobs will start before this one, or None where it does not wait."""
        return self._queued.index(job) if job in self._queued else None

    def reason(self, job: int) -> str | None:
        """Return why a waiting job waits, in words; None for one that does not."""
        if job in self.cancels:
            return WAITS
        position = self.position(job)
        if position is None or job in self._trouble:
            return self._trouble.get(job)
        waiting = self._queued[: position + 1]
        return self._admission.reason(position, map(self._resources, waiting))

    def active(self) -> list[int]:
        """Return the ids of waiting and running jobs, oldest first."""
        return sorted({*self._queued, *self._running})

    def counts(self) -> Queue:
        """Return how many jobs wait and run, and the limit."""
        limit = self._admission.room.places
        return Queue(queued=len(self._queued), running=len(self._running), limit=limit)

    def ended(self, job: int) -> None:
        """Drop a job that has ended, and start the next."""
        self._forget(job)
        self._start_next()

    def _forget(self, job: int) -> None:
        self._left.add(job)
        if job in self._queued:
            self._queued.remove(job)
        self._running.pop(job, None)
        self._admission.release(job)
        self._asked.pop(job, None)
        self._not_before.pop(job, None)
        self._trouble.pop(job, None)
        self._heartbeats.forget(job)
        self._begun.discard(job)
        self._launcher.forget(job)
        self.cancels.forget(job)
        self.waiters.wake(job)

    def _unfinished(self) -> list[Record]:
        return list(self._store.records(self._store.unfinished()))

    async def _take_in(self, record: Record) -> None:
        """Make an unfinished job a queued or a running one of ours, or end it as lost."""
        job, started = record.job.id, record.started
        if job in self._launcher.runners or record.terminal or job in self._left:
            return  # the runner's pipe, or who ended it, tells all about it
        if started is None:
            if job in self._begun:  # our runner is gone, and the job had removed its started.json
                await self._lose(job)
                return
            if job in self._queued or job in self._running:
                return
            # One that runs although its started.json is gone, since it removed it, runs once.
            folder = str(self._store.folder / str(job))
            if await asyncio.to_thread(processes.of_job, folder):
                return
            # It may have been added, started and more meanwhile.
            if not (job in self._left or job in self._queued or job in self._running):
                self._queued.append(job)
                self._queued.sort()
            return
        if started.pid is None:  # claimed by an engine that died before it wrote the end
            await asyncio.to_thread(
                self._store.end, job, "Cancelled", "The job was cancelled before it ran."
            )
            self.ended(job)
            return
        if job in self._queued:
            self._queued.remove(job)
            self.waiters.wake(job)
        self._running[job] = started
        if started.node == self._heartbeats.node:
            began = datetime.fromisoformat(started.started).timestamp()
            held = Held(record.job.resources, tuple(started.gpus), began)
            self._admission.hold(job, held)
        if not await asyncio.to_thread(self._heartbeats.is_held, job, started):
            await self._lose(job)

    async def _lose(self, job: int) -> None:
        """End a job whose runner is gone, unless that one wrote the end just before."""
        record = await asyncio.to_thread(self._store.record, job)
        if not record.terminal:
            # Where the job has removed its started.json, it was our own runner.
            node = record.started.node if record.started else self._heartbeats.node
            if node == self._heartbeats.node:
                # What its runner would have ended: whatever session or parent it gave itself.
                folder = str(self._store.folder / str(job))
                await asyncio.to_thread(end_all, "KD_JOB_DIR", folder.__eq__)
            reason = (
                f"The process that held the job on {node} is gone: it was killed, or the machine "
                "restarted. What the job had written is kept."
            )
            await asyncio.to_thread(self._store.end, job, "Lost", reason)
        self.ended(job)

    def _start_next(self) -> None:
        now = time.monotonic()
        free = self._admission.free()
        for job in list(self._queued):
            if free.places <= 0:
                return
            if self._not_before.get(job, 0) > now or self.cancels.is_asked_for(job):
                continue
            try:
                if free.take(self._resources(job)) is None:
                    self._start(job)
            except NotFound:
                self._forget(job)
            except (KdError, OSError) as error:
                self._put_off(job, f"Its runner could not be started: {error}.")

    def _resources(self, job: int) -> Resources:
        """Return what a waiting job asks for; raises NotFound."""
        if job not in self._asked:
            self._asked[job] = self._store.record(job).job.resources
        return self._asked[job]

    def _put_off(self, job: int, trouble: str) -> None:
        """Try a job again later, and keep for its readers why it waits."""
        log.warning("job %d: %s", job, trouble)
        self._not_before[job] = time.monotonic() + RETRY_S
        self._trouble[job] = f"{trouble} It is tried again every {RETRY_S:g} s."

    def _start(self, job: int) -> None:
        record = self._store.record(job)
        if record.terminal or record.started or job in self._launcher.runners:
            self._queued.remove(job)
            return
        held = self._admission.choose(record.job.resources)
        self._launcher.start(record, held)
        self._queued.remove(job)
        self._admission.hold(job, held)
        self._running[job] = None
        self._store.runners.hold(job)

    def begun(self, job: int) -> None:
        """Take it from a job's runner that it has begun."""
        self._begun.add(job)
        self.waiters.wake(job)

    def over(self, job: int) -> None:
        """Take it from a job's runner that its end is written."""
        self._store.runners.let_go(job, has_ended=True)
        self.ended(job)

    async def gone(self, job: int, how: str) -> None:
        """Where a runner has left its job without an end, see what became of that."""
        self._store.runners.let_go(job, has_ended=False)
        self._running.pop(job, None)
        self._admission.release(job)
        try:
            record = await asyncio.to_thread(self._store.record, job)
        except KdError as error:  # looking after the jobs goes on with it
            log.warning("job %d: %s", job, error)
            return
        if record.terminal:
            self.ended(job)
            return
        if not record.started and job not in self._begun and not self._launcher.retries(job):
            self._put_off(job, f"Its runner ended {how} before the job began.")
        await self._take_in(record)
        self._start_next()
