"""Text as a terminal would show it: bars that redraw themselves become one line that changes.

A notebook's text output knows of a terminal's means only the carriage return and colours. So the
newest rows of a small screen are kept here; a row is printed when a new one begins below it, and
the row that is still being written is redrawn in place. A row above that is changed later
(nested bars go up and down) is printed again, as it became, with the next new row.
"""

import itertools
import re
from collections.abc import Callable

from kd_client.terminal import text_style

DEPTH = 24  # rows above the newest that can still be changed
WIDEST = 64 * 1024  # a longer row goes on in the next one, as at the edge of a terminal
FARTHEST = 500  # columns to which the cursor can move beyond what is written
LONGEST_SEQUENCE = 4096
_TOKEN = re.compile(
    r"(?P<text>[^\x00-\x08\x0a-\x1f\x7f-\x9f]+)"
    r"|\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles, links
    r"|\x1b[ -/]*[0-Z\\`-~]"
    r"|(?P<control>[\x00-\x1f\x7f-\x9f])"
)
_PLAIN = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]*")
# The beginning of a sequence whose end has not come yet.
_CUT = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)\Z")


class _Row:
    """One row of the screen, a style for each character; ``printed`` is what was printed of it.

    Writing costs what is written, whatever the row holds.
    """

    __slots__ = ("_characters", "_styles", "changed", "printed")

    def __init__(self, text: str = "", printed: str | None = None) -> None:
        self._characters = list(text)
        self._styles = [""] * len(text)
        self.printed = printed
        self.changed = printed is None

    @property
    def width(self) -> int:
        """Return how many characters the row has."""
        return len(self._characters)

    def put(self, column: int, text: str, style: str) -> None:
        """Write over what is there from a column on."""
        self.changed = True
        if (gap := column - self.width) > 0:
            self._characters += " " * gap
            self._styles += [""] * gap
        self._characters[column : column + len(text)] = text
        self._styles[column : column + len(text)] = [style] * len(text)

    def cut(self, column: int) -> None:
        """Take away what is there from a column on."""
        self.changed = True
        del self._characters[column:], self._styles[column:]

    def text(self) -> str:
        """Return the row with its colours."""
        if not any(self._styles):
            return "".join(self._characters)
        parts, begin = [], 0
        for style, run in itertools.groupby(self._styles):
            end = begin + len(list(run))
            parts.append(text_style.styled("".join(self._characters[begin:end]), style))
            begin = end
        return "".join(parts)


class TerminalText:
    """A stream of terminal text in any chunking, made into text for a notebook."""

    def __init__(self) -> None:
        self._rows = [_Row()]
        self._at = 0  # the cursor's row
        self._column = 0
        self._style = ""
        self._cut = ""  # a sequence that is not whole yet
        self._open = ""  # what the output's last line shows
        self._touched = self._rows[0]
        self._out: list[str] = []

    def feed(self, text: str) -> str:
        """Take text; return what is to be printed of the rows that it finished."""
        text, self._cut = self._cut + text, ""
        if cut := _CUT.search(text, max(0, len(text) - LONGEST_SEQUENCE)):
            text, self._cut = text[: cut.start()], cut.group()
        if self._is_simple() and _PLAIN.fullmatch(text):
            self._take_lines(text)
        else:
            for token in _TOKEN.finditer(text):
                self._take(token)
        out, self._out = "".join(self._out), []
        return out

    def update(self) -> str:
        """Return what redraws the output's last line, which is not finished; ``""`` if it is."""
        self._redraw(self._touched.text())
        out, self._out = "".join(self._out), []
        return out

    def close(self) -> str:
        """Return what is left to print at the end."""
        self._print_rows(self._rows if self._rows[-1].width else self._rows[:-1])
        out, self._out = "".join(self._out), []
        return out

    def lines(self) -> list[str]:
        """Return the newest rows with their colours, the one that is written last."""
        rows = self._rows if self._rows[-1].width else self._rows[:-1]
        return [row.text() for row in rows]

    def _is_simple(self) -> bool:
        """Tell whether plain lines can be printed as they are."""
        bottom = self._rows[-1]
        return (
            not self._style
            and self._at == len(self._rows) - 1
            and self._column == bottom.width
            and self._touched is bottom
            and not any(row.changed for row in self._rows[:-1])
        )

    def _take_lines(self, text: str) -> None:
        first, newline, rest = text.partition("\n")
        self._write(first)
        if not newline:
            return
        self._new_row()
        finished, newline, last = rest.rpartition("\n")
        if newline:
            self._take_whole_lines(finished)
        self._write(last)

    def _take_whole_lines(self, text: str) -> None:
        lines = text.split("\n")
        if max(map(len, lines)) > WIDEST:
            for line in lines:
                self._write(line)
                self._new_row()
            return
        self._out += [text, "\n"]
        newest = [_Row(line, line) for line in lines[-DEPTH:]]
        self._rows = [*[*self._rows[:-1], *newest][-DEPTH:], _Row()]
        self._at, self._touched = len(self._rows) - 1, self._rows[-1]

    def _take(self, token: re.Match[str]) -> None:
        if (text := token["text"]) is not None:
            self._write(text)
        elif (control := token["control"]) is not None:
            if control == "\n":
                self._down()
            elif control == "\r":
                self._column = 0
            elif control == "\b":
                self._column = max(0, self._column - 1)
        elif token["final"] == "m" and not token["parameters"].strip("0123456789;:"):
            self._style = text_style.changed(self._style, token["parameters"])
        elif token["final"] and not token["parameters"].strip("0123456789;"):
            self._control(token["final"], token["parameters"])

    def _control(self, final: str, parameters: str) -> None:
        """Do what a control sequence says; what no progress bar needs is left out."""
        given = parameters.split(";")[0]
        number = min(int(given), WIDEST) if given else 0
        moves: dict[str, Callable[[int], None]] = {
            "A": self._go_up,
            "B": self._go_down,
            "C": lambda count: self._go_to(self._column + count),
            "D": lambda count: self._go_to(self._column - count),
            "E": self._go_down,
            "F": self._go_up,
            "G": lambda column: self._go_to(column - 1),
        }
        if final in moves:
            moves[final](max(1, number))
            self._column = 0 if final in "EF" else self._column
        elif final == "K":
            self._erase_in_row(number)
        elif final == "J" and number == 0:
            self._erase_in_row(0)
            for row in self._rows[self._at + 1 :]:
                row.cut(0)

    def _go_up(self, count: int) -> None:
        self._at = max(0, self._at - count)

    def _go_down(self, count: int) -> None:
        self._at = min(len(self._rows) - 1, self._at + count)

    def _go_to(self, column: int) -> None:
        edge = max(FARTHEST, self._rows[self._at].width)
        self._column = min(max(0, column), edge, WIDEST - 1)

    def _erase_in_row(self, what: int) -> None:
        row = self._rows[self._at]
        if what == 0:
            row.cut(self._column)
        elif what == 1:
            row.put(0, " " * (self._column + 1), "")
        elif what == 2:
            row.cut(0)
        self._touched = row

    def _write(self, text: str) -> None:
        while text:
            if self._column >= WIDEST:
                self._down()
            part = text[: WIDEST - self._column]
            text = text[len(part) :]
            self._touched = self._rows[self._at]
            self._touched.put(self._column, part, self._style)
            self._column += len(part)

    def _down(self) -> None:
        if self._at == len(self._rows) - 1:
            self._new_row()
        else:
            self._at += 1
            self._column = 0

    def _new_row(self) -> None:
        self._print_rows(self._rows)
        self._rows = [*self._rows[-DEPTH:], _Row()]
        self._at, self._column = len(self._rows) - 1, 0
        self._touched = self._rows[-1]

    def _print_rows(self, rows: list[_Row]) -> None:
        """Print the rows that are not on the screen as they are now."""
        for row in rows:
            if row.changed and (text := row.text()) != row.printed:
                self._redraw(text)
                self._out.append("\n")
                self._open, row.printed = "", text
            row.changed = False

    def _redraw(self, text: str) -> None:
        """Make the output's last line show ``text``."""
        if text.startswith(self._open):
            self._out.append(text[len(self._open) :])
        elif self._open.rstrip(" ") == text.rstrip(" "):
            return
        else:
            # Front ends differ in whether a carriage return clears the line: blanks do.
            text += " " * (len(self._open) - len(text))
            self._out.append("\r" + text)
        self._open = text
