"""%cancel: ask for the end of jobs, and say what the engine says became of them."""

from kd_client.jobs.cancelling import cancel_all
from kd_client.jobs.job import Job
from kd_magics.jobs import job_reference
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.errors import NotFound


def parser() -> Options:
    """Return the parser of %cancel."""
    options = Options("%cancel")
    options.add_argument("jobs", nargs="*", metavar="[CLUSTER/]JOB")
    return options


def cancel(session: Session, line: str) -> None:
    """Cancel the jobs that a line names, or the last one; print the engine's word of each.

    Where one of several does not exist the others are cancelled, then NotFound is raised.
    """
    options = parser().read(line, session.shell.user_ns)
    jobs, missing = [], []
    for text in options.jobs:
        try:
            jobs.append(job_reference.named(session, text, "%cancel"))
        except NotFound as error:
            missing.append(error)
    if not options.jobs:
        jobs = [session.last_job("%cancel")]
    tell_cancelled(jobs)
    if missing:
        raise NotFound(" ".join(map(str, missing)))


def tell_cancelled(jobs: list[Job]) -> None:
    """Ask for the end of all jobs at once, and print how each has ended."""
    for done in cancel_all(jobs):
        number = done.job.id
        if done.had_ended:
            print(f"Job {number} had ended already: {done.status}.")
        elif done.is_over:
            print(f"Job {number}: {done.status}.")
        else:
            print(
                f"Job {number}: {done.status}; a stop was requested, and %why {number} tells more."
            )
