"""The sha256 and size of a file or folder of the project repository."""

import hashlib
from pathlib import Path


def fingerprint(path: Path) -> tuple[str, int]:
    """Return sha256 (hex) and bytes of a file, or of a folder's files with their names.

    A folder's sum is over a line ``<relative path>\\0<size>\\0<sha256>\\n`` per file, in order of
    the paths, so it does not depend on times or on the folder's own name.
    """
    if path.is_file():
        return _of_file(path)
    total, size = hashlib.sha256(), 0
    files = {file.relative_to(path).as_posix(): file for file in path.rglob("*") if file.is_file()}
    for name in sorted(files):
        digest, length = _of_file(files[name])
        total.update(f"{name}\0{length}\0{digest}\n".encode(errors="surrogateescape"))
        size += length
    return total.hexdigest(), size


def _of_file(path: Path) -> tuple[str, int]:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        return digest, content.tell()
