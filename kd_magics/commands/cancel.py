"""End jobs, and say what the engine reports of them."""

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from kd_client.jobs.cancelling import Cancelled, cancel_all
from kd_client.jobs.job import Job
from kd_magics import face
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.errors import NotFound

HELP = Help(
    usage=("[[CLUSTER/]JOB]…",),
    notebook="Without a job it is the last one of this notebook.",
    text="A job gets 10 seconds to end by itself.",
    notebook_examples=("",),
    examples=("9 10 training-engine-instance/11",),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("cancel")
    options.add_argument("jobs", nargs="*", metavar="[CLUSTER/]JOB")
    return options


def run(session: Session, options: Namespace) -> None:
    """Cancel jobs, or the last one; print the engine's word of each.

    Where one of several does not exist the others are cancelled, then NotFound is raised.
    """
    jobs, missing = _jobs(session, options)
    show_cancelled(jobs)
    if missing:
        raise NotFound(" ".join(map(str, missing)))


def data(session: Session, options: Namespace) -> list[dict[str, Any]]:
    """Return each job and its status then; raises NotFound where none was cancelled for one."""
    jobs, missing = _jobs(session, options)
    found = [
        {
            "job": f"{done.job.cluster}/{done.job.id}",
            "status": done.status,
            "was_over": done.had_ended,
        }
        for done in cancel_all(jobs)
    ]
    if missing:
        raise NotFound(" ".join(map(str, missing)))
    return found


def show_cancelled(jobs: Sequence[Job]) -> None:
    """Ask for the end of all jobs at once, and print how each has ended."""
    for done in cancel_all(jobs):
        print(_sentence(done), flush=True)


def _sentence(done: Cancelled) -> str:
    number = done.job.id
    if done.had_ended:
        return f"Job {number} had ended already: {done.status}."
    if done.is_over:
        return f"Job {number}: {done.status}."
    more = face.typed("why", done.job.handle)
    return f"Job {number}: {done.status}; a stop was requested, and {more} shows more."


def _jobs(session: Session, options: Namespace) -> tuple[list[Job], list[NotFound]]:
    """Return the jobs that are named, and of those that do not exist the error."""
    jobs: list[Job] = []
    missing: list[NotFound] = []
    for text in options.jobs or [None]:
        try:
            jobs.append(session.job_or_last(text, "cancel"))
        except NotFound as error:
            missing.append(error)
    return jobs, missing
