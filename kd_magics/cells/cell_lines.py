"""Where in a cell a cell magic stands: comments may be above it, code may not.

IPython takes ``%%name`` for a cell magic in the first line only. Below a comment, and for a name
that does not exist, it raises UsageError, which stops no run: nbval and papermill take such a
notebook for a good one.
"""

import ast
import re
from collections.abc import Collection

from kd_pipeline.sent_cells import is_comment, magic_name

_SHELL = re.compile(r"\s*[%!?]")
MAGICS = "get_ipython()._kd_magics.clusters"


def arranged(lines: list[str], ours: Collection[str], known: Collection[str]) -> list[str]:
    """Return a cell's lines as IPython can run them; ``known`` are all cell magics there are.

    A magic of ``ours`` below comments and blank lines moves above them, which changes the number
    of no line below it. What cannot run becomes a call that raises our error.
    """
    first = next((n for n, line in enumerate(lines) if not is_comment(line)), len(lines))
    name = magic_name(lines[first]) if first < len(lines) else ""
    if name in ours:
        moved = [lines[first].rstrip("\n") + "\n", *lines[:first], *lines[first + 1 :]]
        return moved if len(moved) > 1 else [*moved, "\n"]  # IPython refuses an empty cell
    if name:
        return lines if name in known else [f"{MAGICS}.refuse({name!r})\n"]
    for number, line in enumerate(lines):
        if (below := magic_name(line)) in ours and _is_whole("".join(lines[:number])):
            return [f"{MAGICS}.refuse_below({below!r})\n"]
    return lines


def _is_whole(code: str) -> bool:
    """Tell whether code is complete, so that what follows is in no text of several lines."""
    plain = [
        re.sub(r"\S.*", "pass", line) if _SHELL.match(line) else line for line in code.split("\n")
    ]
    try:
        ast.parse("\n".join(plain))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
