"""What a saved notebook keeps of a job, so that any front end finds it again without a kernel."""

from pathlib import PurePath
from typing import Any

from kd_client.jobs.job import Job

MIME = "application/vnd.kd-magics.job+json"
VERSION = 1


def reference(job: Job) -> dict[str, Any]:
    """Return what a saved notebook keeps: no URL, as pods change, and never a token."""
    message = job.last
    origin = message.origin
    found = {
        "version": VERSION,
        "cluster": message.cluster,
        "job": message.id,
        "name": message.name,
        "status": message.status,
        "submitted": message.submitted,
        "notebook": PurePath(origin.get("notebook", "")).name,  # notebooks are shared: no folders
        "cell": origin.get("cell_id", ""),
    }
    return {key: value for key, value in found.items() if value != ""}
