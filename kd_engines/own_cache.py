"""Folders for what can be made again, which nobody but the engine's own user may write to."""

import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)


def own_cache(name: str, variable: str) -> Path | None:
    """Return the folder that an environment variable names, else ``kd-magics/<name>``.

    That is below ``XDG_CACHE_HOME`` or ``~/.cache``. None where the variable is empty, and for a
    user without a home. The folder may not be there, nor safe: see `is_own`.
    """
    named = os.environ.get(variable)
    if named is not None:
        return Path(named) if named else None
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:
        return None
    return base / "kd-magics" / name


def is_own(folder: Path, what: str) -> bool:
    """Make a folder, and tell whether nobody but this user may write there.

    Where that is not so, the log says that ``what``, such as "compiled models", is not kept.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        log.info("%s are not kept: %s", what, error)
        return False
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        log.warning("%s are not kept: others may write to %s", what, folder)
        return False
    return True
