"""Packages that a job asks for: checked when it is submitted, there before its code runs.

They are installed once into ``misc/<cluster>/environments/<hash>`` of the project repository, where
every job that asks for the same finds them. This module runs in jobs too, which may lack
kd_pipeline: it imports the standard library and `packaging` only.
"""

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

MOST = 50
LONGEST = 300  # characters of one requirement
PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
NO_PIP = (
    "this engine's Python has no pip, so nothing can be installed for a job; "
    "have the packages put into the engine's image."
)
ABANDONED_S = 86400.0  # a folder that a killed job has left half-filled


def problem(requirements: Sequence[str]) -> str | None:
    """Return a sentence about the first requirement that no job can ask for, or None."""
    if len(requirements) > MOST:
        return f"A job has at most {MOST} requirements; this one has {len(requirements)}."
    for text in requirements:
        if len(text) > LONGEST:
            return f"The requirement {text[:40]!r}… has {len(text)} characters, {LONGEST} at most."
        try:
            url = Requirement(text).url
        except InvalidRequirement:
            return (
                f"{text!r} is no requirement; write one as 'lightgbm>=4' (PEP 508), without "
                "options of pip and without paths."
            )
        parts = urlsplit(url or "")
        if url and (parts.scheme.rpartition("+")[2] != "https" or "@" in parts.netloc):
            return f"{text!r} names a place that is not https:// without a user; leave it out."
    return None


def missing(requirements: Iterable[str]) -> list[str]:
    """Return those requirements that this Python's installed packages do not satisfy."""
    return [text for text in requirements if not _is_satisfied(Requirement(text), set())]


def has_pip() -> bool:
    """Tell whether this Python can install packages."""
    return importlib.util.find_spec("pip") is not None


def provide(requirements: Sequence[str], job_folder: str) -> str | None:
    """Make the packages importable in this process; return why it could not be done, or None.

    What pip prints goes to stdout and stderr, as the job's own prints do.
    """
    if not missing(requirements):
        return None
    environments = Path(job_folder).parent.parent / "environments"
    folder = environments / _key(requirements)
    if not folder.is_dir():
        failed = _install(
            requirements, folder, environments / f".{folder.name}.{Path(job_folder).name}"
        )
        if failed:
            return failed
    _put_on_path(str(folder))
    return None


def _install(requirements: Sequence[str], folder: Path, temporary: Path) -> str | None:
    """Fill ``folder``, whole or not at all; of two jobs at once the first one's stays."""
    named = ", ".join(requirements)
    if not has_pip():
        return f"The requirements {named} are not there, and {NO_PIP}"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(temporary.parent)
    command = [sys.executable, *PIP, "--target", str(temporary), *requirements]
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    errors = []
    for line in pip.stdout or ():
        print(line, end="", flush=True)
        if line.startswith("ERROR:"):
            errors.append(line)
    try:
        if pip.wait() != 0:
            guilty = [text for text in requirements if Requirement(text).name in "".join(errors)]
            which = ", ".join(guilty) or named
            return f"The requirement {which} could not be installed; pip's reason is above."
        temporary.rename(folder)
    except OSError as error:
        if not folder.is_dir():
            return f"The requirements {named} could not be kept in {folder}: {error.strerror}."
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return None


def _remove_abandoned(environments: Path) -> None:
    for folder in environments.glob(".*"):
        with contextlib.suppress(OSError):  # another job removes it too
            if time.time() - folder.stat().st_mtime > ABANDONED_S:
                shutil.rmtree(folder)


def _put_on_path(folder: str) -> None:
    """Put a folder before site-packages, here and in the Python processes that the job starts."""
    packages = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    place = next((i for i, path in enumerate(sys.path) if path in packages), len(sys.path))
    sys.path.insert(place, folder)
    others = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{others}" if others else folder


def _key(requirements: Sequence[str]) -> str:
    """Return the name of an environment: its packages, Python and platform."""
    what = [*sorted(requirements), sys.implementation.cache_tag or "", sysconfig.get_platform()]
    return hashlib.sha256("\n".join(what).encode()).hexdigest()[:32]


def _is_satisfied(requirement: Requirement, seen: set[str]) -> bool:
    """Tell whether a package of that version, and what its extras want, is installed."""
    if requirement.marker and not requirement.marker.evaluate():
        return True
    if requirement.url:
        return False
    try:
        found = metadata.distribution(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    if not requirement.specifier.contains(found.version, prereleases=True):
        return False
    wanted = [Requirement(text) for text in found.requires or ()] if requirement.extras else []
    for extra in requirement.extras - seen:
        for other in wanted:
            if not other.marker or not other.marker.evaluate({"extra": extra}):
                continue
            if other.marker.evaluate({"extra": ""}):
                continue  # it is wanted without the extra too
            other.marker = None
            if not _is_satisfied(other, seen | {extra}):
                return False
    return True
