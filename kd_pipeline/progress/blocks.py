"""Lines that belong together: tracebacks and warnings, which tell no metrics, and tables."""

import re
from dataclasses import dataclass

_BEGINS = re.compile(
    r"^\W{0,200}(?:Exception Group )?Traceback \(most recent call last\)"
    r'|^\s+File "[^"]*", line \d+'
)
_SINGLE = re.compile(
    r"^\w+(?:Error|Exception|Exit|Interrupt)\s+Traceback \(most recent call last\)"
)
_WARNING = re.compile(r"^\S.*:\d+: \w*Warning:")
_INSIDE = (" ", "\t", "|", "+", "-->", "...")
_HEADER = re.compile(r"^(?:epoch|step|iter|iteration)\s+[A-Za-z_]\w*(?:\s+[A-Za-z_]\w*)*\s*$")
MOST_COLUMNS = 20


@dataclass
class Blocks:
    """What the lines so far have begun."""

    in_trace: bool = False
    after_warning: bool = False
    columns: tuple[str, ...] = ()  # of a table whose head was printed, such as fastai's

    def is_trace(self, line: str) -> bool:
        """Take a line; tell whether it is of a traceback or a warning."""
        if self.in_trace:
            if not line.strip() or line.startswith(_INSIDE) or _begins(line):
                return True
            self.in_trace = False  # this is the exception itself
            return True
        was_warning, self.after_warning = self.after_warning, False
        if _begins(line):
            self.in_trace = True
        elif "Warning:" in line and _WARNING.match(line):
            self.after_warning = True
        else:
            return was_warning and line.startswith("  ")  # the line that warned
        return True

    def is_header(self, line: str) -> bool:
        """Take a line; tell whether it is the head of a table with an epoch in each row."""
        if not line.startswith(("epoch", "step", "iter")) or not _HEADER.match(line):
            return False
        columns = tuple(line.split())
        if len(columns) <= MOST_COLUMNS and any("loss" in name for name in columns):
            self.columns = columns
            return True
        return False


def _begins(line: str) -> bool:
    if "Traceback (" not in line and 'File "' not in line:
        return False
    return bool(_BEGINS.match(line) or _SINGLE.match(line))
