"""What a saved notebook keeps of a job, so that any front end finds it again without a kernel."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from kd_client.jobs.job import Job
from kd_pipeline.messages import TERMINAL

MIME = "application/vnd.kd-magics.job+json"
MIME_OF_MANY = "application/vnd.kd-magics.jobs+json"
# Beside the forms of what a job has shown: our front end shows that within the job's own output.
MIME_OF_OUTPUT = "application/vnd.kd-magics.job-output+json"
VERSION = 1


def reference(job: Job) -> dict[str, Any]:
    """Return what a saved notebook keeps: no URL, as pods change, and never a token.

    ``as_of`` is when a job that had not ended was as is told.
    """
    message = job.last
    origin = message.origin
    found = {
        "version": VERSION,
        "cluster": message.cluster,
        "job": message.id,
        "name": message.name,
        "status": message.status,
        "as_of": _now([job]),
        "submitted": message.submitted,
        "notebook": PurePath(origin.get("notebook", "")).name,  # notebooks are shared: no folders
        "cell": origin.get("cell_id", ""),
    }
    return {key: value for key, value in found.items() if value != ""}


def reference_of_many(jobs: Sequence[Job]) -> dict[str, Any]:
    """Return what a saved notebook keeps of jobs that are shown side by side."""
    names = [f"{job.cluster}/{job.id}" for job in jobs]
    submitted = max((job.last.submitted for job in jobs), default="")
    found = {"version": VERSION, "jobs": names, "submitted": submitted, "as_of": _now(jobs)}
    return {key: value for key, value in found.items() if value != ""}


def as_of(now: datetime) -> str:
    """Return of when something is told, in this machine's time: ``as of 21:57 on 2026-11-26``."""
    return f"{now.astimezone():as of %H:%M on %Y-%m-%d}"


def _now(jobs: Sequence[Job]) -> str:
    """Return the time where a job has not ended; "" where nothing will change any more."""
    if all(job.last.status in TERMINAL for job in jobs):
        return ""
    return datetime.now(UTC).isoformat(timespec="minutes")
