"""Files that were sent with a job's code are found under their relative names.

A job works in the project repository's folder, which is everybody's, and has what was sent in a
folder of its own. Python's own ways of reading (`open`, `os.stat`, `os.listdir` and all that is
made of them) look there first. A library that opens files without Python, such as polars, does not.
"""

# Names stay as they were given, which pathlib does not see to.
# ruff: noqa: PTH103, PTH109, PTH110, PTH117, PTH120

import builtins
import functools
import io
import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Self

FILES_VARIABLE = "KD_JOB_FILES"
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
Function = Callable[..., Any]


class SentFiles:
    """The names of what was sent into ``folder``, as code that works in ``root`` has them.

    What the job itself writes under one of the names is what it reads from then on.
    """

    def __init__(self, names: Collection[str], folder: str, root: str) -> None:
        self._folder = folder
        self._root = os.path.realpath(root)
        self._files = set(names)
        self._folders = {str(up) for name in names for up in PurePosixPath(name).parents} - {"."}

    def find(self, path: Any) -> Any:
        """Return where what is read at ``path`` lies: in the sent files, or just there."""
        name = self._name(path)
        if name in self._files or (name in self._folders and not self._has(name)):
            return f"{self._folder}/{name}"
        return path

    def also(self, path: Any) -> str:
        """Return the sent folder whose files are to be listed with those at ``path``, or ""."""
        name = self._name(path)
        return f"{self._folder}/{name}" if name in self._folders and self._has(name) else ""

    def write(self, path: Any) -> None:
        """Prepare for something that is written at ``path``, into the project repository."""
        name = self._name(path)
        self._files.discard(name)
        if (folder := os.path.dirname(name)) in self._folders:
            os.makedirs(f"{self._root}/{folder}", exist_ok=True)

    def _has(self, name: str) -> bool:
        return os.path.exists(f"{self._root}/{name}")

    def _name(self, path: Any) -> str:
        """Return a path relative to the root; "" for any other, and for what is no path."""
        if not isinstance(path, str | bytes | os.PathLike):
            return ""
        text = os.fsdecode(path)
        if not text or os.path.isabs(text):
            return ""
        whole = os.path.normpath(f"{os.getcwd()}/{text}")
        return whole.removeprefix(f"{self._root}/") if whole != self._root else ""


class _BothFolders:
    """What `os.scandir` returns, for two folders; what is in the first hides its like."""

    def __init__(self, first: Any, second: Any) -> None:
        self._both = (first, second)
        self._entries = self._merged()

    def _merged(self) -> Iterator[Any]:
        seen = set()
        for folder in self._both:
            for entry in folder:
                if entry.name not in seen:
                    seen.add(entry.name)
                    yield entry

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        for folder in self._both:
            folder.close()


def _opening(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def opened(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        if isinstance(mode, str) and "r" not in mode:
            sent.write(file)
        else:
            file = sent.find(file)
        return original(file, mode, *args, **named)

    return opened


def _opening_flags(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def opened(path: Any, flags: int, *args: Any, **named: Any) -> Any:
        if flags & WRITES:
            sent.write(path)
        elif named.get("dir_fd") is None:
            path = sent.find(path)
        return original(path, flags, *args, **named)

    return opened


def _asking(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def asked(path: Any, *args: Any, **named: Any) -> Any:
        path = sent.find(path) if named.get("dir_fd") is None else path
        return original(path, *args, **named)

    return asked


def _listing(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def listed(path: Any = ".") -> Any:
        found = original(sent.find(path))
        if not (also := sent.also(path)):
            return found
        more = original(os.fsencode(also) if isinstance(path, bytes) else also)
        return list({*found, *more}) if isinstance(found, list) else _BothFolders(more, found)

    return listed


def _replace(
    name: str, wrapper: Callable[[SentFiles, Function], Function], sent: SentFiles
) -> None:
    """Replace a function of `os`, also where `os` lists what it can do."""
    original = getattr(os, name)
    replaced = wrapper(sent, original)
    for able in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks):
        if original in able:
            able.add(replaced)
    setattr(os, name, replaced)


def install(folder: Path) -> None:
    """Let this process find the files of ``folder``, unless all are modules to import."""
    names = [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]
    if all(name.endswith(".py") for name in names):
        return
    sent = SentFiles(names, str(folder), os.environ.get("KD_PROJECT_REPO", "."))
    builtins.open = io.open = _opening(sent, builtins.open)
    _replace("open", _opening_flags, sent)
    for name in ("stat", "lstat", "access"):
        _replace(name, _asking, sent)
    for name in ("listdir", "scandir"):
        _replace(name, _listing, sent)
