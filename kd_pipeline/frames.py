"""A pandas DataFrame as an Arrow table, and a look whether it comes back as it was."""

import itertools
import warnings
from collections.abc import Sequence
from typing import Any

from kd_pipeline.errors import InvalidInput
from kd_pipeline.hints import AS_PICKLE


def to_table(pa: Any, frame: Any, name: str, largest: int) -> tuple[Any, list[int]]:
    """Return a frame as a table of pyarrow, its index kept (but for the index's ``freq``).

    With it come the positions of columns of objects that Arrow has another type for, which
    :func:`from_table` gives theirs. A missing text comes back as None or NaN, as pandas reads it.
    A table of more than ``largest`` bytes is not looked at. Raises InvalidInput, which names the
    column that would come back changed, and what pyarrow raises.
    """
    with warnings.catch_warnings():  # of attributes that are no JSON, which are looked at below
        warnings.simplefilter("ignore")
        table = pa.Table.from_pandas(frame)
    if table.nbytes > largest:
        return table, []
    back = from_table(table, [])
    objects = _retyped(frame, back)
    back = _with_objects(back, objects)
    advice = "convert it, or write the table to a file of the project repository"
    for axis in ("index", "columns"):
        if not _same_axis(getattr(back, axis), getattr(frame, axis)):
            raise InvalidInput(
                f"The {axis} of {name} ({getattr(frame, axis).dtype}) would not come back from "
                f"Arrow as it is; {advice}.",
                hint=AS_PICKLE,
            )
    for position, label in enumerate(frame.columns):
        if not _same_column(back.iloc[:, position], frame.iloc[:, position]):
            raise InvalidInput(
                f"The column {repr(label)[:80]} of {name} ({frame.dtypes.iloc[position]}) "
                f"would not come back from Arrow as it is; {advice}.",
                hint=AS_PICKLE,
            )
    if not _same_item(back.attrs, frame.attrs) or back.flags != frame.flags:
        raise InvalidInput(
            f"The attributes of {name} (.attrs, .flags) would not come back from Arrow as they "
            f"are; {advice}.",
            hint=AS_PICKLE,
        )
    return table, objects


def _retyped(frame: Any, back: Any) -> list[int]:
    """Return the positions of columns of objects that came back as something else."""
    types = zip(frame.dtypes, back.dtypes, strict=False)
    return [at for at, (had, has) in enumerate(types) if str(had) == "object" != str(has)]


def from_table(table: Any, objects: Sequence[int]) -> Any:
    """Return a table as a frame, with the columns at those positions as objects again."""
    return _with_objects(table.to_pandas(), objects)


def _with_objects(frame: Any, positions: Sequence[int]) -> Any:
    for position in positions:
        frame.isetitem(position, frame.iloc[:, position].astype(object))
    return frame


def _same_axis(back: Any, axis: Any) -> bool:
    return (
        list(back.names) == list(axis.names)
        and back.equals(axis)
        and (axis.nlevels > 1 or back.dtype == axis.dtype)
    )


def _same_column(back: Any, column: Any) -> bool:
    if back.dtype != column.dtype:
        return False
    if column.dtype != object:
        return bool(back.equals(column))
    return all(itertools.starmap(_same_item, zip(back, column, strict=True)))


def _same_item(back: Any, item: Any) -> bool:
    """Tell whether two items of a column of objects are equal, of one type, or both missing."""
    if back is item or (_missing(back) and _missing(item)):
        return True
    if type(back) is not type(item):
        return False
    if isinstance(item, dict):
        return back.keys() == item.keys() and all(_same_item(back[k], item[k]) for k in item)
    if isinstance(item, list | tuple):
        return len(back) == len(item) and all(map(_same_item, back, item))
    try:
        # The same moment in another zone is another time of the day.
        return bool(back == item) and _zone(back) == _zone(item)
    except (TypeError, ValueError):  # arrays do not tell it in one word
        return False


def _zone(item: Any) -> str:
    return str(getattr(item, "tzinfo", None))


def _missing(item: Any) -> bool:
    return item is None or (type(item) is float and item != item)
