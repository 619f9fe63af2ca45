"""What travels with a cell: variables (--in) and local files (--files), and the line about them."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kd_client.errors import BadOptions
from kd_magics import face
from kd_pipeline import values
from kd_pipeline.errors import TooLarge
from kd_pipeline.messages import Value
from kd_pipeline.quantities import size_text

LEFT_OUT = frozenset({"__pycache__", ".git", ".ipynb_checkpoints"})
MOST_FILES = 1000


def collect_values(
    names: Iterable[str], variables: Mapping[str, Any], pickle: bool
) -> dict[str, Value]:
    """Return variables as they travel; raises BadOptions, InvalidInput or TooLarge."""
    found = {}
    for name in names:
        if name not in variables:
            raise BadOptions(f"--in names {name!r}, but there is no variable of that name here.")
        found[name] = values.encode(variables[name], name=name, allow_pickle=pickle)
    return found


def collect_files(paths: Iterable[str], folder: Path) -> dict[str, bytes]:
    """Return the content of files, and of all files of folders, by the path they have in the job.

    Paths are relative to ``folder``, the notebook's. One from elsewhere (``../lib/util.py``) has
    its last part as its name in the job. Raises BadOptions and TooLarge.
    """
    found: dict[str, bytes] = {}
    total = 0
    for text in paths:
        path = Path(os.path.normpath(folder / Path(text).expanduser()))
        if not path.exists():
            raise BadOptions(f"--files names {text!r}, but nothing is at {path}.")
        base = folder if path.is_relative_to(folder) and path != folder else path.parent
        for file in sorted(_files(path)):
            name = file.relative_to(base).as_posix()
            total += file.stat().st_size
            if len(found) >= MOST_FILES or total > values.LARGEST_VALUES:
                raise TooLarge(
                    f"--files {text}: at most {MOST_FILES:,} files and "
                    f"{size_text(values.LARGEST_VALUES)} are sent. {face.typed('put', text)} puts "
                    "it into the project repository; read it from there."
                )
            found[name] = file.read_bytes()
    return found


def _files(path: Path) -> Iterable[Path]:
    if path.is_file():
        return [path]
    return (
        Path(root, name)
        for root, folders, names in _walk(path)
        for name in names
        if Path(root, name).is_file() and not name.endswith(".pyc")
    )


def _walk(path: Path) -> Iterable[tuple[str, list[str], list[str]]]:
    for root, folders, names in os.walk(path):
        folders[:] = [folder for folder in folders if folder not in LEFT_OUT]
        yield root, folders, names


def sent_line(inputs: Mapping[str, Value], files: Mapping[str, bytes]) -> str:
    """Return ``Sent: df (DataFrame, Arrow, 31 kB), util.py (1 kB).``, or nothing."""
    parts = [values.describe(value, name) for name, value in inputs.items()]
    parts += [f"{path} ({size_text(len(content))})" for path, content in list(files.items())[:10]]
    if len(files) > 10:
        rest = sum(map(len, files.values())) - sum(len(c) for c in list(files.values())[:10])
        parts.append(f"{len(files) - 10} more files ({size_text(rest)})")
    return f"Sent: {', '.join(parts)}." if parts else ""
