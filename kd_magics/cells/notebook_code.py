"""A notebook file as one job: its code cells in their order, without what a front end needs."""

import ast
import json
import re
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from kd_magics.errors import InvalidCell
from kd_pipeline.errors import InvalidInput

# Line magics that a job does by itself or has no use for.
_LEFT_OUT = frozenset(
    {"matplotlib", "load_ext", "reload_ext", "unload_ext", "autoreload", "aimport", "config"}
    | {"pylab", "precision", "xmode", "pdb"}
)
# Of these cell magics the cell's code stays.
_CELL_LEFT_OUT = re.compile(r"%%(?:time|timeit|capture|prun)\b")
_BLANK_OR_COMMENT = re.compile(r"\s*(?:#|$)")
_LINE_MAGIC = re.compile(r"(\s*)get_ipython\(\)\.run_line_magic\('(\w+)'")
_PYTHON = ("", "python", "python3", "ipython", "ipython3")


def notebook_code(content: bytes, named: str) -> tuple[str, str, list[int]]:
    """Return a notebook's code, no script's name, and the lines at which its cells begin.

    Raises InvalidInput where the file is no notebook of Python, InvalidCell for a line that works
    in a notebook only.
    """
    lines: list[str] = []
    begins: list[int] = []
    for number, source in _code_cells(content, named):
        if source.strip():
            begins.append(len(lines) + 1)
            lines.append(f"# %% cell {number} of {named.rpartition('/')[2]}")
            lines += _job_lines(source, number, named)
    return "\n".join(lines) + "\n", "", begins


def _code_cells(content: bytes, named: str) -> list[tuple[int, str]]:
    """Return the code cells with their numbers, from 1 on."""
    try:
        notebook: Any = json.loads(content)
        kernel = notebook.get("metadata", {}).get("language_info", {}).get("name", "")
        cells = [
            (number, "".join(cell["source"]))
            for number, cell in enumerate(notebook["cells"], 1)
            if cell["cell_type"] == "code"
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InvalidInput(
            f"{named} cannot be read as a notebook (nbformat 4); open it in JupyterLab and save it."
        ) from None
    if str(kernel).lower() not in _PYTHON:
        raise InvalidInput(f"{named} is a notebook of {kernel}, and a job runs Python.")
    return cells


def _job_lines(source: str, cell: int, named: str) -> list[str]:
    """Return a cell's lines as they run in a job; what is left out stays as a comment."""
    lines = source.rstrip("\n").split("\n")
    first = next((n for n, line in enumerate(lines) if not _BLANK_OR_COMMENT.match(line)), 0)
    if lines[first].startswith("%%"):
        if not _CELL_LEFT_OUT.match(lines[first]):
            raise _only_in_a_notebook(lines[first], first, cell, named)
        lines[first] = f"# {lines[first]}"
    if _is_python("\n".join(lines)):
        return lines  # % and ! stand in texts, or go on with a line before
    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]
    begin = next(n for n, line in enumerate(lines) if line.strip())  # it drops empty lines there
    changed = manager.transform_cell("\n".join(lines[begin:])).rstrip("\n").split("\n")
    changed = [*lines[:begin], *changed]
    if len(changed) != len(lines):
        return lines  # what is wrong with it is told when all is looked over
    for number, (line, is_now) in enumerate(zip(lines, changed, strict=True)):
        if line == is_now or "get_ipython()" not in is_now:
            continue
        magic = _LINE_MAGIC.match(is_now)
        if magic is None or magic[2] not in _LEFT_OUT:
            raise _only_in_a_notebook(line, number, cell, named)
        lines[number] = f"{magic[1]}pass  # {line.strip()}" if magic[1] else f"# {line}"
    return lines


def _is_python(source: str) -> bool:
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        compile(source, "<cell>", "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _only_in_a_notebook(line: str, number: int, cell: int, named: str) -> InvalidCell:
    return InvalidCell(
        f"Cell {cell} of {named}, line {number + 1}, works in a notebook only: "
        f"{line.strip()[:120]!r}. Leave it out, or write it in Python; packages are installed by "
        "--requirements. Nothing was sent."
    )
