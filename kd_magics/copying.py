"""What %put, %get and `kd cp` have in common: places, progress, and what they say."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kd_client import files
from kd_magics import face
from kd_magics.cells.provenance import notebook_folder
from kd_magics.options import Options
from kd_pipeline.errors import PathNotFound
from kd_pipeline.project_repository import SCHEME, ProjectRepository
from kd_pipeline.quantities import size_text

REDRAW_S = 0.2
SHOWN_FROM = 16 * 1024 * 1024  # bytes


def local(text: str) -> Path:
    """Return a path of this notebook, or of this terminal's folder."""
    return notebook_folder() / Path(text).expanduser()


def add_replace(options: Options) -> None:
    """Add the option that overwrites."""
    options.add_argument("--replace", action="store_true")


def copy_all(sources: Iterable[Path], target: Path, replace: bool) -> list[dict[str, Any]]:
    """Copy files and folders, say of each file that it is there, and return that as data."""
    done = []
    for source in sources:
        for file, place in files.to_copy(source, target):
            shown = _Progress(file.name)
            try:
                copied = files.copy(file, place, replace, shown)
            finally:
                shown.end()
            done.append(
                {
                    "path": _told(copied.target),
                    "bytes": copied.size,
                    "sha256": copied.sha256,
                    "was_there": copied.was_there,
                    "resumed": copied.resumed,
                }
            )
    return done


def say(done: list[dict[str, Any]]) -> None:
    """Print a line for each file."""
    for one in done:
        how = ", as it was" if one["was_there"] else ""
        if one["resumed"]:
            how = f", {size_text(one['resumed'])} of it from before"
        print(f"{one['path']}  {size_text(one['bytes'])}  sha256 {one['sha256'][:12]}…{how}")


def _told(path: Path) -> str:
    """Return how a file is called: in the project repository by its URI."""
    try:
        root = ProjectRepository.default().root
    except PathNotFound:
        return str(path)
    real = path.resolve()
    if real.is_relative_to(root):
        return f"{SCHEME}project_repo/{real.relative_to(root).as_posix()}"
    return str(path)


class _Progress:
    """A line that tells how far a large file is, drawn anew now and then."""

    def __init__(self, name: str) -> None:
        self._name, self._drawn, self._at = name, False, 0.0
        self._is_seen = not face.in_terminal() or sys.stdout.isatty()

    def __call__(self, so_far: int, whole: int) -> None:
        now = time.monotonic()
        if not self._is_seen or whole < SHOWN_FROM or now - self._at < REDRAW_S:
            return
        self._at, self._drawn = now, True
        print(
            f"\r{self._name}  {so_far / whole:4.0%}  {size_text(so_far)} of {size_text(whole)}   ",
            end="",
            flush=True,
        )

    def end(self) -> None:
        """Take the line away."""
        if self._drawn:
            print("\r" + " " * 78 + "\r", end="", flush=True)
