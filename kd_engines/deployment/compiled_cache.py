"""Compiled models kept from one start of an engine to the next: compiling takes a second each.

They lie on this machine, in a folder of the engine's own user: what is in it is served as it is. An
entry is found by the sum of the model's files and settings, and of what compiled it.
"""

import contextlib
import hashlib
import logging
import os
import platform
from importlib import metadata
from pathlib import Path

import msgspec

from kd_engines.deployment.wire import Loaded
from kd_engines.own_cache import is_own, own_cache
from kd_pipeline import model_formats
from kd_pipeline.atomic import sweep, write_atomic

log = logging.getLogger("kd_engines.deployment")
VERSION = 1  # of what an entry is
LIBRARIES = (
    *("kd-magics", "lightgbm", "numpy", "onnx", "onnxmltools", "onnxruntime"),
    *("scikit-learn", "skl2onnx", "skops", "xgboost", "xgboost-cpu"),
)
MOST_BYTES = 4 * 1024**3
MOST_ENTRIES = 10_000
PRUNE_EVERY = 100
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Loaded).decode


class CompiledCache:
    """The entries in ``folder``; without one, or where it is not safe, there are none."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder if folder and is_own(folder, "compiled models") else None
        self._versions = _versions()
        if self._folder:
            sweep(self._folder)
        self._puts = 0

    @classmethod
    def default(cls) -> "CompiledCache":
        """Return that of ``KD_COMPILED_CACHE``, else below ``XDG_CACHE_HOME`` or ``~/.cache``."""
        return cls(own_cache("compiled", "KD_COMPILED_CACHE"))

    def get(self, sha256: str) -> Loaded | None:
        """Return what was compiled of the model whose identity this is; None where nothing was."""
        path = self._path(sha256)
        if path is None:
            return None
        try:
            content = path.read_bytes()
            if hashlib.sha256(content[32:]).digest() != content[:32]:
                raise ValueError("half of an entry")
            loaded = _decode(content[32:])
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            log.warning("%s is not used: %s", path, error)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return loaded

    def put(self, sha256: str, loaded: Loaded) -> None:
        """Keep what was compiled; where that cannot be, it is compiled again next time."""
        path = self._path(sha256)
        if path is None:
            return
        body = _encode(loaded)
        try:
            write_atomic(path, hashlib.sha256(body).digest() + body)
            if self._puts % PRUNE_EVERY == 0:
                self._prune()
            self._puts += 1
        except OSError as error:
            log.warning("a compiled model could not be kept: %s", error)

    def drop(self, sha256: str) -> None:
        """Forget what was compiled: it cannot be loaded."""
        path = self._path(sha256)
        if path:
            with contextlib.suppress(OSError):
                path.unlink()

    def _path(self, sha256: str) -> Path | None:
        if self._folder is None:
            return None
        name = hashlib.sha256(f"{sha256}\0{self._versions}".encode()).hexdigest()
        return self._folder / f"{name}.kdm"

    def _prune(self) -> None:
        """Drop what has not been used for longest, down to the limits."""
        assert self._folder  # noqa: S101 - for the type checker
        entries = []
        for path in self._folder.glob("*.kdm"):
            with contextlib.suppress(FileNotFoundError):  # another engine's turn
                entries.append((path.stat(), path))
        size = sum(status.st_size for status, _ in entries)
        count = len(entries)
        for status, path in sorted(entries, key=lambda entry: entry[0].st_mtime):
            if size <= MOST_BYTES and count <= MOST_ENTRIES:
                return
            path.unlink(missing_ok=True)
            size, count = size - status.st_size, count - 1


def _versions() -> str:
    found = [f"{VERSION} {platform.python_version()} {platform.machine()} {platform.processor()}"]
    here = Path(__file__).parent
    sources = [here / "worker" / "model_format.py", Path(model_formats.__file__)]
    for source in (*sorted(here.glob("formats/*.py")), *sources):
        found.append(hashlib.sha256(source.read_bytes()).hexdigest())
    with contextlib.suppress(OSError, StopIteration):  # what was compiled may be for one kind only
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        found.append(next(line for line in lines if line.startswith(("flags", "Features"))))
    for name in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return "\n".join(found)
