"""The values that a job has kept (--out), in the notebook's variables again."""

from typing import Any

from kd_client.errors import NoResult
from kd_client.jobs.job import Job
from kd_client.jobs.results import kept, missing_words
from kd_client.training_client import ended_well
from kd_pipeline.messages import Job as JobMessage


def bind_outputs(job: "Job", variables: dict[str, Any]) -> None:
    """Put the values that an ended job has kept into the notebook's variables, and say so."""
    message: JobMessage = job.message
    if not message.outputs or not ended_well(message):
        return
    found, missing = kept(job.client, message, job.allow_pickle)
    variables.update(found)
    if found:
        print(f"Set from job {message.id}: {', '.join(found)}.")
    if missing:
        raise NoResult(missing_words(message.id, missing))
