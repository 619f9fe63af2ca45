"""%cancel: ask for the end of jobs, and say what the engine says became of them."""

import time

from kd_client.jobs.job import Job
from kd_magics.jobs import job_reference
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.messages import TERMINAL

# An engine gives a job 10 s to end by itself.
LONGEST_S = 15.0


def parser() -> Options:
    """Return the parser of %cancel."""
    options = Options("%cancel")
    options.add_argument("jobs", nargs="*", metavar="[CLUSTER/]JOB")
    return options


def cancel(session: Session, line: str) -> None:
    """Cancel the jobs that a line names, or the last one; print the engine's word of each."""
    options = parser().read(line, session.shell.user_ns)
    jobs = [job_reference.named(session, text, "%cancel") for text in options.jobs]
    cancel_all(jobs or [session.last_job("%cancel")])


def cancel_all(jobs: list[Job]) -> None:
    """Ask for the end of all jobs at once, then wait until each has ended; print how."""
    ended = {job.id: job.status for job in jobs if job.status in TERMINAL}
    for job in jobs:
        if job.id not in ended:
            job.cancel()
    deadline = time.monotonic() + LONGEST_S
    for job in jobs:
        if job.id in ended:
            print(f"Job {job.id} had ended already: {ended[job.id]}.")
            continue
        job.wait(max(0.0, deadline - time.monotonic()))
        if job.status in TERMINAL:
            print(f"Job {job.id}: {job.status}.")
        else:
            print(f"Job {job.id}: {job.status}; it was told to end, and %why {job.id} tells more.")
