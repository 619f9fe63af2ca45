"""The project repository's folders, for the file pickers; nothing outside of it is ever shown."""

import os
from datetime import UTC, datetime
from pathlib import Path

from kd_pipeline.errors import KdError, PathNotFound
from kd_pipeline.messages.sidebar_models import RepositoryEntry, RepositoryFolder
from kd_pipeline.project_repository import ProjectRepository

MOST_ENTRIES = 1000


def folder(path: str) -> RepositoryFolder:
    """Return what is in a folder ("" is the root): folders first, MOST_ENTRIES at most.

    Left out are hidden files, links that lead out, and names that no path here may have. Raises
    UnsafePath, PathNotFound.
    """
    repository = ProjectRepository.default()
    found = repository.existing(path) if path else repository.root
    if not found.is_dir():
        raise PathNotFound(f"{path!r} is a file, not a folder of the project repository.")
    inside = _relative(found, repository)
    try:
        with os.scandir(found) as listed:
            names = [(not _is_folder(entry), entry.name) for entry in listed]
    except OSError as error:
        raise PathNotFound(f"{path!r} cannot be read: {error.strerror or error}.") from None
    names = sorted(name for name in names if not name[1].startswith("."))
    entries: list[RepositoryEntry] = []
    left_out = 0
    for _, name in names:
        if len(entries) == MOST_ENTRIES:
            left_out = len(names) - len(entries)
            break
        if entry := _entry(name, f"{inside}/{name}".lstrip("/"), repository):
            entries.append(entry)
    return RepositoryFolder(inside, entries, left_out)


def _entry(name: str, path: str, repository: ProjectRepository) -> RepositoryEntry | None:
    """Return an entry, None where it is none that could be registered or opened."""
    try:
        name.encode()
        target = repository.existing(path)
        stat = target.stat()
    except (KdError, OSError, UnicodeEncodeError):
        return None
    is_folder = target.is_dir()
    modified = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat(timespec="seconds")
    return RepositoryEntry(
        name=name,
        path=path,
        is_folder=is_folder,
        size_bytes=None if is_folder else stat.st_size,
        modified=modified.replace("+00:00", "Z"),
    )


def _relative(path: Path, repository: ProjectRepository) -> str:
    relative = path.relative_to(repository.root).as_posix()
    return "" if relative == "." else relative


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
