"""Answering in batches: a worker predicts on whatever has arrived since the last time."""

import socket
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

from kd_engines.deployment.results import answer_of
from kd_engines.deployment.rows import Rows, rows_of
from kd_engines.deployment.wire import Answer, Ask, Frames, frame

FIRST_ROWS, MOST_ROWS = 32, 1024
# What one batch of several requests may take: this share of their time limit, or of a minute.
SHARE, LONGEST_S = 1 / 8, 60.0
READ_BYTES = 1 << 18


class BatchSize:
    """How many ``rows`` of several requests are one batch: as many as ``seconds`` are enough for.

    A batch holds up all that are in it: who is alone would have had an answer in time.
    """

    def __init__(self, seconds: float) -> None:
        self.rows, self._seconds = FIRST_ROWS, seconds

    def note(self, rows: int, seconds: float) -> None:
        """Learn from a batch of so many rows that took so long."""
        if seconds > self._seconds:
            self.rows = max(1, rows // 2)
        elif rows >= self.rows and seconds < self._seconds / 2:
            self.rows = min(MOST_ROWS, 2 * self.rows)


class Batching(ABC):
    """A loaded model that answers in batches: no timer, just what is there."""

    def __init__(self, timeout_s: float) -> None:
        self._size = BatchSize(min(timeout_s, LONGEST_S) * SHARE)
        self._replicate: Callable[[], None] = lambda: None

    @abstractmethod
    def _answer_all(self, asks: list[Ask], connection: socket.socket) -> None:
        """Answer requests that have arrived together."""

    @abstractmethod
    def _answer(self, ask: Ask, request: Rows) -> Answer:
        """Return the answer to one request; whatever fails is its failure."""

    @abstractmethod
    def _batch(self, rows: list[Any]) -> list[Any]:
        """Return the values of rows, one each; raises what the model raises."""

    def serve(self, connection: socket.socket, replicate: Callable[[], None]) -> None:
        """Answer in batches: no timer, just what is there."""
        self._replicate = replicate
        frames = Frames(Ask)
        while asks := arrived(connection, frames):
            replicate()
            if wanted := [ask for ask in asks if ask.args]:
                self._answer_all(wanted, connection)

    def _answer_in_parts(self, group: list[tuple[Ask, Rows]], connection: socket.socket) -> None:
        """Answer requests whose rows are alike, in batches that take a small part of their time."""
        left = deque(group)
        while left:
            part, rows = [left.popleft()], 0
            while left and (rows := rows + len(part[-1][1].rows)) < self._size.rows:
                part.append(left.popleft())
            began = time.monotonic()
            answers = self._answer_together(part)
            self._size.note(sum(len(r.rows) for _, r in part), time.monotonic() - began)
            connection.sendall(b"".join(map(frame, answers)))
            self._replicate()

    def _answer_together(self, group: list[tuple[Ask, Rows]]) -> list[Answer]:
        """Predict all rows of all requests at once, and give each request its own.

        Where that fails each request is asked for alone, on rows that are decoded again: the
        script may have changed those of the first try.
        """
        answers = [late(ask) for ask, _ in group if ask.is_late()]
        in_time = [one for one in group if not one[0].is_late()]
        if len(in_time) < 2:
            return answers + [self._answer(*one) for one in in_time]
        try:
            values = self._batch([row for _, request in in_time for row in request.rows])
            begin = 0
            for ask, request in in_time:
                end = begin + len(request.rows)
                answers.append(answer_of(ask.id, request, values[begin:end]))
                begin = end
        except BaseException:
            known = {answer.id for answer in answers}
            again = [ask for ask, _ in in_time if ask.id not in known]
            answers += [self._answer(ask, rows_of(ask.args)) for ask in again]
        return answers


def late(ask: Ask) -> Answer:
    """Return the answer to a request for whose answer nobody waits any more."""
    return Answer(ask.id, failure="its time is over", timed_out=True)


def arrived(connection: socket.socket, frames: Frames[Ask]) -> list[Ask]:
    """Wait for requests and return all that are there; none where the engine has gone.

    One that only asks whether somebody is there has its answer at once.
    """
    asks: list[Ask] = []
    while not asks:
        data = connection.recv(READ_BYTES)
        if not data:
            return []
        asks = _but_pings(frames.feed(data), connection)
    while len(asks) < MOST_ROWS:
        try:
            data = connection.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
        if not data:
            break
        asks.extend(_but_pings(frames.feed(data), connection))
    return asks


def _but_pings(asks: list[Ask], connection: socket.socket) -> list[Ask]:
    for ask in asks:
        if not ask.args and not ask.replicate:
            connection.sendall(frame(Answer(ask.id)))
    return [ask for ask in asks if ask.args or ask.replicate]
