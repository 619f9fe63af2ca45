"""The jobs of all training clusters as one list, the newest submitted first, page by page."""

import heapq
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from jupyter_extension import job_cursor
from jupyter_extension.job_cursor import Cursor
from kd_client.attached import Attached
from kd_client.fan_out import ask_all
from kd_client.jobs.query import ALL, Found, Search, search
from kd_client.training_states import state_of
from kd_pipeline.errors import KdError
from kd_pipeline.messages import Job
from kd_pipeline.messages.sidebar import JobPage

# A cluster that does not answer within WITHIN_S is a trouble of the page; what has to be looked
# for is looked for during LOOK_FOR_S, in PAGES pages of a cluster at most.
WITHIN_S = 2.0
LOOK_FOR_S = 1.5
PAGE = 1000
PAGES = 20


@dataclass(frozen=True)
class Wanted:
    """Which jobs a page shows; ``text`` is found in any case, see :func:`words_of`."""

    limit: int = 100
    before: str = ""
    status: str | None = None
    user: str | None = None
    cluster: str | None = None
    text: str = ""


def job_page(attached: Attached, wanted: Wanted) -> JobPage:
    """Return a page; raises UnknownCluster, NoConnections, InvalidInput for a wrong ``before``."""
    cursor = job_cursor.decode(wanted.before)
    if wanted.cluster:
        names = [attached.training(wanted.cluster).name]
    else:
        names = [cluster.name for cluster in attached.connections().training_clusters()]
    answers = ask_all(
        {
            name: partial(search, attached.training(name), _search(wanted, cursor.get(name, ALL)))
            for name in names
            if cursor.get(name) != 0
        },
        WITHIN_S,
    )
    found: dict[str, Found] = {}
    troubles: dict[str, str] = {}
    for name, answer in answers.items():
        if not isinstance(answer, KdError):
            attached.answered[name] = time.time()
            found[name] = answer
        elif state_of(answer) == "Answers":  # an engine of 2020 that has no list either
            found[name] = Found(complete=True)
        else:
            troubles[name] = str(answer)
    jobs, rest = _merged(found, wanted.limit)
    # Of a cluster that gave no answer the list goes on where it was, once it answers again.
    after = {name: cursor[name] for name in names if name in cursor} | rest
    more = any(rest.values())
    return JobPage(jobs, job_cursor.encode(after) if more else None, troubles)


def words_of(job: Job) -> str:
    """Return what a search looks at of a job: name, id, user, status, notebook and params."""
    params = (f"{name}={value}" for name, value in job.params.items())
    words = (
        *(job.name, f"{job.cluster}/{job.id}", job.user, job.status),
        *(job.origin.get("notebook", ""), *params),
    )
    return "\n".join(words).casefold()


def _search(wanted: Wanted, before: int) -> Search:
    text = wanted.text.casefold()
    return Search(
        passes=(lambda job: text in words_of(job)) if text else (lambda job: True),
        enough=wanted.limit + 1,
        within_s=LOOK_FOR_S,
        status=wanted.status,
        user=wanted.user,
        before=before,
        page=PAGE if text else min(PAGE, wanted.limit + 1),
        pages=PAGES,
    )


def _merged(found: Mapping[str, Found], limit: int) -> tuple[list[Job], Cursor]:
    """Return the newest jobs of all clusters, and of each cluster where its rest begins.

    The list stops where a cluster has not been looked through any further: what is older waits
    for the next page, so that no page has a job that is newer than those of the page before.
    """
    jobs: list[Job] = []
    taken = dict.fromkeys(found, 0)
    entries = (_entries(name, each) for name, each in found.items())
    for _, name, job in heapq.merge(*entries, key=lambda entry: entry[0], reverse=True):
        if job is None or len(jobs) == limit:
            break
        jobs.append(job)
        taken[name] += 1
    return jobs, {name: _rest(each, taken[name]) for name, each in found.items()}


def _entries(name: str, found: Found) -> Iterator[tuple[str, str, Job | None]]:
    """Yield a cluster's jobs, and where it was not looked at any further a mark without a job."""
    for job in found.jobs:
        yield job.submitted, name, job
    if not found.complete and found.last:
        yield found.last.submitted, name, None


def _rest(found: Found, taken: int) -> int:
    """Return the number below which a cluster's jobs come on the next page; 0 where none is."""
    if taken < len(found.jobs):
        return found.jobs[taken].id + 1
    if found.complete or found.last is None:
        return 0
    return found.last.id
