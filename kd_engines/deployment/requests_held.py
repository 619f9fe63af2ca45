"""The requests that are with workers, and those that wait while one of them is under suspicion.

A worker that dies had several requests; which of them it was, nobody knows. They are suspects: each
is sent again alone. What arrives meanwhile waits, and goes in between two suspects, so that it
waits for one of them at most.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from kd_engines.deployment.wire import Answer, Ask
from kd_engines.deployment.worker_channel import WorkerChannel
from kd_pipeline.errors import KdError, ScoringFailed, TooManyRequests

LARGEST_QUEUE_BYTES = 64 * 1024 * 1024


@dataclass(eq=False, slots=True)
class Pending:
    """A request and, once it has one, its answer or why it has none; ``asked`` is monotonic.

    ``sent_to`` is the worker that has it; ``has_left`` tells that nobody waits for its answer;
    ``verdict`` is why a request that ended workers fails, which it is told after a pause. ``then``
    is called once with the outcome: a callback, as a future's own costs a turn of the event loop.
    """

    ask: Ask
    asked: float
    sent_to: WorkerChannel | None = None
    verdict: KdError | None = None
    outcome: Answer | Exception | None = None
    limit_s: float = math.inf
    has_left: bool = False
    then: Callable[[], None] | None = None

    @property
    def deadline(self) -> float:
        """Return when it is late (monotonic)."""
        return self.asked + self.limit_s

    def leave(self) -> None:
        """Take notice that who asked has gone; it has its answer all the same, if it can."""
        self.has_left = True

    def settle(self, outcome: Answer | Exception) -> None:
        """Answer it, or say why there is no answer, unless it was answered."""
        if self.outcome is None:
            self.outcome = outcome
            then, self.then = self.then, None  # which refers to this
            if then:
                then()

    def result(self) -> Answer:
        """Return its answer; raises what it has instead."""
        if not isinstance(self.outcome, Answer):
            raise self.outcome or asyncio.InvalidStateError()
        return self.outcome

    async def wait(self) -> Answer:
        """Wait for its answer and return it; raises what it has instead."""
        if self.outcome is None:
            told = asyncio.Event()
            self.then = told.set
            await told.wait()
        return self.result()


def see_room(label: str, waiting: int, limit: int, size: int) -> None:
    """Raise TooManyRequests where no further request may wait, with which all have ``size``."""
    if waiting >= limit:
        raise TooManyRequests(
            f"Model {label} has {limit:,} requests waiting, which is the limit (KD_MODEL_QUEUE); "
            "ask again in a moment."
        )
    if size > LARGEST_QUEUE_BYTES:
        raise TooManyRequests(
            f"The requests that wait for model {label} would have {size:,} bytes; "
            f"{LARGEST_QUEUE_BYTES:,} are the limit. Ask again in a moment."
        )


class RequestsHeld:
    """Sends requests to workers, and knows which may not go together.

    ``first`` returns the worker that suspects are asked of, ``other`` that of the others which has
    least to do, or None; ``pick`` that of them all.
    """

    def __init__(
        self,
        pick: Callable[[], WorkerChannel],
        first: Callable[[], WorkerChannel],
        other: Callable[[], WorkerChannel | None],
    ) -> None:
        self._pick, self._first, self._other = pick, first, other
        self._all: dict[int, Pending] = {}
        self._waiting: deque[Pending] = deque()
        self._suspects: deque[Pending] = deque()
        self._alone: Pending | None = None
        self._is_turn_of_waiting = True  # or of the next suspect
        self._last_id = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def are_wanted(self) -> bool:
        """Tell whether anybody waits for an answer."""
        return any(not pending.has_left for pending in self._all.values())

    def clear_the_way(self, worker: WorkerChannel, since_s: float) -> None:
        """End what a worker computes for nobody since so long, while others wait for it."""
        for number in self._in_the_way(worker, since_s):
            if worker.kind == "script":  # whose runs have processes of their own
                worker.send(Ask(number, b"", 0.0))
            else:
                worker.kill()

    def _in_the_way(self, worker: WorkerChannel, since_s: float) -> list[int]:
        """Return ids; of a worker that answers in order the first of what it has, if any."""
        theirs = [p for p in self._all.values() if p.sent_to is worker and p.outcome is None]
        if all(pending.has_left for pending in theirs):
            return []
        until = time.monotonic() - since_s
        if worker.kind == "script":
            return [p.ask.id for p in theirs if p.has_left and p.asked <= until]
        first = min(worker.unanswered)
        is_for_nobody = first not in self._all or self._all[first].has_left
        return [first] if is_for_nobody and worker.progress <= until else []

    @property
    def oldest(self) -> Pending | None:
        """Return the request that has waited longest; None where there is none."""
        return next((p for p in self._all.values() if p.outcome is None), None)

    def add(self, args: bytes, limit_s: float, grace_s: float, can_send: bool) -> Pending:
        """Take a request, and send it unless it has to wait; its worker is late ``grace_s`` later
        than it.
        """
        self._last_id += 1
        now = time.monotonic()
        ask = Ask(self._last_id, args, now + limit_s)
        pending = Pending(ask, now, limit_s=limit_s + grace_s)
        self._all[self._last_id] = pending
        self.bytes += len(args)
        is_suspicious = self._suspects or self._alone
        worker = self._other() if is_suspicious else self._pick()
        if can_send and worker:
            self._send(pending, worker)
        else:
            self._waiting.append(pending)
        return pending

    def drop(self, pending: Pending) -> None:
        """Forget a request; who asked has an answer, or has gone."""
        if self._all.pop(pending.ask.id, None):
            self.bytes -= len(pending.ask.args)

    def take(self, worker: WorkerChannel, answers: list[Answer]) -> None:
        """Hand a worker's answers to those who asked, and send what they have held up."""
        for answer in answers:
            worker.unanswered.discard(answer.id)
            pending = self._all.get(answer.id)
            if pending:
                pending.settle(answer)
            if self._alone and self._alone.ask.id == answer.id:
                self._alone = None
                self.go_on()
        if self._suspects:
            self.go_on()

    def go_on(self) -> None:
        """Send what waits or, when it is its turn, the next suspect alone."""
        if not self._suspects and not self._alone:
            self._send_waiting()
            return
        while self._waiting and (other := self._other()):
            waiting = self._waiting.popleft()
            if waiting.outcome is None:
                self._send(waiting, other)
        if self._alone:
            return
        if self._first().unanswered:
            return  # called again with what it answers
        if self._is_turn_of_waiting:
            self._is_turn_of_waiting = False
            if self._send_waiting():
                return
        self._send_suspect()

    def lost(self, worker: WorkerChannel, was_ended: bool = False) -> Pending | None:
        """Return what a dead worker had alone; where it had several requests they are suspects.

        ``was_ended`` by us, for nothing that it was asked: they are sent again as any other.
        """
        alone = self._alone if self._alone and self._alone.sent_to is worker else None
        if alone:
            self._alone, alone.sent_to = None, None
        theirs = []
        for pending in [p for p in self._all.values() if p.sent_to is worker and p.outcome is None]:
            if pending.has_left:  # it may be what ended it
                pending.settle(ScoringFailed("Its process ended, and who had asked was gone."))
            else:
                pending.sent_to = None
                theirs.append(pending)
        if was_ended:
            self._waiting.extendleft(reversed(theirs))
        else:
            self._suspects.extend(theirs)
        self._is_turn_of_waiting = True
        return alone

    def fail_all(self, error: Callable[[], Exception]) -> None:
        """Give none of them an answer."""
        self._suspects.clear()
        self._waiting.clear()
        self._alone = None
        for pending in list(self._all.values()):
            pending.settle(pending.verdict or error())

    def _send_suspect(self) -> None:
        while self._suspects:
            suspect = self._suspects.popleft()
            if suspect.outcome is None:
                self._alone, self._is_turn_of_waiting = suspect, True
                self._send(suspect, self._first())
                return
        self._send_waiting()

    def _send_waiting(self) -> bool:
        """Send all that waits; tell whether that was any."""
        pick = self._first if self._suspects else self._pick
        sent = False
        while self._waiting:
            waiting = self._waiting.popleft()
            if waiting.outcome is None:
                self._send(waiting, pick())
                sent = True
        return sent

    def _send(self, pending: Pending, worker: WorkerChannel) -> None:
        if not worker.unanswered:
            worker.progress = time.monotonic()
        worker.unanswered.add(pending.ask.id)
        pending.sent_to = worker
        worker.send(pending.ask)
