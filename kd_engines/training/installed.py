"""Which packages are libraries: installed in site-packages, and no code of a project."""

import importlib.util
import sysconfig
from collections.abc import Sequence


def installed_in() -> list[str]:
    """Return the folders of this Python's site-packages."""
    return [sysconfig.get_path(name) for name in ("purelib", "platlib")]


def python_in() -> list[str]:
    """Return the folders of Python's own modules."""
    return [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]


def library_file(package: str, places: Sequence[str]) -> str | None:
    """Return the file of a package that is in one of ``places``, without importing it."""
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    if found is None or not found.origin:
        return None
    return found.origin if found.origin.startswith(tuple(f"{p}/" for p in places)) else None
