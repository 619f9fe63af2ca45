"""Whether a job could be taken now, and what crashes have left."""

import contextlib
import errno
import secrets
from collections.abc import Iterable
from pathlib import Path

from kd_pipeline.atomic import sweep
from kd_pipeline.errors import Unavailable

PROBE = b"x" * 4096


def check_writable(jobs: Path) -> None:
    """Raise Unavailable where no job could be taken into this folder, as on a full disk."""
    probe = jobs.parent / f".ready.{secrets.token_hex(6)}.tmp"
    try:
        probe.write_bytes(PROBE)
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink()
        raise unwritable(error, "so no job is taken", "") from error


def sweep_jobs(folder: Path, jobs: Iterable[int]) -> None:
    """Remove what crashes have left of files that were being written."""
    for place in (folder.parent, folder.parent / "job-keys", *(folder / str(job) for job in jobs)):
        sweep(place)


def unwritable(error: OSError, what: str, then: str) -> Unavailable:
    """Return the error of a repository that takes no file, or an engine that opens none."""
    reason = error.strerror or error
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return Unavailable(f"The engine can open no further file ({reason}), {what}; try again.")
    return Unavailable(
        f"The project repository cannot be written ({reason}), {what}; free space or fix the "
        f"mount{then}."
    )
