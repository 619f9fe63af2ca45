"""The form of a notebook's cell that is sent: comments, then ``%%name``, then the job's code."""

import re

_MAGIC = re.compile(r"%%([^\s?]+)(?!\S*\?)")


def sent_code(source: str) -> str | None:
    """Return what a notebook's cell sends as its job's code; None for one without a cell magic."""
    lines = source.splitlines(keepends=True)
    while lines and not lines[0].strip():
        del lines[0]  # as IPython does
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    first = next((n for n, line in enumerate(lines) if not is_comment(line)), len(lines))
    if first == len(lines) or not magic_name(lines[first]):
        return None
    return "".join([*lines[:first], *lines[first + 1 :]])


def is_comment(line: str) -> bool:
    """Tell whether a line is a comment or blank."""
    return not line.strip() or line.lstrip().startswith("#")


def magic_name(line: str) -> str:
    """Return the name of the cell magic that a line is; "" for any other line."""
    match = _MAGIC.match(line)
    return match[1] if match else ""
