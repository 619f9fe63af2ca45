"""The sha256 and size of a file or folder of the project repository."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from kd_pipeline.regular_files import open_regular

Digest = Callable[[Path], tuple[str, int]]


def of_file(path: Path) -> tuple[str, int]:
    """Return sha256 (hex) and bytes of a regular file; raises OSError."""
    with os.fdopen(open_regular(path), "rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        return digest, content.tell()


def files_of(path: Path) -> dict[str, Path]:
    """Return a folder's files by their paths relative to it, in order; a file is its only one.

    Links are followed, also those to folders; each folder is entered once. What is being copied
    (hidden, and ``.partial``) does not count.
    """
    if path.is_file():
        return {path.name: path}
    found: dict[str, Path] = {}
    entered: set[Path] = set()
    for folder, below, names in os.walk(path, followlinks=True):
        real = Path(folder).resolve()
        if real in entered:  # a link to a folder above it
            below.clear()
            continue
        entered.add(real)
        whole = (name for name in names if not (name[:1] == "." and name.endswith(".partial")))
        files = [file for file in map(Path(folder).joinpath, whole) if file.is_file()]
        found |= {file.relative_to(path).as_posix(): file for file in files}
    return dict(sorted(found.items()))


def fingerprint(path: Path, digest: Digest = of_file) -> tuple[str, int]:
    """Return sha256 (hex) and bytes of a file, or of a folder's files with their names.

    A folder's sum is over a line ``<relative path>\\0<size>\\0<sha256>\\n`` per file, in order of
    the paths, so it does not depend on times or on the folder's own name. ``digest`` is what sums
    one file up.
    """
    if not path.is_dir():
        return digest(path)
    total, size = hashlib.sha256(), 0
    for name, file in files_of(path).items():
        one, length = digest(file)
        total.update(f"{name}\0{length}\0{one}\n".encode(errors="surrogateescape"))
        size += length
    return total.hexdigest(), size
