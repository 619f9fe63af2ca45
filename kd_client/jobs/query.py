"""Look through a cluster's jobs, newest first, for those that pass: some pages, for a while."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import structs

from kd_client.errors import EngineDown
from kd_client.training_client import TrainingClient
from kd_pipeline.messages import Job

STATUSES = (
    "Queued", "Running", "Finished", "Failed", "Cancelled", "TimedOut", "OutOfMemory", "Lost"
)  # fmt: skip
PAGE = 500
ALL = 2**53  # no job has a higher number
# A page that is asked for last of all may take so long at least.
LEAST_S = 0.2


@dataclass(frozen=True)
class Search:
    """What is looked for: jobs below the number ``before`` that ``passes`` lets through.

    The engine itself is asked for one status and user only. It ends with ``enough`` jobs, at the
    first that ``is_over`` says is too old, after ``within_s`` seconds, or after ``pages``.
    """

    passes: Callable[[Job], bool]
    enough: int
    within_s: float
    status: str | None = None
    user: str | None = None
    before: int = ALL
    page: int = PAGE
    pages: int = 1_000_000
    is_over: Callable[[Job], bool] = lambda job: False


@dataclass
class Found:
    """The jobs that were found, newest first; ``last`` is the oldest that was looked at.

    ``complete`` tells that no older job is left, and ``late`` that there was no time for them.
    """

    jobs: list[Job] = field(default_factory=list)
    last: Job | None = None
    complete: bool = False
    late: bool = False


def search(client: TrainingClient, wanted: Search) -> Found:
    """Return the jobs of a cluster that are looked for; raises EngineDown where it never answers.

    Jobs carry the name by which their cluster is connected here, whatever its engine calls it.
    """
    name, found = client.name, Found()
    asked = {"status": wanted.status, "user": wanted.user, "limit": wanted.page}
    asked["before"] = wanted.before if wanted.before < ALL else None
    deadline = time.monotonic() + wanted.within_s
    for _ in range(wanted.pages):
        left = max(LEAST_S, deadline - time.monotonic())
        try:
            page = client.page(left, **{key: value for key, value in asked.items() if value})
        except EngineDown:
            if found.last is None:
                raise
            found.late = True
            return found
        for job in page.jobs:
            # An engine of 2020 gives all its jobs, whatever it is asked for.
            if job.id < wanted.before:
                found.last = structs.replace(job, cluster=name)
                is_asked = wanted.status in (None, job.status) and wanted.user in (None, job.user)
                if is_asked and wanted.passes(job):
                    found.jobs.append(found.last)
        is_over = found.last is not None and wanted.is_over(found.last)
        found.complete = page.next is None
        if found.complete or is_over or len(found.jobs) >= wanted.enough:
            return found
        if time.monotonic() > deadline:
            break
        asked["before"] = page.next
    found.late = True
    return found
