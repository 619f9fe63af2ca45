"""The sha256 of models' files, taken once for as long as nothing about the files changes."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from kd_client.models.registration import Fingerprint
from kd_pipeline.fingerprints import fingerprint

MOST_FILES = 20_000
MOST_KEPT = 4096


@dataclass(frozen=True)
class Signature:
    """What the file system tells of a file or folder: it is other when a file in it is.

    ``newest`` is when anything of it was last changed (seconds since the epoch).
    """

    digest: str
    size_bytes: int
    newest: float


def signature(path: Path) -> Signature | None:
    """Return a path's signature; None where it is gone, or holds more than MOST_FILES files."""
    total, size, newest = hashlib.blake2b(), 0, 0.0
    try:
        files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
        if len(files) > MOST_FILES:
            return None
        for file in files:
            found = file.stat()
            told = (file, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
            total.update(repr(told).encode(errors="surrogateescape"))
            size += found.st_size
            newest = max(newest, found.st_mtime, found.st_ctime)
    except OSError:
        return None
    return Signature(total.hexdigest(), size, newest)


class FileSums:
    """Sums of files and folders, the MOST_KEPT last used, taken by ``summed``."""

    def __init__(self, summed: Fingerprint = fingerprint) -> None:
        self._summed = summed
        self._lock = threading.Lock()
        self._kept: OrderedDict[Path, tuple[str, tuple[str, int]]] = OrderedDict()

    def known(self, path: Path, now: Signature) -> tuple[str, int] | None:
        """Return sha256 and bytes of a path that is as it was when they were taken, or None."""
        with self._lock:
            held = self._kept.get(path)
            if held is None or held[0] != now.digest:
                return None
            self._kept.move_to_end(path)
            return held[1]

    def of(self, path: Path) -> tuple[str, int]:
        """Return sha256 and bytes of a file or folder (see ``fingerprint``); this may take long."""
        before = signature(path)
        known = before and self.known(path, before)
        if known:
            return known
        sums = self._summed(path)
        if before is not None and before == signature(path):
            with self._lock:
                self._kept[path] = before.digest, sums
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return sums
