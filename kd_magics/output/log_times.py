"""``--since``: a time, or how long ago, and the byte of a log that was reached then."""

import argparse
from datetime import UTC, datetime, timedelta

from kd_client.errors import BadOptions
from kd_client.jobs.job import Job
from kd_magics.quantities import duration


def since(text: str) -> datetime:
    """Read ``10m`` (ago) or ``2026-11-25T10:00``, local unless it says its zone (argparse type)."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        return when.astimezone(UTC)
    try:
        return datetime.now(UTC) - timedelta(seconds=duration(text))
    except (argparse.ArgumentTypeError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time: write 10m for ten minutes ago, or 2026-11-25T10:00"
        ) from None


def offset_since(job: Job, when: datetime) -> int:
    """Return where in a job's log is what was written after ``when``, to about a second.

    Raises BadOptions where the engine keeps no times, InvalidInput where it has none of the job.
    """
    offset = job.client.log_since(job.id, when.isoformat().replace("+00:00", "Z"))
    if offset is None:
        raise BadOptions(
            f"--since: the engine of cluster {job.cluster} does not keep when a log was written. "
            "Use --tail LINES or --grep PATTERN."
        )
    return offset
