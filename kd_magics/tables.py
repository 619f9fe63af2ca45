"""A small table that shows as plain text, and as HTML where the front end can."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from kd_magics import looks
from kd_magics.screen import show_bundle
from kd_pipeline.plain_text import one_line

GAP = "  "


LONGEST_LINE = 48  # a longer cell is broken into lines where the front end has no room


class Cell(str):
    """A cell that HTML shows in its own way; ``form`` is that HTML, in which all is escaped."""

    form = ""

    def __new__(cls, text: str, form: str) -> "Cell":
        """Return the text with its HTML."""
        cell = super().__new__(cls, text)
        cell.form = form
        return cell


class TextOnly(str):
    """A note about what only the text has, such as a mark."""

    __slots__ = ()


def best(text: str) -> Cell:
    """Return a cell that is the best of its column: ``*`` in text, bold in HTML."""
    return Cell(f"{text} *", f"<b>{escape(text)}</b>")


def ago(time: str | None, now: datetime | None = None) -> str:
    """Return how long ago a time (RFC 3339) was; HTML has the time itself as its tooltip."""
    if not time:
        return ""
    try:
        seconds = ((now or datetime.now(UTC)) - datetime.fromisoformat(time)).total_seconds()
    except (ValueError, TypeError):
        return time
    text = "just now" if seconds < 1 else f"{_age(seconds)} ago"
    here = f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M:%S}"
    return Cell(text, f"<span title='{here}'>{escape(text)}</span>")


def _age(seconds: float) -> str:
    for length, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            many = int(seconds // length)
            return f"{many} {'day' if unit == 'days' and many == 1 else unit}"
    return f"{int(seconds)} s"


def state(name: str, text: str | None = None) -> Cell:
    """Return a state with its symbol and colour in HTML; ``text`` is what is said of it."""
    words = looks.word(name) if text is None else text
    return Cell(name if text is None else text, f"{looks.symbol(name)} {escape(words)}".lstrip())


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
        self.rows = [[one_line(cell) for cell in row] for row in self._cells]
        self._notes = list(notes)

    @property
    def notes(self) -> list[str]:
        """Return the lines below the text."""
        return [one_line(note) for note in self._notes]

    @property
    def text(self) -> str:
        """Return the table as lines of plain text, columns as wide as their longest cell."""
        table = self._lines(0)
        return "\n".join([*table, "", *self.notes] if self.notes else table)

    @property
    def published(self) -> str:
        """Return the rows as the product of 2020 printed them: headers have two dashes more."""
        return "\n".join(self._lines(2))

    def _lines(self, beyond_header: int) -> list[str]:
        first = [header + " " * beyond_header for header in self.headers]
        widths = [max(map(len, column)) for column in zip(first, *self.rows, strict=True)]
        lines = [self.headers, ["-" * width for width in widths], *self.rows]
        return [
            GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]

    @property
    def html(self) -> str:
        """Return the table and its notes as HTML; every cell is escaped."""
        head = "".join(f"<th style='text-align:left'>{escape(h)}</th>" for h in self.headers)
        body = "".join(
            "<tr>"
            + "".join(f"<td style='{_style(cell)}'>{_html(cell)}</td>" for cell in row)
            + "</tr>"
            for row in self._cells
        )
        told = (one_line(note) for note in self._notes if not isinstance(note, TextOnly))
        notes = "".join(f"<div>{escape(note)}</div>" for note in told)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def without_empty(self) -> "Table":
        """Return the table without the columns in which no row has anything."""
        full = [i for i in range(len(self.headers)) if any(row[i] for row in self.rows)]
        headers = [self.headers[i] for i in full]
        return Table(headers, [[row[i] for i in full] for row in self._cells], self._notes)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def show(*parts: Table) -> None:
    """Display tables, one below the other, as one output: text, and HTML beside it."""
    show_bundle(
        {
            "text/plain": "\n\n".join(part.text for part in parts),
            "text/html": "".join(part.html for part in parts),
        }
    )


def number_words(values: Mapping[str, object], most: int = 3) -> str:
    """Return the first numbers of ``values`` in short: ``rmse 5.21, mae 3.4, …``."""
    numbers = {k: v for k, v in values.items() if isinstance(v, int | float)}
    words = [f"{name} {number:.4g}" for name, number in list(numbers.items())[:most]]
    return ", ".join([*words, "…"] if len(numbers) > most else words)


def _html(cell: object) -> str:
    return cell.form if isinstance(cell, Cell) else escape(one_line(cell))


def _style(cell: object) -> str:
    """Return how a cell is laid out: names do not break at their dashes, sentences may."""
    if len(str(cell)) <= LONGEST_LINE:
        return "text-align:left;white-space:nowrap"
    return "text-align:left;white-space:normal;min-width:20em"
