"""Files into the project repository and out of it: whole or not at all, resumed, with their sums.

A copy grows as ``.<name>.<key>.partial`` beside its place, and takes that when it is whole. The key
is that of the source as it is now, so the same command goes on where one was interrupted.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kd_pipeline import fingerprints
from kd_pipeline.errors import Conflict, InvalidInput, PathNotFound, Unavailable
from kd_pipeline.hints import Hint

PIECE = 1024 * 1024
Told = Callable[[int, int], None]  # bytes so far, bytes in all


@dataclass(frozen=True)
class Copied:
    """A file that is there now; ``was_there`` where it was, with the same content.

    ``size`` is in bytes, ``resumed`` how many of them an earlier attempt had copied.
    """

    target: Path
    size: int
    sha256: str
    was_there: bool = False
    resumed: int = 0


def to_copy(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each file of a file or folder, and its place: in ``target``, if that is a folder.

    Raises PathNotFound where nothing is.
    """
    if not source.exists():
        raise PathNotFound(f"There is no file or folder {source}.")
    place = target / source.name if target.is_dir() else target
    if source.is_file():
        yield source, place
        return
    for name, file in fingerprints.files_of(source).items():
        yield file, place / name


def copy(source: Path, target: Path, replace: bool = False, told: Told = lambda *_: None) -> Copied:
    """Copy one file.

    Raises Conflict where another one has its place and is not to be replaced, InvalidInput where it
    changes meanwhile or cannot be read, Unavailable where its copy cannot be written.
    """
    try:
        before = source.stat()
        with source.open("rb") as content:
            return _copy(content, source, before, target, replace, told)
    except OSError as error:
        raise InvalidInput(f"{source} cannot be read: {error.strerror or error}.") from None


def _copy(
    content: BinaryIO,
    source: Path,
    before: os.stat_result,
    target: Path,
    replace: bool,
    told: Told,
) -> Copied:
    if target.is_file() and target.stat().st_size == before.st_size:
        ours, there = fingerprints.of_file(source), fingerprints.of_file(target)
        if ours == there:
            return Copied(target, before.st_size, ours[0], was_there=True)
    if target.exists() and not replace:
        raise Conflict(
            f"{target} is there with other content.",
            hint=Hint("put", ("--replace",), "overwrites it"),
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{_key(source, before)}.partial")
        with partial.open("a+b") as copied:
            digest, resumed = _same_beginning(content, copied)
            size = _append(content, copied, digest, resumed, (before.st_size, told))
            os.fsync(copied.fileno())
        after = source.stat()
        if (size, after.st_mtime_ns) != (after.st_size, before.st_mtime_ns):
            partial.unlink()
            raise InvalidInput(f"{source} has changed while it was copied; copy it again.")
        partial.replace(target)
    except OSError as error:
        raise Unavailable(
            f"{target} cannot be written ({error.strerror or error}); what was copied is kept, and "
            "the same command goes on from there."
        ) from None
    return Copied(target, size, digest.hexdigest(), resumed=resumed)


def _same_beginning(content: BinaryIO, copied: BinaryIO) -> "tuple[hashlib._Hash, int]":
    """Keep what an earlier attempt has copied as far as it is the same; return its sum and size."""
    digest, same = hashlib.sha256(), 0
    copied.seek(0)
    while piece := copied.read(PIECE):
        if content.read(len(piece)) != piece:
            break
        digest.update(piece)
        same += len(piece)
    copied.truncate(same)
    content.seek(same)
    return digest, same


def _append(
    content: BinaryIO,
    copied: BinaryIO,
    digest: "hashlib._Hash",
    size: int,
    progress: tuple[int, Told],
) -> int:
    whole, told = progress
    told(size, whole)
    while piece := content.read(PIECE):
        digest.update(piece)
        copied.write(piece)
        size += len(piece)
        told(size, whole)
    copied.flush()
    return size


def _key(source: Path, found: os.stat_result) -> str:
    with contextlib.suppress(OSError):
        source = source.resolve()
    text = f"{source}\0{found.st_size}\0{found.st_mtime_ns}"
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]
