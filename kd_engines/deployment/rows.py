"""The rows of a request, decoded, and which requests' rows may be one batch."""

import shlex
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from kd_engines.deployment.wire import Ask, one

# The integers that numeric libraries keep exact beside others.
INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True)
class Rows:
    """The rows of a request, and whether it had a list of them; or why it has none."""

    rows: list[Any]
    is_list: bool = False
    failure: str | None = None


def rows_of(args: bytes) -> Rows:
    """Return the rows of a request's JSON text.

    A text is what a shell would make of it: one row, a list of arguments.
    """
    try:
        value = msgspec.json.decode(args)
    except (ValueError, RecursionError) as error:
        return Rows([], failure=f"scoring_args cannot be read: {one(error)}.")
    if isinstance(value, str):
        try:
            return Rows([shlex.split(value)])
        except ValueError as error:
            return Rows([], failure=no_arguments(error))
    return Rows(value, is_list=True) if isinstance(value, list) else Rows([value])


def no_arguments(error: ValueError) -> str:
    """Say why a string is none that a shell could split."""
    return f"scoring_args, a string, cannot be split into arguments: {error}."


def batches(asks: Iterable[Ask]) -> list[list[tuple[Ask, Rows]]]:
    """Return the requests in groups whose rows can be one batch without anybody seeing it.

    Rows must be alike: the same keys in the same order, values of the same types. A table of
    unlike rows has other columns and types than each request's own.
    """
    groups: dict[Hashable, list[tuple[Ask, Rows]]] = {}
    for ask in asks:
        request = rows_of(ask.args)
        groups.setdefault(_shape_of_all(request) or ask.id, []).append((ask, request))
    return list(groups.values())


def _shape_of_all(request: Rows) -> Hashable | None:
    """Return the shape of a request's rows; None where they differ, or where there are none."""
    try:
        shapes = {_shape(row) for row in request.rows}
    except RecursionError:
        return None
    return ("rows", *shapes) if len(shapes) == 1 else None


def _shape(value: Any) -> Hashable:
    kind: type = type(value)
    if kind is dict:
        return (dict, *((key, _shape(inner)) for key, inner in value.items()))
    if kind is list:
        return (list, *map(_shape, value))
    if kind is int:
        return (int, value in INT64)
    return kind
