"""Scoring scripts that define functions: loaded once, then called.

``load(path) -> model`` is called once, ``predict(model, args) -> value`` for each row or
``predict_batch(model, rows) -> list`` for all rows that have arrived since the last call.
"""

import socket
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kd_engines.deployment.results import (
    Failure,
    WrongResult,
    answer_of,
    plain_value,
    reason_of,
    values_of,
)
from kd_engines.deployment.rows import Rows, batches, rows_of
from kd_engines.deployment.wire import Answer, Ask, frame
from kd_engines.deployment.worker.batching import Batching, late
from kd_engines.deployment.worker.loading import run_main
from kd_engines.deployment.worker.warm_models import warm_up

# Answers of a slow `predict` go out this often while further rows wait.
SEND_EVERY_S = 0.005


class FunctionScript(Batching):
    """A script that defines functions; predicts on whatever has arrived since the last time."""

    kind = "function"

    def __init__(self, code: types.CodeType, script: Path, model: Path, timeout_s: float) -> None:
        super().__init__(timeout_s)
        names = run_main(code, script)
        load = names.get("load")
        self._model = load(str(model)) if load else None
        self._one: Callable[[Any, Any], Any] | None = names.get("predict")
        self._many: Callable[[Any, list[Any]], Any] | None = names.get("predict_batch")
        warm_up(self._model, names, code)

    def _answer_all(self, asks: list[Ask], connection: socket.socket) -> None:
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
                self._replicate()
        connection.sendall(ready)

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
