"""A small table that shows as plain text, and as HTML where the front end can."""

from collections.abc import Mapping, Sequence
from html import escape

from kd_magics.screen import show_bundle
from kd_pipeline.plain_text import one_line

GAP = "  "


class Best(str):
    """A cell that is the best of its column: ``*`` in text, bold in HTML."""

    __slots__ = ()


class Table:
    """Rows under headers, with ``notes`` as lines below."""

    def __init__(
        self,
        headers: Sequence[str],
        rows: Sequence[Sequence[object]],
        notes: Sequence[str] = (),
    ) -> None:
        self.headers = [str(header) for header in headers]
        self._cells = [["" if cell is None else cell for cell in row] for row in rows]
        self.rows = [
            [f"{one_line(cell)} *" if isinstance(cell, Best) else one_line(cell) for cell in row]
            for row in self._cells
        ]
        self.notes = [one_line(note) for note in notes]

    @property
    def text(self) -> str:
        """Return the table as lines of plain text, columns as wide as their longest cell."""
        columns = zip(self.headers, *self.rows, strict=True)
        widths = [max(map(len, column)) for column in columns]
        lines = [self.headers, ["-" * width for width in widths], *self.rows]
        table = [
            GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([*table, "", *self.notes] if self.notes else table)

    @property
    def html(self) -> str:
        """Return the table and its notes as HTML; every cell is escaped."""
        head = "".join(f"<th style='text-align:left'>{escape(h)}</th>" for h in self.headers)
        body = "".join(
            "<tr>"
            + "".join(f"<td style='text-align:left'>{_html(cell)}</td>" for cell in row)
            + "</tr>"
            for row in self._cells
        )
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def without_empty(self) -> "Table":
        """Return the table without the columns in which no row has anything."""
        full = [i for i in range(len(self.headers)) if any(row[i] for row in self.rows)]
        headers = [self.headers[i] for i in full]
        return Table(headers, [[row[i] for i in full] for row in self._cells], self.notes)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def show(*parts: Table, html: Sequence[Table] = ()) -> None:
    """Display tables, one below the other, as one output: text, and HTML beside it.

    ``html`` are the tables of the HTML, where they are others than those of the text.
    """
    show_bundle(
        {
            "text/plain": "\n\n".join(part.text for part in parts),
            "text/html": "".join(part.html for part in html or parts),
        }
    )


def number_words(values: Mapping[str, object], most: int = 3) -> str:
    """Return the first numbers of ``values`` in short: ``rmse 5.21, mae 3.4, …``."""
    numbers = {k: v for k, v in values.items() if isinstance(v, int | float)}
    words = [f"{name} {number:.4g}" for name, number in list(numbers.items())[:most]]
    return ", ".join([*words, "…"] if len(numbers) > most else words)


def _html(cell: object) -> str:
    text = escape(one_line(cell))
    return f"<b>{text}</b>" if isinstance(cell, Best) else text
