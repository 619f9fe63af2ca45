"""A pandas DataFrame as an Arrow table, and a look whether it comes back as it was."""

import itertools
from typing import Any

from kd_pipeline.errors import InvalidInput
from kd_pipeline.hints import AS_PICKLE


def to_table(pa: Any, frame: Any, name: str) -> Any:
    """Return a frame as a table of pyarrow, its index kept (but for the index's ``freq``).

    A missing text comes back as None or NaN, as pandas reads it. Raises InvalidInput, which names
    the column that would come back changed, and what pyarrow raises.
    """
    table = pa.Table.from_pandas(frame)
    back = table.to_pandas()
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
    return table


def _same_axis(back: Any, axis: Any) -> bool:
    return (
        list(back.names) == list(axis.names)
        and back.equals(axis)
        and (axis.nlevels > 1 or back.dtype == axis.dtype)
    )


def _same_column(back: Any, column: Any) -> bool:
    if column.dtype != object:
        return bool(back.dtype == column.dtype and back.equals(column))
    return all(itertools.starmap(_same_item, zip(back, column, strict=True)))


def _same_item(back: Any, item: Any) -> bool:
    """Tell whether two items of a column of objects are equal, of one type, or both missing."""
    if back is item or (_missing(back) and _missing(item)):
        return True
    try:
        return type(back) is type(item) and bool(back == item)
    except (TypeError, ValueError):  # arrays do not tell it in one word
        return False


def _missing(item: Any) -> bool:
    return item is None or (type(item) is float and item != item)
