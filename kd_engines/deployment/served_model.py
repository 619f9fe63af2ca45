"""A loaded model version: its worker and that one's replicas, and how a dead worker is replaced.

Requests wait meanwhile; see :mod:`~kd_engines.deployment.requests_held` for those that were with
it, and :mod:`~kd_engines.deployment.deadlines` for one that answers no more.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from kd_engines.deployment.deadlines import Deadlines
from kd_engines.deployment.pauses import pause_after
from kd_engines.deployment.replicas import Replicas
from kd_engines.deployment.requests_held import Pending, RequestsHeld, see_room
from kd_engines.deployment.results import not_in_time
from kd_engines.deployment.wire import Answer, Loaded, Spec
from kd_engines.deployment.worker_channel import WorkerChannel
from kd_engines.deployment.worker_group import WorkerGroup
from kd_engines.deployment.worker_process import WorkerProcess
from kd_pipeline.errors import KdError, ModelNotReady, ScoringFailed

log = logging.getLogger("kd_engines.deployment")
# A script of 2020 is timed by its worker, which has what it printed until then.
GRACE_S = {"function": 0.0, "script": 0.5}
PING_S = 60.0  # within which an idle worker has to answer
LONGEST_CLOSE_S = 3600.0
SLOW_S = 5.0  # a request that lasts longer is told of in the model's status


class ServedModel:
    """One model version as it runs; made by :meth:`parse` and :meth:`load`, ended by `close`.

    ``check`` raises LoadFailed or OSError where its files are no longer those that were loaded.
    It has as many processes as it needs and ``most_processes`` allow.
    """

    def __init__(
        self,
        label: str,
        spec: Spec,
        group: WorkerGroup,
        queue_limit: int,
        check: Callable[[], Awaitable[None]],
        most_processes: int = 1,
    ) -> None:
        self.label, self.spec = label, spec
        self._group, self._queue_limit, self._check = group, queue_limit, check
        self.restarts = 0
        self.failure: str | None = None
        self._load_limit_s = 0.0
        self._worker = self._new_worker()
        self._is_up = False
        self._ended_how = ""
        self._replicas = Replicas(label, most_processes, self._take, self._lost_replica)
        self._held = RequestsHeld(
            lambda: self._replicas.pick(self._worker), lambda: self._worker, self._replicas.other
        )
        sentence = not_in_time(f"Model {label} gave no answer", spec.timeout_s) + "."
        self._deadlines = Deadlines(self._held, self._workers, sentence)
        self._deaths: deque[float] = deque(maxlen=8)
        self._kills: deque[float] = deque(maxlen=8)
        self._asked_for = asyncio.Event()  # somebody waits for the next worker
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def kind(self) -> str:
        """Return "function" or "script"."""
        return self._worker.kind

    @property
    def loaded(self) -> Loaded | None:
        """Return how a model of a known format is served."""
        return self._worker.loaded

    @property
    def pid(self) -> int | None:
        """Return the worker's process id; None while it is being replaced."""
        return self._worker.pid if self._is_up else None

    @property
    def worker_pid(self) -> int:
        """Return the worker's process id, also while it is loading."""
        return self._worker.pid

    @property
    def processes(self) -> int:
        """Return how many processes answer right now."""
        return 1 + len(self._replicas.workers) if self._is_up else 0

    @property
    def log(self) -> str:
        """Return the end of what the worker printed outside of answers."""
        return self._worker.log

    @property
    def is_being_replaced(self) -> bool:
        """Tell whether requests wait because there is no worker."""
        return not self._is_up and not self.failure

    @property
    def remark(self) -> str | None:
        """Return what keeps it from answering right now; None where nothing does."""
        if self.is_being_replaced:
            how = self._ended_how or "its process has ended"
            return f"{how[:1].upper()}{how[1:]}; it is started again."
        oldest = self._held.oldest
        seconds = time.monotonic() - oldest.asked if oldest else 0.0
        if seconds > SLOW_S:
            return f"A request has waited for {seconds:.0f} s."
        return self._replicas.remark

    async def parse(self) -> None:
        """Start the worker as far as its kind is known, calmly; raises LoadFailed."""
        await self._worker.parse(self.spec, calmly=True)

    async def load(self, limit_s: float) -> None:
        """Load the model within ``limit_s``; raises LoadFailed."""
        self._load_limit_s = limit_s
        await self._worker.load(limit_s)
        self._use(self._worker)

    def hurry(self) -> None:
        """Let it compute as any other: it has been loaded and warmed up."""
        self._worker.hurry()

    async def predict(self, args: bytes) -> Answer:
        """Return the answer to ``args``, the JSON text of ``scoring_args``.

        Raises ScoringFailed, PredictTimeout, ModelNotReady, TooManyRequests.
        """
        return await self._answer(self.ask(args))

    async def _answer(self, pending: Pending) -> Answer:
        try:
            return await pending.wait()
        finally:
            self.drop(pending)

    def ask(self, args: bytes) -> Pending:
        """Send a request; whoever asks has to `drop` it once it has its answer.

        Raises ModelNotReady, TooManyRequests.
        """
        if self.failure:
            raise ModelNotReady(f"Model {self.label} does not run: {self.failure}")
        see_room(self.label, len(self._held), self._queue_limit, self._held.bytes + len(args))
        return self._add(args, self.spec.timeout_s)

    def _add(self, args: bytes, limit_s: float) -> Pending:
        grace_s = GRACE_S.get(self.kind, 0.0)
        pending = self._held.add(args, limit_s, grace_s, can_send=self._is_up)
        self._asked_for.set()
        self._deadlines.watch(pending)
        return pending

    def drop(self, pending: Pending) -> None:
        """Forget a request; who asked has an answer, or has gone."""
        self._held.drop(pending)

    async def ping(self) -> None:
        """See that an idle worker answers; one that does not is replaced as for any request."""
        for worker in list(self._workers()):
            self._held.clear_the_way(worker, PING_S)
        if self._is_up and not self._held:
            with contextlib.suppress(KdError):
                await self._answer(self._add(b"", min(self.spec.timeout_s, PING_S)))

    def start_again(self) -> None:
        """End what its worker is at, with the worker."""
        self._worker.kill()

    def allow(self, most_processes: int) -> None:
        """Let it have so many processes at most."""
        self._replicas.most = most_processes

    def look(self, idle_processors: float) -> None:
        """Have as many processes as it needs; called every `replicas.LOOK_EVERY_S`."""
        if self._is_up and self.kind != "script":  # whose runs have processes of their own
            self._replicas.look(self._worker, idle_processors)

    async def close(self) -> None:
        """Wait until every request has its answer, or nobody waits for it; then end the worker."""
        deadline = time.monotonic() + LONGEST_CLOSE_S
        while self._held.are_wanted and time.monotonic() < deadline:  # noqa: ASYNC110 - costs requests nothing
            await asyncio.sleep(0.02)
        await self.end()

    async def end(self) -> None:
        """End the worker now."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self._deadlines.cancel()
        self._replicas.end_all()
        self.failure = "it was taken off, or replaced, before it had an answer."
        self._refuse_all()
        await asyncio.gather(*self._tasks, self._worker.stop(), return_exceptions=True)

    def _new_worker(self) -> WorkerProcess:
        return WorkerProcess(self._group, self._take, self._lost)

    def _workers(self) -> Iterator[WorkerChannel]:
        if self._is_up:
            yield self._worker
            yield from self._replicas.all

    def _use(self, worker: WorkerProcess) -> None:
        self._worker, self._is_up = worker, True
        if worker.gone:  # between its first word and now
            self._lost(worker)
        else:
            self._held.go_on()

    def _take(self, worker: WorkerChannel, answers: list[Answer]) -> None:
        worker.progress, worker.owes_s = time.monotonic(), 0.0
        if worker is not self._worker:
            for answer in answers:
                answer.pid = answer.pid or worker.pid
        if self._is_up:
            self._held.take(worker, answers)

    def _lost_replica(self, worker: WorkerChannel) -> None:
        """One has ended: what it had is asked of the worker, each alone."""
        self.restarts += 1
        self._held.lost(worker)
        self._held.go_on()

    def _lost(self, worker: WorkerChannel) -> None:
        """The worker has gone: find out what was with it, and start another."""
        if self._closed or worker is not self._worker or not self._is_up:
            return
        self._is_up = False
        self._ended_how = ""  # not known yet
        self._deaths.append(time.monotonic())
        self._asked_for.clear()
        alone = self._held.lost(worker)
        for replica in self._replicas.end_all():
            self._held.lost(replica, was_ended=True)
        if self._held:
            self._asked_for.set()
        self._keep(self._replace(self._worker, alone))

    async def _replace(self, dead: WorkerProcess, alone: Pending | None) -> None:
        self._ended_how = how = await dead.ending()
        log.warning("model %s: %s; it is started again", self.label, how)
        if alone:
            self._fail_later(alone, how)
        while True:
            await self._pause()
            self.restarts += 1
            try:
                await self._check()
                worker = self._new_worker()
                await worker.parse(self.spec)
                await worker.load(self._load_limit_s)
            except Exception as error:
                if not isinstance(error, KdError | OSError):
                    log.exception("model %s could not be started again", self.label)
                self._deaths.append(time.monotonic())
                self.failure = f"{how}, and starting it again failed: {error}"
                self._refuse_all()
                continue
            self.failure = None
            self._use(worker)
            return

    def _fail_later(self, killer: Pending, how: str) -> None:
        """Answer the request that ended workers; who sends many such waits, and nobody else."""
        self._kills.append(time.monotonic())
        killer.verdict = ScoringFailed(f"Model {self.label} failed on this request twice: {how}.")
        pause_s = pause_after(self._kills)
        asyncio.get_running_loop().call_later(pause_s, killer.settle, killer.verdict)

    async def _pause(self) -> None:
        """Wait before the next start, unless somebody waits for it already."""
        if self.failure:  # it dies at loading: nobody is waiting any more
            await asyncio.sleep(max(1.0, pause_after(self._deaths)))
            return
        try:
            async with asyncio.timeout(pause_after(self._deaths)):
                await self._asked_for.wait()
        except TimeoutError:
            return

    def _refuse_all(self) -> None:
        sentence = f"Model {self.label} does not run: {self.failure}"
        self._held.fail_all(lambda: ModelNotReady(sentence))

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
