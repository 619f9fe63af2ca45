"""Make the packages that a job asks for importable, before its code runs.

They are installed once into ``misc/<cluster>/environments/<hash>`` of the project repository, where
every job that asks for the same finds them.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement

from kd_engines.training.requirements import NO_PIP, has_pip, missing

PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off")
ABANDONED_S = 86400.0  # a folder that a killed job has left half-filled


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
