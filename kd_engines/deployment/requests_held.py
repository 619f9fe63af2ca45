"""The requests that are with a worker, and those that wait while one of them is under suspicion.

A worker that dies had several requests; which of them it was, nobody knows. They are suspects: each
is sent again alone. What arrives meanwhile waits, and goes in between two suspects, so that it
waits for one of them at most.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from kd_engines.deployment.wire import Answer, Ask


@dataclass(eq=False)
class Pending:
    """A request that has no answer yet; ``asked`` is monotonic."""

    ask: Ask
    answer: "asyncio.Future[Answer]"
    asked: float = field(default_factory=time.monotonic)

    def settle(self, answer: Answer) -> None:
        """Answer it, unless it was answered."""
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        """Say why there is no answer, unless it was answered."""
        if not self.answer.done():
            self.answer.set_exception(error)


class RequestsHeld:
    """Sends requests through ``send``, and knows which of them may not go together."""

    def __init__(self, send: Callable[[Ask], None]) -> None:
        self._send = send
        self._all: dict[int, Pending] = {}
        self._waiting: deque[Pending] = deque()
        self._suspects: deque[Pending] = deque()
        self._alone: Pending | None = None
        self._between: set[int] = set()  # what was sent between two suspects
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def oldest(self) -> Pending | None:
        """Return the request that has waited longest; None where there is none."""
        return next((p for p in self._all.values() if not p.answer.done()), None)

    def add(self, args: bytes, can_send: bool) -> Pending:
        """Take a request, and send it unless it has to wait."""
        self._last_id += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        pending = self._all[self._last_id] = Pending(Ask(self._last_id, args), future)
        if can_send and not self._suspects and not self._alone:
            self._send(pending.ask)
        else:
            self._waiting.append(pending)
        return pending

    def drop(self, pending: Pending) -> None:
        """Forget a request; who asked has an answer, or has gone."""
        self._all.pop(pending.ask.id, None)

    def take(self, answers: list[Answer]) -> None:
        """Hand answers to those who asked, and send what they have held up."""
        for answer in answers:
            pending = self._all.get(answer.id)
            if pending:
                pending.settle(answer)
            if self._alone and self._alone.ask.id == answer.id:
                self._alone = None
                self.go_on()
            elif self._between:
                self._between.discard(answer.id)
                if not self._between:
                    self.go_on()

    def go_on(self) -> None:
        """Send what waits, then the next suspect alone; called with a worker that has nothing."""
        self._between = self._send_waiting()
        if self._between and self._suspects:
            return
        self._between = set()
        while self._suspects:
            suspect = self._suspects.popleft()
            if not suspect.answer.done():
                self._alone = suspect
                self._send(suspect.ask)
                return

    def lost(self) -> Pending | None:
        """Return what a dead worker had alone; where it had several requests they are suspects."""
        alone, self._alone = self._alone, None
        self._between = set()
        if alone is None:
            held = {*self._waiting, *self._suspects}
            self._suspects.extend(p for p in self._all.values() if p not in held)
        return alone

    def fail_all(self, error: Callable[[], Exception]) -> None:
        """Give none of them an answer."""
        self._suspects.clear()
        self._waiting.clear()
        self._between, self._alone = set(), None
        for pending in self._all.values():
            pending.fail(error())

    def _send_waiting(self) -> set[int]:
        sent = set()
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                self._send(waiting.ask)
                sent.add(waiting.ask.id)
        return sent
