"""Packages that a job asks for: whether they may be asked for, and which are not there.

This module runs in jobs too, which may lack kd_pipeline: it imports the standard library and
`packaging` only. `job.packages` installs what is missing.
"""

import importlib.util
from collections.abc import Iterable, Sequence
from importlib import metadata
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement

MOST = 50
LONGEST = 300  # characters of one requirement
NO_PIP = (
    "this engine's Python has no pip, so nothing can be installed for a job; "
    "have the packages put into the engine's image."
)


def problem(requirements: Sequence[str]) -> str | None:
    """Return a sentence about the first requirement that no job can ask for, or None."""
    if len(requirements) > MOST:
        return f"A job has at most {MOST} requirements; this one has {len(requirements)}."
    for text in requirements:
        if len(text) > LONGEST:
            return f"The requirement {text[:40]!r}… has {len(text)} characters, {LONGEST} at most."
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            return (
                f"{text!r} is not a valid requirement; write one as 'lightgbm>=4' (PEP 508), "
                "without options of pip and without paths."
            )
        parts = urlsplit(wanted.url or "")
        if wanted.url and (parts.scheme.rpartition("+")[2] != "https" or "@" in parts.netloc):
            return (
                f"The requirement {wanted.name} names a place that is not https://, or has a user "
                "in it; put the package where every job may read it."
            )
    return None


def missing(requirements: Iterable[str]) -> list[str]:
    """Return those requirements that this Python's installed packages do not satisfy."""
    return [text for text in requirements if not _is_satisfied(Requirement(text), set())]


def has_pip() -> bool:
    """Tell whether this Python can install packages."""
    return importlib.util.find_spec("pip") is not None


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
