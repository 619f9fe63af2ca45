"""A compiled model without code, served by the engine's own process.

It holds nothing but numbers, so it needs no process of its own, whose frames cost more than its
predictions. What has arrived in one turn of the event loop is one batch. A large request is
predicted in a thread; onnxruntime lets others run meanwhile.
"""

import asyncio
import contextlib
import functools
import os
import time
from collections.abc import Callable
from typing import Any

from kd_engines.deployment.formats.columns import Columns, WrongRow
from kd_engines.deployment.formats.onnx_model import OnnxModel, Take
from kd_engines.deployment.requests_held import Pending, see_room
from kd_engines.deployment.results import answer_of, reason_of
from kd_engines.deployment.rows import Rows, rows_of
from kd_engines.deployment.wire import Answer, Ask, CompiledModel, Loaded
from kd_pipeline.errors import ModelNotReady

MOST_ROWS = 64  # of a batch
LARGE_BYTES = 8 * 1024


def compiled(loaded: Loaded, model: CompiledModel) -> OnnxModel:
    """Load a compiled model; takes a moment, so not in the event loop's thread."""
    columns = Columns(loaded.names, loaded.width, model.takes_missing)
    found = OnnxModel(model.content, columns, [Take(*take) for take in model.takes])
    found.batches = model.batches
    with contextlib.suppress(Exception):  # of a model that does not take such a row
        found.values([[1.0] * loaded.width])  # so that no client pays for the first time
    return found


class ServedCompiled:
    """One model version, with the methods of a :class:`~.served_model.ServedModel`."""

    kind = "model"
    restarts = 0
    processes = 1
    is_being_replaced = False
    remark = None

    def __init__(
        self, label: str, model: OnnxModel, loaded: Loaded, queue_limit: int, log: str
    ) -> None:
        self.label, self.log = label, log
        self.loaded = Loaded(loaded.format, loaded.remark, loaded.names, loaded.width)
        self.failure: str | None = None
        self._model, self._queue_limit = model, queue_limit
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()  # asking for it is a system call
        self._batch: list[Pending] = []
        self._count = self._bytes = 0

    @property
    def pid(self) -> int:
        """Return the process that serves it: this one."""
        return self._pid

    async def predict(self, args: bytes) -> Answer:
        """Return the answer to ``args``, the JSON text of ``scoring_args``; see :meth:`ask`."""
        pending = self.ask(args)
        try:
            return await pending.wait()
        finally:
            self.drop(pending)

    def ask(self, args: bytes) -> Pending:
        """Take a request, whose answer comes soon; raises ModelNotReady, TooManyRequests."""
        if self.failure:
            raise ModelNotReady(f"Model {self.label} does not run: {self.failure}")
        see_room(self.label, self._count, self._queue_limit, self._bytes + len(args))
        pending = Pending(Ask(0, args), time.monotonic())
        self._count += 1
        self._bytes += len(args)
        if len(args) > LARGE_BYTES:
            self._in_thread(lambda: self._alone(rows_of(args)), pending)
        else:
            if not self._batch:
                self._loop.call_soon(self._answer_batch)
            self._batch.append(pending)
        return pending

    def drop(self, pending: Pending) -> None:
        """Forget a request; who asked has an answer, or has gone."""
        self._count -= 1
        self._bytes -= len(pending.ask.args)

    async def ping(self) -> None:
        """Do nothing: it is there."""

    def allow(self, _most_processes: int) -> None:
        """Do nothing: it has none of its own."""

    def look(self, _idle_processors: float) -> None:
        """Do nothing: it has no process of its own that could be one of several."""

    def start_again(self) -> None:
        """Do nothing: what it is at is over soon."""

    async def close(self) -> None:
        """Wait until every request has its answer, then end."""
        while self._count:  # noqa: ASYNC110 - costs requests nothing
            await asyncio.sleep(0.02)
        await self.end()

    async def end(self) -> None:
        """End now; what has been asked still has its answer."""
        self.failure = "it was taken off, or replaced."

    def _answer_batch(self) -> None:
        batch, self._batch = self._batch[:MOST_ROWS], self._batch[MOST_ROWS:]
        if self._batch:
            self._loop.call_soon(self._answer_batch)
        requests = [rows_of(pending.ask.args) for pending in batch]
        rows = [row for request in requests for row in request.rows]
        if len(rows) > MOST_ROWS:
            for pending, request in zip(batch, requests, strict=True):
                self._in_thread(functools.partial(self._alone, request), pending)
            return
        try:
            values, begin = self._model.values(rows) if rows else [], 0
            answers = []
            if len(values) != len(rows):
                raise ValueError(len(values))
            for request in requests:
                end = begin + len(request.rows)
                answers.append(answer_of(0, request, values[begin:end]))
                begin = end
        except Exception:
            answers = [self._alone(request) for request in requests]
        for pending, answer in zip(batch, answers, strict=True):
            pending.settle(answer)

    def _alone(self, request: Rows) -> Answer:
        """Answer one request, a part of its rows after the other: others run in between."""
        rows = request.rows
        parts = [rows[begin : begin + MOST_ROWS] for begin in range(0, len(rows), MOST_ROWS)]
        try:
            values: list[Any] = []
            try:
                for part in parts:
                    values += self._model.values(part)
            except WrongRow:
                self._model.values(rows)  # which tells the number of the row among all
                raise
            return answer_of(0, request, values)
        except WrongRow as error:
            return Answer(0, failure=f"{error}.", unreadable=True)
        except Exception as error:
            return Answer(0, failure=reason_of(error))

    def _in_thread(self, answer: Callable[[], Answer], pending: Pending) -> None:
        done = self._loop.run_in_executor(None, answer)
        done.add_done_callback(lambda future: pending.settle(future.result()))
