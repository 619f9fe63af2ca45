"""The cells of saved notebooks: whether one is still the code that a job was given."""

import hashlib
import json
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from kd_pipeline.errors import NotFound
from kd_pipeline.messages.sidebar import NotebookPlace
from kd_pipeline.sent_cells import sent_code

LARGEST_NOTEBOOK = 64 * 1024 * 1024
MOST_KEPT = 64
LONGEST_NAME = 80
Stamp = tuple[int, int, int]


class NotebookCells:
    """The notebooks below the Jupyter server's root folder; each is read once per saving."""

    def __init__(self, root: Path) -> None:
        self._root, self._lock = root.resolve(), threading.Lock()
        self._kept: OrderedDict[Path, tuple[Stamp, dict[str, str]]] = OrderedDict()

    def changed(self, notebook: str, cell_id: str, code_sha256: str) -> bool | None:
        """Tell whether a cell sends other code now than that of the sha256; None is not known.

        It is not known of a notebook that is not below the root, and of a cell that is not there.
        """
        if not (notebook and cell_id and code_sha256):
            return None
        try:
            path = (self._root / notebook).resolve()
            if path.suffix != ".ipynb" or self._root not in path.parents:
                return None
            with self._lock:
                found = self._cells(path).get(cell_id)
        except (OSError, ValueError, RuntimeError, RecursionError):  # gone, or no notebook
            return None
        return None if found is None else found != code_sha256

    def place(self, notebook: str, cell_id: str) -> NotebookPlace:
        """Return where a notebook is below the root, and whether it still has a cell.

        Raises NotFound for one that is not there, or elsewhere.
        """
        name = notebook.rpartition("/")[2][:LONGEST_NAME]
        try:
            path = (self._root / notebook).resolve()
            is_below = self._root in path.parents
            is_there = is_below and path.suffix == ".ipynb" and path.is_file()
        except (OSError, ValueError, RuntimeError):
            is_below = is_there = False
        if not is_there:
            raise NotFound(
                f"Notebook {name!r} is no longer where the job was sent from."
                if is_below
                else f"Notebook {name!r} is not below this JupyterLab's folder, so it cannot be "
                "opened here."
            )
        try:
            with self._lock:
                has_cell = cell_id in self._cells(path)
        except (OSError, ValueError, RecursionError):
            has_cell = False  # JupyterLab will tell what is wrong with it
        return NotebookPlace(path.relative_to(self._root).as_posix(), has_cell)

    def _cells(self, path: Path) -> dict[str, str]:
        """Return by cell id the sha256 of what each cell sends, "" where it sends nothing."""
        stat = path.stat()
        stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        held = self._kept.get(path)
        if held and held[0] == stamp:
            self._kept.move_to_end(path)
            return held[1]
        if stat.st_size > LARGEST_NOTEBOOK:
            return {}
        content: Any = json.loads(path.read_bytes())
        cells = content.get("cells") if isinstance(content, dict) else None
        sums = dict(_sum(cell) for cell in cells or [] if _is_code(cell))
        self._kept[path] = stamp, sums
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return sums


def _is_code(cell: Any) -> bool:
    return isinstance(cell, dict) and cell.get("cell_type") == "code" and bool(cell.get("id"))


def _sum(cell: dict[str, Any]) -> tuple[str, str]:
    source = cell.get("source") or ""
    code = sent_code(source if isinstance(source, str) else "".join(source))
    encoded = None if code is None else code.encode(errors="surrogatepass")
    return str(cell["id"]), "" if encoded is None else hashlib.sha256(encoded).hexdigest()
