"""Text of somebody else's on one line, without any character that moves or reorders others."""

_JOINERS = "\u200c\u200d"  # of emoji and of scripts that join letters


def one_line(text: object, most: int | None = None) -> str:
    """Return a text's words with single spaces between them, and at most so many characters."""
    shown = str(text)
    if not shown.isprintable():  # which most are, and which is quick to see
        shown = "".join(c if c.isprintable() or c in _JOINERS else " " for c in shown)
    return " ".join(shown.split())[:most]
