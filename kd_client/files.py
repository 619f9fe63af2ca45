"""Files into the project repository and out of it: whole or not at all, resumed, with their sums.

A copy grows as a hidden ``.<target>.<source>.partial`` beside its place, and takes that when it is
whole. Its name is of the source as it is now, so the same command goes on where one was
interrupted; who writes it holds a lock on it.
"""

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from kd_pipeline import fingerprints
from kd_pipeline.errors import Conflict, InvalidInput, PathNotFound, Unavailable

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


@dataclass
class Plan:
    """What is to be copied: files with their places, folders to be made, and what is left out.

    That are links to folders, links that lead nowhere, and what is neither file nor folder.
    """

    files: dict[Path, Path] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)

    def add(self, source: Path, target: Path) -> None:
        """Take a file or folder, whose place is in ``target``, if that is a folder.

        Raises PathNotFound where nothing is, InvalidInput for what cannot be copied there.
        """
        source = Path(os.path.abspath(source))  # noqa: PTH100 - without following links
        place = target / source.name if target.is_dir() else target
        kind = _kind(source)
        if kind is None:
            raise PathNotFound(f"There is no file or folder {source}.")
        if kind == stat.S_IFREG:
            self._take(source, place)
        elif kind == stat.S_IFDIR:
            if place.resolve().is_relative_to(source.resolve()):
                raise InvalidInput(f"{place} lies within {source}, so that cannot be copied there.")
            self._add_folder(source, place)
        else:
            raise InvalidInput(f"{source} is neither a file nor a folder.")

    def _take(self, source: Path, place: Path) -> None:
        if place in self.files.values():
            raise InvalidInput(f"Two of the files would be {place}; copy them one by one.")
        self.files[source] = place

    def _add_folder(self, source: Path, place: Path) -> None:
        def fail(error: OSError) -> None:
            raise error

        for folder, below, names in os.walk(source, onerror=fail):
            here = place / Path(folder).relative_to(source)
            self.folders.append(here)
            self.left_out += (
                Path(folder, name) for name in below if Path(folder, name).is_symlink()
            )
            for name in sorted(names):
                path = Path(folder, name)
                if _kind(path) == stat.S_IFREG:
                    self._take(path, here / name)
                else:
                    self.left_out.append(path)


def _kind(path: Path) -> int | None:
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return None


def copy(source: Path, target: Path, replace: bool = False, told: Told = lambda *_: None) -> Copied:
    """Copy one file.

    Raises Conflict where another one has its place and is not to be replaced, InvalidInput where it
    changes meanwhile or cannot be read, Unavailable where its copy cannot be written.
    """
    try:
        content = source.open("rb")
    except OSError as error:
        raise InvalidInput(f"{source} cannot be read: {error.strerror or error}.") from None
    with content:
        before = os.fstat(content.fileno())
        try:
            if target.is_dir():
                raise Conflict(f"{target} is a folder.")
            there = _same(source, before, target)
            if there:
                return there
            if os.path.lexists(target) and not replace:
                raise Conflict(f"{target} is there with other content.")
            target.parent.mkdir(parents=True, exist_ok=True)
            with _partial(source, before, target) as (path, copied):
                digest, resumed = _same_beginning(content, copied)
                size = _append(content, copied, digest, resumed, (before.st_size, told))
                _check_unchanged(source, before, size, path)
                _publish(path, copied, target, replace, before)
        except OSError as error:
            raise Unavailable(
                f"{target} cannot be written ({error.strerror or error}); what was copied is kept, "
                "and the same command goes on from there."
            ) from None
    return Copied(target, size, digest.hexdigest(), resumed=resumed)


def _same(source: Path, before: os.stat_result, target: Path) -> Copied | None:
    if target.is_file() and target.stat().st_size == before.st_size:
        ours, there = fingerprints.of_file(source), fingerprints.of_file(target)
        if ours == there:
            return Copied(target, before.st_size, ours[0], was_there=True)
    return None


@contextlib.contextmanager
def _partial(source: Path, found: os.stat_result, target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open the copy that grows, for nobody else; raises Conflict where somebody has it."""
    begin = f".{_sum(target.name)}."
    now = _sum("\0".join(map(str, (source.resolve(), found.st_size, found.st_mtime_ns))))
    path = target.with_name(f"{begin}{now}.partial")
    with path.open("a+b") as copied:
        try:
            fcntl.flock(copied, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"{target} is being copied by somebody else right now.") from None
        if not path.exists() or not os.path.samestat(os.fstat(copied.fileno()), path.stat()):
            raise Conflict(f"{target} was copied by somebody else just now.")
        yield path, copied
    for older in target.parent.glob(f"{begin}*.partial"):
        older.unlink(missing_ok=True)  # of the source as it was before


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


def _check_unchanged(source: Path, before: os.stat_result, size: int, partial: Path) -> None:
    after = source.stat()
    if (size, after.st_mtime_ns) != (after.st_size, before.st_mtime_ns):
        partial.unlink()
        raise InvalidInput(f"{source} has changed while it was copied; copy it again.")


def _publish(
    partial: Path, copied: BinaryIO, target: Path, replace: bool, source: os.stat_result
) -> None:
    """Put a whole copy into its place, with the mode of what was there, or of its source."""
    os.fsync(copied.fileno())
    known = target.stat() if replace and target.exists() else source
    os.fchmod(copied.fileno(), stat.S_IMODE(known.st_mode) & 0o777)
    if replace:
        partial.replace(target)
        return
    try:
        os.link(partial, target)
    except FileExistsError:
        raise Conflict(f"{target} is there with other content.") from None
    partial.unlink()


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]
