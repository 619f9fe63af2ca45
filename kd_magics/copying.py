"""What %put, %get and `kd cp` have in common: places, progress, and what they say."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kd_client import files
from kd_client.errors import BadOptions
from kd_magics import face
from kd_magics.cells.provenance import notebook_folder
from kd_magics.options import Options
from kd_pipeline.errors import Conflict, InvalidInput, PathNotFound, Unavailable
from kd_pipeline.hints import Hint
from kd_pipeline.project_repository import SCHEME, ProjectRepository
from kd_pipeline.quantities import size_text

REDRAW_S = 0.2
SHOWN_FROM = 16 * 1024 * 1024  # bytes
MOST_NAMED = 5


def local(text: str) -> Path:
    """Return a path of this notebook, or of this terminal's folder; raises BadOptions."""
    try:
        return notebook_folder() / Path(text).expanduser()
    except RuntimeError:  # there is no such user
        raise BadOptions(f"{text!r} names a home folder that does not exist.") from None


def add_replace(options: Options) -> None:
    """Add the option that overwrites."""
    options.add_argument("--replace", action="store_true")


def copy_all(
    command: str,
    sources: Sequence[Path],
    target: tuple[str, Path],
    replace: bool,
    check: Callable[[Path], object] = lambda _: None,
) -> list[dict[str, Any]]:
    """Copy files and folders into a folder, or one of them to another name; return what is there.

    ``target`` is how its path was typed, and that path; ``check`` raises for a place that may not
    be. Nothing is copied before all of it is known to be in order.
    """
    typed, place = target
    plan = files.Plan()
    try:
        if typed.endswith("/") or len(sources) > 1:
            place.mkdir(parents=True, exist_ok=True)
        for source in sources:
            plan.add(source, place)
        for folder in plan.folders:
            check(folder)
        for file in plan.files.values():
            check(file)
        for folder in plan.folders:
            folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InvalidInput(f"{error.filename} is a file, so nothing can be put into it.") from None
    except OSError as error:
        raise Unavailable(f"{error.filename}: {error.strerror or error}.") from None
    done = [_copied(command, *one, replace) for one in plan.files.items()]
    if plan.left_out:
        named = ", ".join(map(str, plan.left_out[:MOST_NAMED]))
        more = len(plan.left_out) - MOST_NAMED
        print(
            f"Left out, as they are links or no files: {named}"
            + (f" and {more} more" if more > 0 else ""),
            file=sys.stderr,
        )
    return done


def _copied(command: str, source: Path, place: Path, replace: bool) -> dict[str, Any]:
    shown = _Progress(source.name)
    try:
        copied = files.copy(source, place, replace, shown)
    except Conflict as error:
        raise Conflict(
            str(error), hint=None if replace else Hint(command, ("--replace",), "overwrites it")
        ) from None
    finally:
        shown.end()
    return {
        "path": _told(copied.target),
        "bytes": copied.size,
        "sha256": copied.sha256,
        "was_there": copied.was_there,
        "resumed": copied.resumed,
    }


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
