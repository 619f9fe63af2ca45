"""Whether a job could be taken now, and what crashes have left."""

import contextlib
import errno
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

from kd_engines.training.job_folder import records
from kd_pipeline.atomic import sweep
from kd_pipeline.errors import Unavailable

PROBE = b"x" * 4096
CUT_OFF_S = 3600.0


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


def sweep_places(folder: Path) -> None:
    """Remove the parts of files that crashes have left beside the jobs' folder."""
    for place in (folder.parent, folder.parent / "job-keys"):
        sweep(place)


def sweep_jobs(folder: Path, jobs: Iterable[int]) -> None:
    """Remove what crashes have left of jobs: parts of files, credentials of those that began."""
    for job in jobs:
        own = folder / str(job)
        sweep(own)
        if (own / records.STARTED).exists() or _is_cut_off(own):
            records.remove(str(own / records.CREDENTIALS))


def _is_cut_off(job: Path) -> bool:
    """Tell whether a submission did not come to its end, and surely will not."""
    with contextlib.suppress(OSError):
        is_old = time.time() - (job / records.CREDENTIALS).stat().st_mtime > CUT_OFF_S
        return is_old and not (job / records.JOB).exists()
    return False


def unwritable(error: OSError, what: str, then: str) -> Unavailable:
    """Return the error of a repository that takes no file, or an engine that opens none."""
    reason = error.strerror or error
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return Unavailable(f"The engine can open no further file ({reason}), {what}; try again.")
    return Unavailable(
        f"The project repository cannot be written ({reason}), {what}; free space or fix the "
        f"mount{then}."
    )
