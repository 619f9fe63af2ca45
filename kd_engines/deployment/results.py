"""What a scoring script returned, as the answer to a request; or in words why it is none."""

from dataclasses import dataclass
from typing import Any

import msgspec

from kd_engines.deployment.rows import Rows
from kd_engines.deployment.wire import Answer, one

LARGEST_RESULT_BYTES = 16 * 1024 * 1024


class WrongResult(Exception):
    """What the script returned cannot be an answer."""


@dataclass(frozen=True)
class Failure:
    """Why there is no value for a row."""

    reason: str


def answer_of(request: int, asked: Rows, values: list[Any]) -> Answer:
    """Return a request's answer: its values, or the first Failure among them.

    Raises WrongResult for more than 16 MiB, and what the encoder raises.
    """
    if asked.failure:
        return Answer(request, failure=asked.failure, unreadable=True)
    for number, value in enumerate(values):
        if isinstance(value, Failure):
            row = f"row {number + 1} of {len(values)}: " if asked.is_list else ""
            return Answer(request, failure=row + value.reason)
    result = msgspec.json.encode(values if asked.is_list else values[0])
    if len(result) > LARGEST_RESULT_BYTES:
        raise WrongResult(
            f"the answer has {len(result):,} bytes, {LARGEST_RESULT_BYTES:,} are the limit; "
            "return less for a row, or ask for fewer rows at a time"
        )
    if not asked.is_list and type(values[0]) in (float, int):
        return Answer(request, result, result.decode())
    return Answer(request, result, "\n".join(map(printed, values)))


def values_of(result: Any, rows: int) -> list[Any]:
    """Return the values of a batch's result as plain data; a DataFrame's are its records.

    Raises WrongResult for what is no list, array or Series with one value for each of ``rows``
    (a mapping's keys or a text's letters are no predictions), TypeError for a value that is no
    JSON value.
    """
    if is_table(result):
        result = records(result)
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


def is_table(value: Any) -> bool:
    """Tell a DataFrame, of pandas or of polars."""
    return hasattr(value, "columns") and hasattr(value, "to_dict")


def records(table: Any) -> list[dict[str, Any]]:
    """Return a DataFrame's rows."""
    rows: list[dict[str, Any]]
    rows = table.to_dicts() if hasattr(table, "to_dicts") else table.to_dict("records")
    return rows


def plain_value(value: Any) -> Any:
    """Return a prediction as plain data; raises TypeError for what is no JSON value."""
    if type(value) in (float, int, str, bool):
        return value
    return msgspec.to_builtins(value, enc_hook=_plain, str_keys=True)


def reason_of(error: BaseException) -> str:
    """Return why there is no prediction, in a line; an exception may refuse to write its text."""
    try:
        text = one(error)
    except BaseException as second:
        text = f"(its text cannot be written: {type(second).__name__})"
    if isinstance(error, WrongResult):
        return text
    return one(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def printed(value: Any) -> str:
    """Return a prediction as a script would print it: a text bare, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _plain(value: Any) -> Any:
    """Turn what numpy, pandas and their like return into plain data.

    A table becomes its records, a time text as ISO 8601 has it, a missing value null.
    """
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m") and hasattr(value, "view"):
        return value.astype(f"{value.dtype.kind}8[us]").tolist()  # of nanoseconds it is a number
    if is_table(value):
        return records(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    for name in ("tolist", "to_list", "to_dict", "item"):
        convert = getattr(value, name, None)
        if callable(convert):
            return convert()
    raise TypeError(f"predict returned {type(value).__name__}, which is not a JSON value")


def not_in_time(subject: str, limit_s: float) -> str:
    """Say that something was not done within a prediction's time limit, and who sets that."""
    return (
        f"{subject} within {limit_s:g} s, the limit of its ConfigMap's key timeout-s or, without "
        "that key, of the engine's KD_PREDICT_TIMEOUT_S"
    )
