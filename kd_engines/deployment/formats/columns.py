"""From the rows of a request to a matrix: by the names of columns, or by their order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

MOST_NAMED = 10  # columns that a sentence names


class WrongRow(Exception):
    """A row that is none for this model; says which column, and what it wants."""


@dataclass(frozen=True)
class Columns:
    """A model's columns: ``names`` where it knows them, else how many there are.

    ``takes_missing`` tells whether null is a value. Names that were ``made_up`` by a library (f0,
    f1, …) count for a row that has exactly these; any other is in their order.
    """

    names: tuple[str, ...]
    width: int
    takes_missing: bool = True
    made_up: bool = False

    def matrix(self, rows: Sequence[Any], kind: DTypeLike = np.float32) -> NDArray[Any]:
        """Return rows as a matrix of their numbers, (rows, columns), null as NaN.

        Raises WrongRow, with the number of the first row that is wrong where there are several:
        also for null, and what is no whole number, where ``kind`` is of whole numbers.
        """
        if not np.issubdtype(kind, np.floating):
            whole = [self._checked(rows, n, self._whole(kind)) for n in range(len(rows))]
            return np.array(whole, dtype=kind).reshape(len(rows), self.width)
        try:
            names = () if self.made_up else self.names
            values = [
                [row[name] for name in names] if names and type(row) is dict else self._values(row)
                for row in rows
            ]
            matrix = np.array(values, dtype=kind).reshape(len(rows), self.width)
        except (KeyError, ValueError, TypeError, OverflowError, WrongRow):
            checked = [self._checked(rows, n, self._float) for n in range(len(rows))]
            matrix = np.array(checked, dtype=kind).reshape(len(rows), self.width)
        if not self.takes_missing and np.isnan(matrix).any():
            row, column = np.argwhere(np.isnan(matrix))[0]
            raise WrongRow(_at(rows, row) + f"{self._name(column)} is null; it must be a number")
        return matrix

    def table(self, rows: Sequence[Any]) -> list[list[Any]]:
        """Return rows as lists of their values as they are, in order; raises WrongRow."""
        return [self._values(row, _at(rows, number)) for number, row in enumerate(rows)]

    def _values(self, row: Any, where: str = "") -> list[Any]:
        if isinstance(row, Mapping):
            if self.names and not (self.made_up and row.keys() != set(self.names)):
                missing = [name for name in self.names if name not in row]
                if missing:
                    # LightGBM writes names with an underscore for each space.
                    row = {str(name).replace(" ", "_"): value for name, value in row.items()}
                    missing = [name for name in self.names if name not in row]
                if missing:
                    raise WrongRow(f"{where}{_told(missing)} missing; the columns are {self._all}")
                return [row[name] for name in self.names]
            values = list(row.values())
        elif isinstance(row, list):
            values = row
        else:
            raise WrongRow(f"{where}a row is an object or a list, not {type(row).__name__}")
        if len(values) != self.width:
            raise WrongRow(
                f"{where}the row has {len(values)} values, the model has {self.width} columns"
                + (f": {self._all}" if self.names else "")
            )
        return list(values)

    def _checked(
        self, rows: Sequence[Any], number: int, read: Callable[[Any, int, str], Any]
    ) -> list[Any]:
        where = _at(rows, number)
        values = self._values(rows[number], where)
        return [read(value, column, where) for column, value in enumerate(values)]

    def _whole(self, kind: DTypeLike) -> Callable[[Any, int, str], int]:
        """Return what reads a whole number that ``kind`` can hold."""
        low, high = (0, 1) if kind is np.bool_ else (np.iinfo(kind).min, np.iinfo(kind).max)

        def read(value: Any, column: int, where: str) -> int:
            number = value
            if isinstance(value, float | str):
                number = self._float(value, column, where)
                number = int(number) if number.is_integer() else None
            if not isinstance(number, int) or not low <= number <= high:
                raise WrongRow(
                    f"{where}{self._name(column)} is {_shown(value)}; it must be a whole number "
                    f"from {low} to {high}"
                )
            return number

        return read

    def _float(self, value: Any, column: int, where: str) -> float:
        if value is None:
            return float("nan")
        try:
            if isinstance(value, str | int | float):
                return float(value)
        except (ValueError, OverflowError):
            pass
        raise WrongRow(f"{where}{self._name(column)} is {_shown(value)}, which is not a number")

    def _name(self, column: int) -> str:
        return repr(self.names[column]) if self.names else f"value {column + 1}"

    @property
    def _all(self) -> str:
        more = "" if len(self.names) <= 5 * MOST_NAMED else ", …"
        return ", ".join(map(repr, self.names[: 5 * MOST_NAMED])) + more


def _at(rows: Sequence[Any], number: int) -> str:
    return f"row {number + 1} of {len(rows)}: " if len(rows) > 1 else ""


def _shown(value: Any) -> str:
    shown = "null" if value is None else repr(value)
    return shown if len(shown) <= 40 else f"{shown[:40]}…"


def _told(missing: list[str]) -> str:
    named = ", ".join(map(repr, missing[:MOST_NAMED]))
    more = len(missing) - MOST_NAMED
    return (
        f"{named}{f' and {more} more' if more > 0 else ''} {'is' if len(missing) == 1 else 'are'}"
    )
