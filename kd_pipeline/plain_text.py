"""Text of somebody else's without any character that moves, reorders or colours others."""

import re
from unicodedata import category

# What a terminal takes for a command: colours and cursor moves, titles and links, others.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90])(?:[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c))?"
    r"|\x1b[ -/]*[0-~]"
)
_KEPT = "\n\t\u200c\u200d"
_JOINERS = "\u200c\u200d"  # of emoji and of scripts that join letters


def one_line(text: object, most: int | None = None) -> str:
    """Return a text's words with single spaces between them, and at most so many characters."""
    shown = str(text)
    if not shown.isprintable():  # which most are, and which is quick to see
        shown = "".join(c if c.isprintable() or c in _JOINERS else " " for c in shown)
    return " ".join(shown.split())[:most]


def lines(text: str) -> str:
    """Return a text in its lines, without what a terminal would act on or what reorders it."""
    if text.isprintable():
        return text
    plain = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return "".join(c for c in plain if c.isprintable() or c in _KEPT or category(c) == "Zs")
