"""A notebook file as one job: its code cells in their order, without what a front end needs."""

import json
import re
from typing import Any

from kd_magics.errors import InvalidCell
from kd_pipeline.errors import InvalidInput

# Line magics that a job does by itself or has no use for; of cell magics the cell's code stays.
_LEFT_OUT = re.compile(
    r"\s*%(?:matplotlib|load_ext|reload_ext|unload_ext|autoreload|config|pylab|precision|xmode|pdb)\b"
)
_CELL_MAGIC_LEFT_OUT = re.compile(r"%%(?:time|timeit|capture|prun)\b")
_OTHER = re.compile(r"\s*[%!]")
_PYTHON = ("", "python", "python3", "ipython", "ipython3")


def notebook_code(content: bytes, named: str) -> tuple[str, str, list[int]]:
    """Return a notebook's code, no script's name, and the lines at which its cells begin.

    Raises InvalidInput where the file is no notebook of Python, InvalidCell for a line that works
    in a notebook only.
    """
    cells = _code_cells(content, named)
    lines: list[str] = []
    begins: list[int] = []
    for number, source in cells:
        if not source.strip():
            continue
        begins.append(len(lines) + 1)
        lines.append(f"# %% cell {number} of {named.rpartition('/')[2]}")
        lines += [_job_line(line, n, number, named) for n, line in enumerate(source.splitlines())]
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


def _job_line(line: str, number: int, cell: int, named: str) -> str:
    """Return a line as it runs in a job; what is left out stays as a comment in its place."""
    if _LEFT_OUT.match(line) or (number == 0 and _CELL_MAGIC_LEFT_OUT.match(line)):
        indent = line[: len(line) - len(line.lstrip())]
        return f"{indent}pass  # {line.strip()}" if indent else f"# {line}"
    if _OTHER.match(line):
        raise InvalidCell(
            f"Cell {cell} of {named}, line {number + 1}, works in a notebook only: "
            f"{line.strip()[:120]!r}. Leave it out, or write it in Python; packages are installed "
            "by --requirements. Nothing was sent."
        )
    return line
