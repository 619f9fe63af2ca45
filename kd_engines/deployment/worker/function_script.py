"""Scoring scripts that define functions: loaded once, then called.

``load(path) -> model`` is called once, ``predict(model, args) -> value`` for each row or
``predict_batch(model, rows) -> list`` for all rows that have arrived since the last call.
"""

import socket
import sys
import time
import types
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kd_engines.deployment.wire import Answer, Ask, Frames, frame
from kd_engines.deployment.worker.results import (
    Failure,
    WrongResult,
    answer_of,
    plain_value,
    reason_of,
    values_of,
)
from kd_engines.deployment.worker.rows import Rows, batches, rows_of

FIRST_ROWS, MOST_ROWS = 32, 1024
# Of a request's time limit, what one batch of several requests may take.
SHARE = 1 / 8
READ_BYTES = 1 << 18
# Answers of a slow `predict` go out this often while further rows wait.
SEND_EVERY_S = 0.005


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


class FunctionScript:
    """A script that defines functions; predicts on whatever has arrived since the last time.

    Its module is ``__main__``, as the cell was that trained the model: so its pickle finds the
    classes that both define, and the processes of a pool find the script's functions.
    """

    kind = "function"

    def __init__(self, code: types.CodeType, script: Path, model: Path, timeout_s: float) -> None:
        self._size = BatchSize(timeout_s * SHARE)
        module = types.ModuleType("__main__")
        module.__file__ = str(script)
        sys.modules[module.__name__] = module
        sys.argv[:] = [str(script)]
        exec(code, module.__dict__)  # noqa: S102 - running the user's script is the purpose
        load = getattr(module, "load", None)
        self._model = load(str(model)) if load else None
        self._one: Callable[[Any, Any], Any] | None = getattr(module, "predict", None)
        self._many: Callable[[Any, list[Any]], Any] | None = getattr(module, "predict_batch", None)

    def serve(self, connection: socket.socket) -> None:
        """Answer in batches: no timer, just what is there."""
        frames = Frames(Ask)
        while asks := arrived(connection, frames):
            if self._many and len(asks) > 1:
                for group in batches(asks):
                    self._answer_in_parts(group, connection)
            else:
                self._answer_one_by_one(asks, connection)

    def _answer_one_by_one(self, asks: list[Ask], connection: socket.socket) -> None:
        ready, sent = bytearray(), time.monotonic()
        for ask in asks:
            ready += frame(self._answer(ask, rows_of(ask.args)))
            if time.monotonic() - sent > SEND_EVERY_S:
                connection.sendall(ready)
                ready, sent = bytearray(), time.monotonic()
        connection.sendall(ready)

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

    def _answer(self, ask: Ask, request: Rows) -> Answer:
        """Return the answer to one request; whatever the script raises is its failure.

        Also what ends a process elsewhere (`sys.exit`): here it would end other requests with it.
        """
        if ask.is_late():
            return late(ask)
        try:
            if self._many is None:
                return answer_of(ask.id, request, [self._one_value(row) for row in request.rows])
            try:
                return answer_of(ask.id, request, self._batch(request.rows))
            except BaseException as error:
                if isinstance(error, WrongResult) or len(request.rows) < 2:
                    raise
            # Again row by row, on fresh ones, to tell which it is that fails.
            values = [self._one_value(row) for row in rows_of(ask.args).rows]
            return answer_of(ask.id, request, values)
        except BaseException as error:
            return Answer(ask.id, failure=reason_of(error))

    def _one_value(self, row: Any) -> Any:
        try:
            if self._one:
                return plain_value(self._one(self._model, row))
            return self._batch([row])[0]
        except BaseException as error:
            return Failure(reason_of(error))

    def _batch(self, rows: list[Any]) -> list[Any]:
        """Return predict_batch's values, one a row; raises WrongResult, or what it raises."""
        return values_of(self._many(self._model, rows), len(rows)) if self._many and rows else []


def late(ask: Ask) -> Answer:
    """Return the answer to a request for whose answer nobody waits any more."""
    return Answer(ask.id, failure="its time is over", timed_out=True)


def arrived(connection: socket.socket, frames: Frames[Ask]) -> list[Ask]:
    """Wait for requests and return all that are there; none where the engine has gone.

    An empty one only asks whether somebody is there, and has its answer at once.
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
        if not ask.args:
            connection.sendall(frame(Answer(ask.id)))
    return [ask for ask in asks if ask.args]
