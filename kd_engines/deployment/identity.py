"""What a model version is made of, as one sha256: equal sums need no new worker."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from kd_pipeline.model_config import ModelConfig
from kd_pipeline.regular_files import open_regular

_known: dict[tuple[str, int, int, int], bytes] = {}


def identity(model: ModelConfig, script: Path, path: Path) -> str:
    """Return the sha256 (hex) of a model's ConfigMap data, its script and its files.

    The description, which alone of a version may change, is no part of it.

    Files that have not changed since the last call are not read again. Raises OSError.
    """
    total = hashlib.sha256()
    for key, value in sorted(replace(model, description="").data().items()):
        total.update(f"{key}\0{value}\0".encode())
    for file in (script, *files(path)):
        total.update(f"{file}\0".encode() + _digest(file))
    return total.hexdigest()


def files(path: Path) -> list[Path]:
    """Return the files of a model in a fixed order: itself, or all below the folder."""
    if not path.is_dir():
        return [path]
    found = [Path(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sorted(file for file in found if file.is_file())


def _digest(file: Path) -> bytes:
    status = file.stat()
    key = (str(file), status.st_ino, status.st_size, status.st_mtime_ns)
    if key not in _known:
        with os.fdopen(open_regular(file), "rb") as content:
            _known[key] = hashlib.file_digest(content, "sha256").digest()
    return _known[key]
