"""Where a job's code comes from: the notebook and cell, the git commit, and what sent it."""

import functools
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from kd_pipeline.version import version

GIT_S = 0.1  # a cell does not wait longer for git
KEPT_S = 10.0  # how long an answer of git is good
LONGEST = 1000


def origin(shell: Any) -> dict[str, str]:
    """Return what is known of a cell's origin. Raises nothing.

    ``shell`` is IPython's, or that of the command line, which knows the file itself.
    Keys: file, notebook, cell_id, git_commit, git_dirty ("yes", "no"), python, kd_magics.
    """
    parent: Any = getattr(shell, "get_parent", dict)()
    known: dict[str, str] = getattr(shell, "origin", {})
    folder = Path(known["file"]).parent if "file" in known else notebook_folder()
    found = {
        "notebook": os.environ.get("JPY_SESSION_NAME", ""),
        "cell_id": str((parent.get("metadata") or {}).get("cellId") or ""),
        **_git(str(folder), int(time.monotonic() // KEPT_S)),
        "python": platform.python_version(),
        "kd_magics": version(),
        **known,
    }
    return {key: value[:LONGEST] for key, value in found.items() if value}


def notebook_folder() -> Path:
    """Return the folder that a notebook's relative paths begin at: its own, or the kernel's."""
    notebook = Path(os.environ.get("JPY_SESSION_NAME", ""))
    return notebook.parent if notebook.is_absolute() and notebook.is_file() else Path.cwd()


@functools.lru_cache(maxsize=8)
def _git(folder: str, _period: int) -> dict[str, str]:
    """Return the commit of a folder's repository, and whether anything in it is changed."""
    status = _asked(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:  # a repository that is too large for the moment that a cell waits
        commit = _asked(folder, "rev-parse", "--verify", "HEAD")
        return {"git_commit": commit} if commit else {}
    lines = status.splitlines()
    head = next((line for line in lines if line.startswith("# branch.oid ")), "")
    commit = head.removeprefix("# branch.oid ")
    if not commit or commit == "(initial)":
        return {}
    changed = any(not line.startswith("#") for line in lines)
    return {"git_commit": commit, "git_dirty": "yes" if changed else "no"}


def _asked(folder: str, *question: str) -> str | None:
    """Return git's answer; None where there is no git, no repository, or no answer in time."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", folder, *question],  # noqa: S607 - from the PATH
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_S,
            text=True,
            errors="replace",
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
