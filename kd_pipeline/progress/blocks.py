"""Lines that belong together: tracebacks and warnings, which tell no metrics, and tables."""

import re
from dataclasses import dataclass

_BEGINS = re.compile(
    r"^\W{0,200}(?:Exception Group )?Traceback \(most recent call last\)"
    # As IPython begins one: the exception's name stands before.
    r"|^\w+(?:Error|Exception|Exit|Interrupt)\s+Traceback \(most recent call"
)
_FRAME = re.compile(r'^\W*File "[^"]*", line \d+')
_EXCEPTION = re.compile(r"^[\w.]*(?:Error|Exception|Exit|Interrupt|Warning)(?::|$)")
_WARNING = re.compile(r"^\S.*:\d+: \w*Warning:")
_SOURCE = ("    ", "\t")
_INSIDE = (" ", "\t", "|", "+", "-->", "...")
_HEADER = re.compile(r"^(?:epoch|step|iter|iteration)\s+[A-Za-z_]\w*(?:\s+[A-Za-z_]\w*)*\s*$")
MOST_COLUMNS = 20
LONGEST_TRACE = 2000  # lines; where a trace has no end in the log, what comes later counts


@dataclass
class Blocks:
    """What the lines so far have begun."""

    in_trace: int = 0  # so many lines are still of one at most
    after_frame: bool = False
    in_warning: bool = False
    columns: tuple[str, ...] = ()  # of a table whose head was printed, such as fastai's
    row: int | None = None  # the epoch of its last row

    def is_trace(self, line: str) -> bool:
        """Take a line; tell whether it is of a traceback or a warning."""
        if "Traceback (" in line and _BEGINS.match(line):
            self.in_trace = LONGEST_TRACE
            return True
        if self.in_trace:
            inside = not line.strip() or line.startswith(_INSIDE)
            self.in_trace = self.in_trace - 1 if inside else 0
            return True  # also the line after it, the exception itself
        # A stack without an exception's head and end, as threads and warnings print it.
        if self.after_frame and line.startswith(_SOURCE):
            return True
        self.after_frame = 'File "' in line and bool(_FRAME.match(line))
        if self.after_frame or _EXCEPTION.match(line):
            return True
        if "Warning:" in line and _WARNING.match(line):
            self.in_warning = True
            return True
        was_warning, self.in_warning = self.in_warning, False
        return was_warning and line.startswith("  ")  # the line that warned

    def skip(self) -> None:
        """A part of the log is left out here."""
        self.in_trace, self.after_frame, self.in_warning = 0, False, False

    def is_header(self, line: str) -> bool:
        """Take a line; tell whether it is the head of a table with an epoch in each row."""
        if not line.startswith(("epoch", "step", "iter")) or not _HEADER.match(line):
            return False
        columns = tuple(line.split())
        if len(columns) <= MOST_COLUMNS and any("loss" in name for name in columns):
            self.columns, self.row = columns, None
            return True
        return False

    def row_of(self, line: str) -> list[str]:
        """Take a line; return its words where it is the table's next row, from 0 or 1 on."""
        words = line.split(None, len(self.columns)) if self.columns else []
        if not words or len(words) != len(self.columns) or not words[0].isdecimal():
            return []
        number = int(words[0]) if len(words[0]) < 16 else -1
        expected = (0, 1) if self.row is None else (self.row + 1,)
        if number not in expected or not any("." in word for word in words[1:]):
            return []
        self.row = number
        return words
