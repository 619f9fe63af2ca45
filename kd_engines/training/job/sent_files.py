"""Files that were sent with a job's code are found under their relative names.

A job works in the project repository's folder, which is everybody's, and has what was sent in a
folder of its own. Python's own ways to files (`open`, `os.stat`, `os.listdir` and all that is made
of them) look there first: what is read, changed in place, renamed or removed is the job's own.
What is written anew goes into the project repository, and hides what was sent.

A library that opens files without Python, such as polars or sqlite3, does not find them, nor do
processes that joblib or a shell starts: these take ``KD_JOB_FILES``, the folder.
"""

# Names stay as they were given, which pathlib does not see to.
# ruff: noqa: PTH103, PTH109, PTH110, PTH117, PTH120

import builtins
import functools
import glob
import io
import os
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath
from typing import Any

from kd_engines.training.job.both_folders import BothFolders

FILES_VARIABLE = "KD_JOB_FILES"
# What is done to a file where it is.
DONE = (
    *("stat", "lstat", "access", "chmod", "utime", "truncate", "readlink"),
    *("getxattr", "listxattr", "setxattr", "removexattr"),
)
Function = Callable[..., Any]


class SentFiles:
    """The names of what was sent into ``folder``, as code that works in ``root`` has them."""

    def __init__(self, names: Collection[str], folder: str, root: str) -> None:
        self._folder = folder
        self._root = os.path.realpath(root)
        self._files = set(names)
        self._folders = {str(up) for name in names for up in PurePosixPath(name).parents}

    def find(self, path: Any) -> Any:
        """Return where ``path`` lies: in the sent files, or just there."""
        name = self._name(path)
        if name in self._files or (name in self._folders and not self._has(name)):
            found = f"{self._folder}/{name}"
            return os.fsencode(found) if isinstance(path, bytes) else found
        return path

    def also(self, path: Any) -> str:
        """Return the sent folder whose files are to be listed with those at ``path``, or ""."""
        name = self._name(path)
        return f"{self._folder}/{name}" if name in self._folders and self._has(name) else ""

    def is_sent(self, path: Any) -> bool:
        """Tell whether ``path`` is the name of a sent file."""
        return self._name(path) in self._files

    def prepare(self, path: Any) -> None:
        """Have in the project repository the folder that something is to be made in."""
        self._make(os.path.dirname(self._name(path)))

    def make(self, path: Any) -> None:
        """Have in the project repository the folder at ``path``, where it was sent."""
        self._make(self._name(path))

    def _make(self, folder: str) -> None:
        if folder in self._folders and not self._has(folder):
            os.makedirs(f"{self._root}/{folder}", exist_ok=True)

    def written(self, path: Any, write: Callable[[], Any]) -> Any:
        """Return what ``write`` does, which makes the project repository's file at ``path``."""
        self.prepare(path)
        found = write()
        self.forget(path)
        return found

    def forget(self, path: Any) -> None:
        """Take a name as that of the project repository's file from now on."""
        self._files.discard(self._name(path))

    def _has(self, name: str) -> bool:
        return os.path.exists(f"{self._root}/{name}")

    def _name(self, path: Any) -> str:
        """Return a path relative to the root, "." for itself; "" for any other, and no path."""
        if not isinstance(path, str | bytes | os.PathLike):
            return ""
        text = os.fsdecode(path)
        if not text or os.path.isabs(text):
            return ""
        whole = os.path.normpath(f"{os.getcwd()}/{text}")
        if whole == self._root:
            return "."
        return whole.removeprefix(f"{self._root}/") if whole.startswith(f"{self._root}/") else ""


def _elsewhere(named: dict[str, Any]) -> bool:
    """Tell whether a path is that of an open folder."""
    return any(named.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd"))


def _opening(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def opened(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        is_anew = isinstance(mode, str) and "w" in mode
        if (sent.is_sent(file) and not is_anew) or not isinstance(mode, str) or "r" in mode:
            return original(sent.find(file), mode, *args, **named)
        return sent.written(file, lambda: original(file, mode, *args, **named))

    return opened


def _opening_flags(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def opened(path: Any, flags: int, *args: Any, **named: Any) -> Any:
        if _elsewhere(named):
            return original(path, flags, *args, **named)
        anew = os.O_TRUNC if sent.is_sent(path) else os.O_TRUNC | os.O_CREAT
        if not flags & anew:
            return original(sent.find(path), flags, *args, **named)
        return sent.written(path, lambda: original(path, flags, *args, **named))

    return opened


def _doing(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def done(path: Any, *args: Any, **named: Any) -> Any:
        path = path if _elsewhere(named) else sent.find(path)
        return original(path, *args, **named)

    return done


def _removing(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def removed(path: Any, **named: Any) -> None:
        if _elsewhere(named):
            original(path, **named)
        else:
            original(sent.find(path), **named)
            sent.forget(path)

    return removed


def _making(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def made(path: Any, *args: Any, **named: Any) -> Any:
        if not _elsewhere(named):
            sent.prepare(path)
        return original(path, *args, **named)

    return made


def _changing(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def changed(path: Any) -> None:
        sent.make(path)
        original(path)

    return changed


def _moving(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def moved(src: Any, dst: Any, **named: Any) -> None:
        if _elsewhere(named):
            original(src, dst, **named)
            return
        sent.written(dst, lambda: original(sent.find(src), dst, **named))
        sent.forget(src)

    return moved


def _listing(sent: SentFiles, original: Function) -> Function:
    @functools.wraps(original)
    def listed(path: Any = ".") -> Any:
        also, found = sent.also(path), sent.find(path)
        if found is not path:  # a folder that is here alone
            entries = original(found)
            return entries if isinstance(entries, list) else BothFolders(path, entries)
        if not also:
            return original(path)
        entries = original(path)
        more = original(os.fsencode(also) if isinstance(path, bytes) else also)
        if isinstance(entries, list):
            return list({*entries, *more})
        return BothFolders(path, more, entries)

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
    wrappers = {name: _doing for name in DONE if hasattr(os, name)}
    wrappers |= dict.fromkeys(("remove", "unlink"), _removing)
    wrappers |= dict.fromkeys(("rename", "replace"), _moving)
    wrappers |= dict.fromkeys(("listdir", "scandir"), _listing)
    wrappers |= {"open": _opening_flags, "mkdir": _making, "chdir": _changing}
    for name, wrapper in wrappers.items():
        _replace(name, wrapper, sent)
    globber = getattr(glob, "_StringGlobber", None)  # of Python 3.13, which pathlib uses too
    for name in ("scandir", "lstat"):
        if hasattr(globber, name):
            setattr(globber, name, staticmethod(getattr(os, name)))
