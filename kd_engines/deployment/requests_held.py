"""The requests that are with a worker, and those that wait while one of them is under suspicion.

A worker that dies had several requests; which of them it was, nobody knows. They are suspects: each
is sent again alone. What arrives meanwhile waits, and goes in between two suspects, so that it
waits for one of them at most.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from kd_engines.deployment.wire import Answer, Ask
from kd_pipeline.errors import KdError


@dataclass(eq=False, slots=True)
class Pending:
    """A request and, once it has one, its answer or why it has none; ``asked`` is monotonic.

    ``was_sent`` to the present worker; ``verdict`` is why a request that ended workers fails, which
    it is told after a pause. ``then`` is called once with the outcome: a callback, as a future's
    own costs a turn of the event loop.
    """

    ask: Ask
    asked: float
    was_sent: bool = False
    verdict: KdError | None = None
    outcome: Answer | Exception | None = None
    then: Callable[[], None] | None = None

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


class RequestsHeld:
    """Sends requests through ``send``, and knows which of them may not go together."""

    def __init__(self, send: Callable[[Ask], None]) -> None:
        self._send_ask = send
        self._all: dict[int, Pending] = {}
        self._waiting: deque[Pending] = deque()
        self._suspects: deque[Pending] = deque()
        self._alone: Pending | None = None
        self._between: set[int] = set()  # what was sent between two suspects
        self._last_id = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def oldest(self) -> Pending | None:
        """Return the request that has waited longest; None where there is none."""
        return next((p for p in self._all.values() if p.outcome is None), None)

    def add(self, args: bytes, limit_s: float, can_send: bool) -> Pending:
        """Take a request, and send it unless it has to wait."""
        self._last_id += 1
        now = time.monotonic()
        pending = Pending(Ask(self._last_id, args, now + limit_s), now)
        self._all[self._last_id] = pending
        self.bytes += len(args)
        if can_send and not self._suspects and not self._alone:
            self._send(pending)
        else:
            self._waiting.append(pending)
        return pending

    def drop(self, pending: Pending) -> None:
        """Forget a request; who asked has an answer, or has gone."""
        if self._all.pop(pending.ask.id, None):
            self.bytes -= len(pending.ask.args)

    def take(self, answers: list[Answer]) -> None:
        """Hand answers to those who asked, and send what they have held up."""
        for answer in answers:
            pending = self._all.get(answer.id)
            if pending:
                pending.settle(answer)
            if self._alone and self._alone.ask.id == answer.id:
                self._alone = None
                self.go_on()
            elif answer.id in self._between:
                self._between.discard(answer.id)
                if not self._between:
                    self._go_on_with_suspects()

    def go_on(self) -> None:
        """Send what waits, then the next suspect alone; called with a worker that has nothing."""
        self._between = self._send_waiting()
        if not self._between:
            self._go_on_with_suspects()

    def lost(self) -> Pending | None:
        """Return what a dead worker had alone; where it had several requests they are suspects."""
        alone, self._alone = self._alone, None
        self._between = set()
        if alone is None:
            self._suspects.extend(p for p in self._all.values() if p.was_sent and p.verdict is None)
        for pending in self._all.values():
            pending.was_sent = False
        return alone

    def fail_all(self, error: Callable[[], Exception]) -> None:
        """Give none of them an answer."""
        self._suspects.clear()
        self._waiting.clear()
        self._between, self._alone = set(), None
        for pending in list(self._all.values()):
            pending.settle(pending.verdict or error())

    def _go_on_with_suspects(self) -> None:
        """Send the next suspect, whatever waits: it has waited for longer."""
        while self._suspects:
            suspect = self._suspects.popleft()
            if suspect.outcome is None:
                self._alone = suspect
                self._send(suspect)
                return
        self._send_waiting()

    def _send_waiting(self) -> set[int]:
        sent = set()
        while self._waiting:
            waiting = self._waiting.popleft()
            if waiting.outcome is None:
                self._send(waiting)
                sent.add(waiting.ask.id)
        return sent

    def _send(self, pending: Pending) -> None:
        pending.was_sent = True
        self._send_ask(pending.ask)
