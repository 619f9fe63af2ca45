"""From the rows of a request to a matrix: by the names of columns, or by their order."""

from collections.abc import Mapping, Sequence
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

    ``takes_missing`` tells whether null is a value.
    """

    names: tuple[str, ...]
    width: int
    takes_missing: bool = True

    def matrix(self, rows: Sequence[Any], kind: DTypeLike = np.float32) -> NDArray[Any]:
        """Return rows as a matrix of their numbers, (rows, columns), null as NaN.

        Raises WrongRow, with the number of the first row that is wrong where there are several.
        """
        try:
            names = self.names
            values = [
                [row[name] for name in names] if names and type(row) is dict else self._values(row)
                for row in rows
            ]
            matrix = np.array(values, dtype=kind).reshape(len(rows), self.width)
        except (KeyError, ValueError, TypeError, OverflowError, WrongRow):
            matrix = np.array([self._checked(rows, n) for n in range(len(rows))], dtype=kind)
        if not self.takes_missing and np.isnan(matrix).any():
            row, column = np.argwhere(np.isnan(matrix))[0]
            raise WrongRow(_at(rows, row) + f"{self._name(column)} is null; it must be a number")
        return matrix

    def table(self, rows: Sequence[Any]) -> list[list[Any]]:
        """Return rows as lists of their values as they are, in order; raises WrongRow."""
        return [self._values(row, _at(rows, number)) for number, row in enumerate(rows)]

    def _values(self, row: Any, where: str = "") -> list[Any]:
        if isinstance(row, Mapping):
            if self.names:
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

    def _checked(self, rows: Sequence[Any], number: int) -> list[float]:
        where = _at(rows, number)
        values = self._values(rows[number], where)
        return [self._float(value, column, where) for column, value in enumerate(values)]

    def _float(self, value: Any, column: int, where: str) -> float:
        if value is None:
            return float("nan")
        try:
            if isinstance(value, str | int | float):
                return float(value)
        except (ValueError, OverflowError):
            pass
        shown = repr(value)
        shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
        raise WrongRow(f"{where}{self._name(column)} is {shown}, which is not a number")

    def _name(self, column: int) -> str:
        return repr(self.names[column]) if self.names else f"value {column + 1}"

    @property
    def _all(self) -> str:
        more = "" if len(self.names) <= 5 * MOST_NAMED else ", …"
        return ", ".join(map(repr, self.names[: 5 * MOST_NAMED])) + more


def _at(rows: Sequence[Any], number: int) -> str:
    return f"row {number + 1} of {len(rows)}: " if len(rows) > 1 else ""


def _told(missing: list[str]) -> str:
    named = ", ".join(map(repr, missing[:MOST_NAMED]))
    more = len(missing) - MOST_NAMED
    return (
        f"{named}{f' and {more} more' if more > 0 else ''} {'is' if len(missing) == 1 else 'are'}"
    )
