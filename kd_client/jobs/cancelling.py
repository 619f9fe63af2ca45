"""Asking for the end of jobs, all at once, and what became of each."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kd_client.jobs.job import Job
from kd_pipeline.messages import TERMINAL

# An engine gives a job 10 s to end by itself.
LONGEST_S = 15.0


@dataclass(frozen=True)
class Cancelled:
    """A job that was to end, and its status then; ``had_ended`` tells that it was over before."""

    job: Job
    status: str
    had_ended: bool

    @property
    def is_over(self) -> bool:
        """Tell whether the job has ended; one that has not was asked to all the same."""
        return self.status in TERMINAL


def cancel_all(jobs: Sequence[Job]) -> Iterator[Cancelled]:
    """Ask for the end of all jobs, then yield each when it has ended, or after 15 s in all."""
    over = {id(job): job.status in TERMINAL for job in jobs}
    for job in jobs:
        if not over[id(job)]:
            job.cancel()
    deadline = time.monotonic() + LONGEST_S
    for job in jobs:
        if not over[id(job)]:
            job.wait(max(0.0, deadline - time.monotonic()))
        yield Cancelled(job, job.status, over[id(job)])
