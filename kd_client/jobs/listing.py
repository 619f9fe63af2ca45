"""The jobs of all training clusters as one list: one's own first, then the newest."""

import fnmatch
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from kd_client.attached import SEE, Attached, user_name
from kd_client.fan_out import ask_all
from kd_client.jobs.job import Job
from kd_client.jobs.query import PAGE, Search, search
from kd_client.training_client import TrainingClient
from kd_pipeline.errors import KdError

WITHIN_S = 2.0
# Filters that the engine does not have are applied here, page by page, as long as there is time.
LOOK_FOR_S = 1.5


@dataclass(frozen=True)
class Wanted:
    """Which jobs: ``name`` is a glob, ``since_s`` the age in seconds of the oldest one.

    ``status`` is one of :data:`kd_client.jobs.query.STATUSES`.
    """

    cluster: str | None = None
    status: str | None = None
    user: str | None = None
    name: str = "*"
    since_s: float | None = None
    limit: int = 20


@dataclass(frozen=True)
class Jobs:
    """The jobs that were found, whether there are ``more``, and which clusters gave not all.

    ``troubles`` says of a cluster why it did not answer; of those in ``late`` older jobs could not
    be looked at in time.
    """

    jobs: list[Job]
    more: bool
    troubles: dict[str, KdError]
    late: list[str]


def find_jobs(attached: Attached, wanted: Wanted) -> Jobs:
    """Return the jobs that are wanted; raises UnknownCluster, NoConnections, and KdError for none.

    All clusters are asked together, and it takes two seconds at most.
    """
    clients = _clients(attached, wanted.cluster)
    answers = ask_all(
        {name: partial(search, client, _search(wanted)) for name, client in clients.items()},
        WITHIN_S,
    )
    found: list[Job] = []
    troubles: dict[str, KdError] = {}
    late = []
    for name, answer in answers.items():
        if isinstance(answer, KdError):
            troubles[name] = answer
            continue
        attached.answered[name] = time.time()
        if answer.late:
            late.append(name)
        found += [Job(clients[name], job) for job in answer.jobs]
    me = user_name()
    found.sort(key=lambda job: (job.last.user == me, job.last.submitted, job.id), reverse=True)
    return Jobs(found[: wanted.limit], len(found) > wanted.limit, troubles, late)


def _clients(attached: Attached, cluster: str | None) -> dict[str, TrainingClient]:
    if cluster:
        client = attached.training(cluster)
        return {client.name: client}
    names = [c.name for c in attached.connections().training_clusters()]
    if not names:
        raise KdError("No training cluster is connected here.", hint=SEE)
    return {name: attached.training(name) for name in names}


def _search(wanted: Wanted) -> Search:
    """Return what each cluster is asked for: one job more than is wanted."""
    oldest = _oldest(wanted.since_s)
    return Search(
        passes=lambda job: job.submitted >= oldest and fnmatch.fnmatchcase(job.name, wanted.name),
        enough=wanted.limit + 1,
        within_s=LOOK_FOR_S,
        status=wanted.status,
        user=wanted.user,
        page=PAGE if wanted.name != "*" or oldest else min(PAGE, wanted.limit + 1),
        is_over=lambda job: job.submitted < oldest,
    )


def _oldest(since_s: float | None) -> str:
    """Return the time before which jobs are left out, written as the engines write times."""
    if since_s is None:
        return ""
    return (datetime.now(UTC) - timedelta(seconds=since_s)).isoformat().replace("+00:00", "Z")
