"""Scoring scripts inside a worker: which kind one is, and the kind that defines functions.

``load(path) -> model`` is called once, ``predict(model, args) -> value`` for each row or
``predict_batch(model, rows) -> list`` for all rows that have arrived since the last call. A script
that defines neither of the last two is one of 2020 (:mod:`~kd_engines.deployment.old_scripts`).
"""

import ast
import contextlib
import itertools
import shlex
import socket
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kd_engines.deployment.frames import Answer, Ask, Frames, frame, one
from kd_engines.mount_points import compile_localized

FUNCTIONS = frozenset({"predict", "predict_batch"})
MOST_ROWS = 1024
READ_BYTES = 1 << 18
# Answers of a slow `predict` go out this often while further rows wait.
SEND_EVERY_S = 0.005


class Script(Protocol):
    """A loaded scoring script, ready to serve."""

    kind: str

    def serve(self, connection: socket.socket) -> None:
        """Answer requests until the engine closes the connection."""


def load_script(script: Path, model: Path, root: Path, timeout_s: float) -> Script:
    """Load a scoring script; whatever it raises comes out, SyntaxError too."""
    source = script.read_text(encoding="utf-8")
    tree = ast.parse(source, str(script))
    code = compile_localized(source, str(script), root)
    sys.path[0] = str(script.parent)
    if defines_functions(tree):
        return FunctionScript(code, script, model)
    from kd_engines.deployment.old_scripts import OldScript

    return OldScript(code, tree, script, root, timeout_s)


def defines_functions(tree: ast.Module) -> bool:
    """Tell whether a script defines ``predict`` or ``predict_batch`` at its top level.

    An assignment or an import of that name is none: scripts of 2020 say ``predict = …`` too.
    """
    return any(isinstance(n, ast.FunctionDef) and n.name in FUNCTIONS for n in tree.body)


class WrongResult(Exception):
    """What ``predict_batch`` returned is not one value a row."""


@dataclass(frozen=True)
class Failure:
    """Why there is no value for a row."""

    reason: str


@dataclass(frozen=True)
class Rows:
    """The rows of a request, and whether it had a list of them; or why it has none."""

    rows: list[Any]
    is_list: bool = False
    failure: str | None = None


class FunctionScript:
    """A script that defines functions; predicts on whatever has arrived since the last time."""

    kind = "function"

    def __init__(self, code: types.CodeType, script: Path, model: Path) -> None:
        module = types.ModuleType("scoring_script")
        module.__file__ = str(script)
        sys.modules[module.__name__] = module
        exec(code, module.__dict__)  # noqa: S102 - running the user's script is the purpose
        load = getattr(module, "load", None)
        self._model = load(str(model)) if load else None
        self._one: Callable[[Any, Any], Any] | None = getattr(module, "predict", None)
        self._many: Callable[[Any, list[Any]], Any] | None = getattr(module, "predict_batch", None)

    def serve(self, connection: socket.socket) -> None:
        """Answer in batches: no timer, just what is there."""
        frames = Frames(Ask)
        while asks := arrived(connection, frames):
            if self._many:
                connection.sendall(b"".join(map(frame, self._answers(asks))))
            else:
                self._answer_one_by_one(asks, connection)

    def _answer_one_by_one(self, asks: list[Ask], connection: socket.socket) -> None:
        ready, sent = bytearray(), time.monotonic()
        for ask in asks:
            ready += frame(self._answers([ask])[0])
            if time.monotonic() - sent > SEND_EVERY_S:
                connection.sendall(ready)
                ready, sent = bytearray(), time.monotonic()
        connection.sendall(ready)

    def _answers(self, asks: list[Ask]) -> list[Answer]:
        """Predict all rows of all requests at once, and give each request its own.

        Where that fails each request is asked for alone, on rows that are decoded again: the
        script may have changed those of the first try.
        """
        requests = [rows_of(ask.args) for ask in asks]
        if self._many and len(asks) > 1:
            with contextlib.suppress(Exception):
                values = iter(self._batch([row for request in requests for row in request.rows]))
                return [
                    answer_of(ask.id, request, list(itertools.islice(values, len(request.rows))))
                    for ask, request in zip(asks, requests, strict=True)
                ]
            requests = [rows_of(ask.args) for ask in asks]
        return [self._answer(ask, request) for ask, request in zip(asks, requests, strict=True)]

    def _answer(self, ask: Ask, request: Rows) -> Answer:
        """Return the answer to one request; whatever the script raises is its failure."""
        try:
            if self._many is None:
                return answer_of(ask.id, request, [self._one_value(row) for row in request.rows])
            try:
                return answer_of(ask.id, request, self._batch(request.rows))
            except Exception as error:
                if isinstance(error, WrongResult) or len(request.rows) < 2:
                    raise
            # Again row by row, on fresh ones, to tell which it is that fails.
            values = [self._one_value(row) for row in rows_of(ask.args).rows]
            return answer_of(ask.id, request, values)
        except Exception as error:
            return Answer(ask.id, failure=reason_of(error))

    def _one_value(self, row: Any) -> Any:
        try:
            if self._one:
                return plain_value(self._one(self._model, row))
            return self._batch([row])[0]
        except Exception as error:
            return Failure(reason_of(error))

    def _batch(self, rows: list[Any]) -> list[Any]:
        """Return predict_batch's values, one a row; raises WrongResult, or what it raises."""
        return values_of(self._many(self._model, rows), len(rows)) if self._many and rows else []


def rows_of(args: bytes) -> Rows:
    """Return the rows of a request's JSON text.

    A text is what a shell would make of it: one row, a list of arguments.
    """
    try:
        value = msgspec.json.decode(args)
        if isinstance(value, str):
            return Rows([shlex.split(value)])
    except (ValueError, RecursionError) as error:
        return Rows([], failure=f"scoring_args cannot be read: {one(error)}.")
    return Rows(value, is_list=True) if isinstance(value, list) else Rows([value])


def answer_of(request: int, asked: Rows, values: list[Any]) -> Answer:
    """Return a request's answer: its values, or the first Failure among them."""
    if asked.failure:
        return Answer(request, failure=asked.failure, unreadable=True)
    for number, value in enumerate(values):
        if isinstance(value, Failure):
            row = f"row {number + 1} of {len(values)}: " if asked.is_list else ""
            return Answer(request, failure=row + value.reason)
    result = msgspec.json.encode(values if asked.is_list else values[0])
    return Answer(request, result, "\n".join(map(printed, values)))


def values_of(result: Any, rows: int) -> list[Any]:
    """Return the values of a batch's result as plain data; a DataFrame's are its records.

    Raises WrongResult for what is no list, array or Series with one value for each of ``rows``
    (a mapping's keys or a text's letters are no predictions), TypeError for a value that is no
    JSON value.
    """
    if hasattr(result, "columns") and hasattr(result, "to_dict"):
        result = result.to_dicts() if hasattr(result, "to_dicts") else result.to_dict("records")
    is_list = isinstance(result, list | tuple)
    values = plain_value(result) if is_list or hasattr(result, "tolist") else None
    if not isinstance(values, list | tuple):
        raise WrongResult(
            f"predict_batch returned {type(result).__name__}; it must return a list, an array or a "
            "Series with one value a row"
        )
    if len(values) != rows:
        counted = f"{rows} row" + ("s" if rows != 1 else "")
        raise WrongResult(f"predict_batch returned {len(values)} values for {counted}")
    return list(values)


def reason_of(error: Exception) -> str:
    """Return why there is no prediction, in a line."""
    kind = "" if isinstance(error, WrongResult) else f"{type(error).__name__}: "
    return kind + one(error)


def printed(value: Any) -> str:
    """Return a prediction as a script would print it: a text bare, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def arrived(connection: socket.socket, frames: Frames[Ask]) -> list[Ask]:
    """Wait for requests and return all that are there; none where the engine has gone."""
    asks: list[Ask] = []
    while not asks:
        data = connection.recv(READ_BYTES)
        if not data:
            return []
        asks = frames.feed(data)
    while len(asks) < MOST_ROWS:
        try:
            data = connection.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            break
        if not data:
            break
        asks.extend(frames.feed(data))
    return asks


def plain_value(value: Any) -> Any:
    """Return a prediction as plain data; raises TypeError for what is no JSON value."""
    if type(value) in (float, int, str, bool):
        return value
    return msgspec.to_builtins(value, enc_hook=_plain, str_keys=True)


def _plain(value: Any) -> Any:
    """Turn what numpy, pandas and their like return into plain data."""
    for name in ("tolist", "to_list", "to_dict", "item"):
        convert = getattr(value, name, None)
        if callable(convert):
            return convert()
    raise TypeError(f"predict returned {type(value).__name__}, which is no JSON value")
