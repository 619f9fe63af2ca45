"""``%logs --traceback``: the whole of what a job's log shows in short."""

from kd_client.jobs.job import Job
from kd_pipeline.errors import NotFound
from kd_pipeline.messages import TERMINAL


def of(job: Job) -> str:
    """Return the traceback of a job's exception, with every frame; raises NotFound without one."""
    found: list[str] = []
    after = 0
    while (page := job.client.outputs(job.id, after)).outputs:
        for entry in page.outputs:
            if entry.output.get("output_type") == "error":
                found = [str(line) for line in entry.output.get("traceback") or ()]
        after = page.next
    if not found:
        message = job.message
        more = "" if message.status in TERMINAL else "; it may still come"
        raise NotFound(f"Job {job.id} is {message.status} and has no traceback{more}.")
    return "\n".join(found)
