"""Terminal text, compared with a simple terminal, in any chunking."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_client.terminal.terminal_text import DEPTH, WIDEST, TerminalText
from kd_client.terminal.text_style import changed, without_style

WORDS = st.text(alphabet="abc xyz\t5%", max_size=6)
DROPPED = ["\a", "\0", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x1b(B", "\x1b[?25l"]
MOVES = ["\r", "\b", "\b\b\b", "\n", "\r\n", "\x1b[2C", "\x1b[D", "\x1b[4G"]
SAME_ROW = st.sampled_from([*DROPPED, *MOVES, "\x1b[K", "\x1b[1K", "\x1b[2K"])
OTHER_ROWS = st.sampled_from(["\x1b[A", "\x1b[2A", "\x1b[B", "\x1b[F", "\x1b[E", "\x1b[J"])
SAME_ROW_TEXT = st.lists(st.one_of(WORDS, SAME_ROW), max_size=30).map("".join)
ANY_TEXT = st.lists(st.one_of(WORDS, SAME_ROW, OTHER_ROWS), max_size=30).map("".join)


class Terminal:
    """A terminal with endless rows, as simple as can be: a list of lists of characters."""

    def __init__(self, text: str) -> None:
        self.rows: list[list[str]] = [[]]
        self.row = self.column = 0
        position = 0
        while position < len(text):
            position += self.take(text, position)

    def take(self, text: str, at: int) -> int:
        char = text[at]
        if char == "\x1b":
            return self.escape(text, at)
        if char == "\n":
            self.row, self.column = self.row + 1, 0
            if self.row == len(self.rows):
                self.rows.append([])
        elif char == "\r":
            self.column = 0
        elif char == "\b":
            self.column = max(0, self.column - 1)
        elif char == "\t" or char >= " ":
            row = self.rows[self.row]
            row += [" "] * (self.column + 1 - len(row))
            row[self.column] = char
            self.column += 1
        return 1

    def escape(self, text: str, at: int) -> int:
        if text[at + 1] == "]":
            bell, end = text.find("\x07", at), text.find("\x1b\\", at)
            return (
                min(e for e in (bell + 1, end + 2) if e > at + 1) - at if bell > 0 else end + 2 - at
            )
        if text[at + 1] == "(":
            return 3
        end = at + 2
        while not text[end].isalpha():
            end += 1
        self.control(text[end], text[at + 2 : end])
        return end + 1 - at

    def control(self, final: str, digits: str) -> None:
        row = self.rows[self.row]
        count = int(digits) if digits.isdecimal() else 0
        if final == "K" and count == 0:
            del row[self.column :]
        elif final == "K" and count == 1:
            row += [" "] * (self.column + 1 - len(row))
            row[: self.column + 1] = " " * (self.column + 1)
        elif final == "K":
            row.clear()
        elif final == "J":
            del row[self.column :]
            for below in self.rows[self.row + 1 :]:
                below.clear()
        elif final in "AF":
            self.row = max(0, self.row - max(1, count))
        elif final in "BE":
            self.row = min(len(self.rows) - 1, self.row + max(1, count))
        elif final == "C":
            self.column += max(1, count)
        elif final == "D":
            self.column = max(0, self.column - max(1, count))
        elif final == "G":
            self.column = max(1, count) - 1
        if final in "EF":
            self.column = 0

    def lines(self) -> list[str]:
        lines = ["".join(row) for row in self.rows]
        return lines if lines[-1] else lines[:-1]


def printed(chunks: list[str], *, redraw: bool = True) -> str:
    """Return what is printed for text that comes in chunks, each followed by a redraw."""
    terminal = TerminalText()
    out = [terminal.feed(chunk) + (terminal.update() if redraw else "") for chunk in chunks]
    return "".join([*out, terminal.close()])


def on_screen(output: str) -> list[str]:
    """Return the lines that a front end shows, which knows of the carriage return only."""
    lines = [line.rpartition("\r")[2].rstrip(" ") for line in output.split("\n")]
    return lines if lines[-1] else lines[:-1]


def stripped(lines: list[str]) -> list[str]:
    return [line.rstrip(" ") for line in lines]


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(SAME_ROW_TEXT, st.lists(st.integers(0, 200), max_size=8))
def test_it_shows_what_a_terminal_shows(text: str, places: list[int]) -> None:
    expected = stripped(Terminal(text).lines())
    assert on_screen(printed([text])) == expected
    assert on_screen(printed(cut(text, places))) == expected
    assert on_screen(printed(list(text))) == expected


@given(ANY_TEXT, st.lists(st.integers(0, 200), max_size=8))
def test_every_row_is_printed_as_it_became_in_the_end(text: str, places: list[int]) -> None:
    terminal = Terminal(text)
    for chunks in ([text], cut(text, places)):
        shown = on_screen(printed(chunks))
        for line in stripped(terminal.lines()):
            assert line in shown
        ours = TerminalText()
        for chunk in chunks:
            ours.feed(chunk)
        assert ours.lines() == terminal.lines()[-DEPTH - 1 :]


@given(st.lists(st.text(alphabet="ab \t\né", max_size=50), max_size=20))
def test_plain_text_is_unchanged(chunks: list[str]) -> None:
    text = "".join(chunks)
    ended = text if text.endswith("\n") or not text else text + "\n"
    assert printed(chunks) == ended


@given(st.text(max_size=200))
def test_no_control_character_is_left_but_a_few(text: str) -> None:
    shown = without_style(printed([text]))
    assert not [c for c in shown if (c < " " and c not in "\n\r\t") or "\x7f" <= c <= "\x9f"]


def test_a_bar_is_one_line() -> None:
    bar = "".join(f"\r{n:3}%|{'#' * (n // 10):10}|" for n in range(0, 101, 10))
    assert printed([bar + "\n", "done\n"], redraw=False) == "100%|##########|\ndone\n"
    assert printed(["\r 10%|#  |", "\r 20%|## |", "\r 20%|## |"]) == " 10%|#  |\r 20%|## |\n"


def test_keras_of_2020_writes_backspaces() -> None:
    text = "1/2 [==>..]" + "\b" * 11 + "2/2 [=====]\n"
    assert on_screen(printed([text])) == ["2/2 [=====]"]


def test_a_shorter_line_leaves_nothing_of_the_longer() -> None:
    assert printed(["long line", "\r\x1b[Kab"]) == "long line\rab       \n"


def test_nested_bars_of_tqdm_end_as_they_should() -> None:
    # What tqdm writes for a loop of two in a loop of two; the inner one leaves nothing.
    chunks = []
    for outer in range(2):
        chunks.append(f"\router: {outer * 50:3}%|     | {outer}/2")
        chunks += [f"\n\rinner: {n * 50:3}%|     | {n}/2\x1b[A" for n in range(3)]
        chunks.append(f"\n\r{' ' * 22}\r\x1b[A")
    chunks += ["\router: 100%|     | 2/2", "\n", "after\n"]
    shown = on_screen(printed(chunks))
    assert shown == ["outer:   0%|     | 0/2", "outer: 100%|     | 2/2", "after"]
    assert "\rinner:  50%|     | 1/2" in printed(chunks)  # and the inner one was seen meanwhile


@pytest.mark.parametrize(
    ("style", "parameters", "after"),
    [
        ("", "31", "31"),
        ("31", "1", "1;31"),
        ("1;31", "0", ""),
        ("1;31", "", ""),
        ("1;31", "39", "1"),
        ("1;2", "22", ""),
        ("", "38;5;208;1", "1;38;5;208"),
        ("38;5;208", "48;2;1;2;3", "38;5;208;48;2;1;2;3"),
        ("31", "38;5", "31"),
        ("31", "38", "31"),
        ("", "01;031", "1;31"),
        ("31", "999", "31"),
        ("7", "27;4:3", "4:3"),
    ],
)
def test_styles_are_kept_canonically(style: str, parameters: str, after: str) -> None:
    assert changed(style, parameters) == after


def test_colours_are_kept() -> None:
    assert printed(["a \x1b[31mred\x1b[0m b\n"]) == "a \x1b[31mred\x1b[0m b\n"
    assert printed(["\x1b[1;31mtwo\nlines\x1b[m"]) == (
        "\x1b[1;31mtwo\x1b[0m\n\x1b[1;31mlines\x1b[0m\n"
    )


def test_a_very_long_row_goes_on_in_the_next() -> None:
    assert printed(["x" * (WIDEST + 5) + "\n"]) == "x" * WIDEST + "\n" + "x" * 5 + "\n"
    assert printed(["y\n" + "x" * WIDEST + "\nz\n"]) == "y\n" + "x" * WIDEST + "\nz\n"


STYLED = "".join(f"\x1b[3{n % 8}ma" for n in range(3000))


@pytest.mark.parametrize(
    "piece",
    [
        *("\x1b[65000Cx\r", "\x1b[65000Cx\x1b[65000D\x1b[31my", "\x1b[65000C\x1b[1K\r", "\r abc"),
        *("\x1b[20Ax\x1b[20B\n", "ab\b\b", "\x1b[", "\x1b]0;x", "\x1b[1;1;1m", f"{STYLED}\r"),
    ],
)
def test_hostile_text_costs_what_it_is_long(piece: str) -> None:
    """About 0.5 s per MB here; a row of many styles once took 100 s."""
    terminal = TerminalText()
    text = piece * (200_000 // len(piece))
    began, shown = time.process_time(), 0
    for begin in range(0, len(text), 65_536):
        shown += len(terminal.feed(text[begin : begin + 65_536])) + len(terminal.update())
    shown += len(terminal.close())
    assert time.process_time() - began < 5
    assert shown < 100 * len(text)


def test_the_cursor_goes_no_farther_than_a_terminal_is_wide() -> None:
    assert printed(["\x1b[65000Cx\n"]) == " " * 500 + "x\n"
    assert printed(["y" * 1000 + "\r\x1b[65000Cx\n"]) == "y" * 1000 + "x\n"
    assert printed(["\x1b[99Gx\n"]) == " " * 98 + "x\n"
