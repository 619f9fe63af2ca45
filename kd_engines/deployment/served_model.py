"""A loaded model version: its worker, and the requests that are with it.

A worker that dies is replaced; requests wait meanwhile. Those that were with it are sent again,
one at a time, so that the one which kills workers is found and fails alone.
"""

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field

from kd_engines.deployment.frames import Answer, Ask, Spec
from kd_engines.deployment.worker_process import WorkerProcess
from kd_pipeline.errors import (
    LoadFailed,
    ModelNotReady,
    PredictTimeout,
    ScoringFailed,
    TooManyRequests,
)

log = logging.getLogger("kd_engines.deployment")
LOOK_EVERY_S = 0.1
# Deaths that come soon after each other lengthen the pause before the next start.
CALM_S = 60.0
LONGEST_PAUSE_S = 30.0


@dataclass(eq=False)
class Pending:
    """A request that has no answer yet."""

    ask: Ask
    answer: "asyncio.Future[Answer]"
    asked: float = field(default_factory=time.monotonic)


class ServedModel:
    """One model version as it runs; made by :meth:`load`, ended by :meth:`close`."""

    def __init__(self, label: str, spec: Spec, load_limit_s: float, queue_limit: int) -> None:
        self.label, self.spec = label, spec
        self._queue_limit = queue_limit
        self.restarts = 0
        self.failure: str | None = None
        self._load_limit_s = load_limit_s
        self._worker: WorkerProcess | None = None
        self._kind = ""
        self._last_id = 0
        self._pending: dict[int, Pending] = {}
        self._suspects: deque[Pending] = deque()
        self._waiting: deque[Pending] = deque()
        self._alone: Pending | None = None
        self._progress = 0.0
        self._deaths: deque[float] = deque(maxlen=8)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def kind(self) -> str:
        """Return "function" or "script"."""
        return self._kind

    @property
    def pid(self) -> int | None:
        """Return the worker's process id; None while it is being replaced."""
        return self._worker.pid if self._worker else None

    @property
    def log(self) -> str:
        """Return the end of what the worker printed outside of answers."""
        return self._worker.log if self._worker else ""

    async def load(self) -> None:
        """Start the worker; raises LoadFailed."""
        self._use(await self._start())
        self._keep(self._watch_time())

    async def predict(self, args: bytes) -> Answer:
        """Return the answer to ``args``, the JSON text of ``scoring_args``.

        Raises ScoringFailed, PredictTimeout, ModelNotReady, TooManyRequests.
        """
        if self.failure:
            raise ModelNotReady(f"Model {self.label} does not run: {self.failure}")
        if len(self._pending) >= self._queue_limit:
            raise TooManyRequests(
                f"Model {self.label} has {self._queue_limit:,} requests waiting, which is the "
                "limit (KD_MODEL_QUEUE); ask again in a moment."
            )
        self._last_id += 1
        ask = Ask(self._last_id, args)
        pending = Pending(ask, asyncio.get_running_loop().create_future())
        if len(self._pending) == 0:
            self._progress = pending.asked
        self._pending[ask.id] = pending
        try:
            if self._worker is None or self._suspects or self._alone:
                self._waiting.append(pending)
            else:
                self._worker.send(ask)
            return await pending.answer
        finally:
            del self._pending[ask.id]

    async def close(self) -> None:
        """Wait until every request has its answer, then end the worker."""
        deadline = time.monotonic() + self.spec.timeout_s
        while self._pending and time.monotonic() < deadline:  # noqa: ASYNC110 - costs requests nothing
            await asyncio.sleep(0.02)
        await self.end()

    async def end(self) -> None:
        """End the worker now."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        self.failure = "it was taken off, or replaced, before it had an answer."
        self._refuse_all()
        if self._worker:
            await self._worker.stop()

    async def _start(self) -> WorkerProcess:
        worker = WorkerProcess(self._take, lambda: self._lost(worker))
        await worker.start(self.spec, self._load_limit_s)
        self._kind = worker.kind
        self._progress = time.monotonic()
        return worker

    def _use(self, worker: WorkerProcess) -> None:
        self._worker = worker
        if worker.gone:  # between its first word and now
            self._lost(worker)

    def _take(self, answers: list[Answer]) -> None:
        """Hand answers to those who asked."""
        self._progress = time.monotonic()
        for answer in answers:
            pending = self._pending.get(answer.id)
            if pending and not pending.answer.done():
                pending.answer.set_result(answer)
            if self._alone and self._alone.ask.id == answer.id:
                self._alone = None
                self._send_next()

    def _send_next(self) -> None:
        """Send the next suspect alone; with none left, all that waited."""
        if self._worker is None:
            return
        while self._suspects:
            suspect = self._suspects.popleft()
            if not suspect.answer.done():
                self._alone = suspect
                self._worker.send(suspect.ask)
                return
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                self._worker.send(waiting.ask)

    def _lost(self, worker: WorkerProcess) -> None:
        """The worker has gone: find out what was with it, and start another."""
        if self._closed or worker is not self._worker:
            return
        self._worker = None
        self._deaths.append(time.monotonic())
        alone, self._alone = self._alone, None
        if alone is None:
            waiting = set(self._waiting)
            self._suspects.extend(p for p in self._pending.values() if p not in waiting)
        self._keep(self._replace(worker, alone))

    async def _replace(self, dead: WorkerProcess, alone: Pending | None) -> None:
        how = await dead.ending()
        log.warning("model %s: %s; it is started again", self.label, how)
        await dead.stop(at_once=True)
        if alone and not alone.answer.done():
            alone.answer.set_exception(
                ScoringFailed(f"Model {self.label} failed on this request twice: {how}.")
            )
        while True:
            await asyncio.sleep(self._pause())
            self.restarts += 1
            try:
                worker = await self._start()
            except (LoadFailed, OSError) as error:
                self._deaths.append(time.monotonic())
                self.failure = f"{how}, and starting it again failed: {error}"
                self._refuse_all()
                continue
            self.failure = None
            self._use(worker)
            self._send_next()
            return

    def _pause(self) -> float:
        recent = sum(1 for death in self._deaths if time.monotonic() - death < CALM_S)
        return 0.0 if recent <= 2 else min(LONGEST_PAUSE_S, 0.25 * 2 ** (recent - 2))

    def _refuse_all(self) -> None:
        self._suspects.clear()
        self._waiting.clear()
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(
                    ModelNotReady(f"Model {self.label} does not run: {self.failure}")
                )

    async def _watch_time(self) -> None:
        """End what lasts too long. A script of 2020 is timed by its worker, run by run."""
        limit = self.spec.timeout_s
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now = time.monotonic()
            late = [p for p in self._pending.values() if now - p.asked > limit]
            if not late or self._kind != "function":
                continue
            for pending in late:
                if not pending.answer.done():
                    pending.answer.set_exception(
                        PredictTimeout(f"Model {self.label} gave no answer within {limit:g} s.")
                    )
            if self._worker and now - self._progress > limit:
                self._worker.kill()

    def _keep(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
