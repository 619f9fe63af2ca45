"""%jobs: the jobs of all training clusters, one's own first, and their results side by side."""

import argparse
import fnmatch
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, overload

from kd_magics.clients.asking import ask_all
from kd_magics.clients.training_client import TrainingClient
from kd_magics.errors import BadOptions
from kd_magics.jobs.comparison import comparison
from kd_magics.jobs.job import Job
from kd_magics.jobs.job_search import PAGE, Search, search
from kd_magics.options import Options, count
from kd_magics.overview.training_states import trouble
from kd_magics.quantities import duration
from kd_magics.session import Session, user_name
from kd_magics.tables import Table, number_words
from kd_pipeline.errors import KdError
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.quantities import duration_text

WITHIN_S = 2.0
DEFAULT_LIMIT = 20
# Filters that the engine does not have are applied here, page by page, as long as there is time.
LOOK_FOR_S = 1.5
STATUSES = (
    "Queued", "Running", "Finished", "Failed", "Cancelled", "TimedOut", "OutOfMemory", "Lost"
)  # fmt: skip


class JobList(Sequence[Job]):
    """Jobs that show as a table; ``jobs[0].log()`` and the like work on each."""

    def __init__(self, jobs: Sequence[Job], table: Table) -> None:
        self._jobs = list(jobs)
        self._table = table

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> list[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | list[Job]:
        """Return a job, or some of them."""
        return self._jobs[index]

    def __len__(self) -> int:
        return len(self._jobs)

    def to_dataframe(self) -> Any:
        """Return a DataFrame, one row a job, a column for each param and metric.

        Raises KdError where pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise KdError(
                "to_dataframe() needs pandas, which is not installed here: %pip install pandas"
            ) from None
        return pd.DataFrame([_record(job.last) for job in self._jobs])

    def __repr__(self) -> str:
        return self._table.text

    def _repr_html_(self) -> str:
        return self._table.html


def parser() -> Options:
    """Return the parser of %jobs."""
    options = Options("%jobs")
    options.add_argument("--cluster")
    whose = options.add_mutually_exclusive_group()
    whose.add_argument("--mine", action="store_true")
    whose.add_argument("--user")
    options.add_argument("--status", type=status)
    options.add_argument("--since", type=duration, metavar="DURATION")
    options.add_argument("--name", metavar="GLOB")
    options.add_argument("--limit", type=count, default=DEFAULT_LIMIT)
    options.add_argument("--compare", nargs="*", metavar="METRIC")
    options.add_argument("--sort", metavar="METRIC")
    return options


def status(text: str) -> str:
    """Read a job's status in any case (an argparse type)."""
    for word in STATUSES:
        if text.lower() == word.lower():
            return word
    raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(STATUSES)}")


def jobs(session: Session, line: str) -> JobList:
    """Return the jobs that a line asks for; a cluster that is down is a note of the table."""
    options = parser().read(line, session.shell.user_ns)
    if options.sort and options.compare is None:
        raise BadOptions("%jobs: --sort orders what --compare shows; give both.")
    clients = _clients(session, options.cluster)
    answers = ask_all(
        {name: partial(search, client, _search(options)) for name, client in clients.items()},
        WITHIN_S,
    )
    found: list[Job] = []
    notes = []
    for name, answer in answers.items():
        if isinstance(answer, KdError):
            notes.append(f"{name} {trouble(session, name, answer)}: its jobs are not shown.")
        else:
            session.answered[name] = time.time()
            if answer.late:
                notes.append(f"{name}: there was no time to look at its older jobs.")
            found += [Job(clients[name], job) for job in answer.jobs]
    me = user_name()
    found.sort(key=lambda job: (job.last.user == me, job.last.submitted, job.id), reverse=True)
    shown = found[: options.limit]
    if options.compare is not None:
        ordered, table = comparison(shown, options.compare, options.sort, notes)
        return JobList(ordered, table)
    return JobList(shown, _table(shown, notes, len(found) > len(shown)))


def _clients(session: Session, cluster: str | None) -> dict[str, TrainingClient]:
    if cluster:
        client = session.training(cluster)
        return {client.name: client}
    names = [c.name for c in session.connections().training_clusters()]
    if not names:
        raise KdError("No training cluster is attached to this notebook; see %attachments.")
    return {name: session.training(name) for name in names}


def _search(options: Namespace) -> Search:
    """Return what the options ask of each cluster: one job more than is shown."""
    oldest = _oldest(options.since)
    return Search(
        passes=lambda job: (
            job.submitted >= oldest and fnmatch.fnmatchcase(job.name, options.name or "*")
        ),
        enough=options.limit + 1,
        within_s=LOOK_FOR_S,
        status=options.status,
        user=user_name() if options.mine else options.user,
        page=PAGE if options.name or oldest else min(PAGE, options.limit + 1),
        is_over=lambda job: job.submitted < oldest,
    )


def _oldest(since: float | None) -> str:
    """Return the time before which jobs are left out, written as the engines write times."""
    if since is None:
        return ""
    return (datetime.now(UTC) - timedelta(seconds=since)).isoformat().replace("+00:00", "Z")


def _table(shown: Sequence[Job], notes: list[str], more: bool) -> Table:
    rows = [list(_row(job)) for job in shown]
    if more:
        notes = [*notes, f"The newest {len(shown)} are shown; --limit N shows more."]
    if shown:
        name = reference(shown[0])
        notes = [*notes, f"%logs {name} shows a log, %why {name} why, %cancel {name} ends it."]
    else:
        notes = [*notes, "No job here that is asked for. %jobs --help shows what can be asked."]
    headers = ["Job", "Name", "Status", "Age", "Took", "Metrics", "User"]
    return Table(headers, rows, notes).without_empty() if rows else Table(headers, rows, notes)


def _row(job: Job) -> Iterator[str]:
    message = job.last
    yield reference(job)
    yield message.name
    yield status_words(message)
    yield duration_text(_seconds(message.submitted, None)) if message.submitted else ""
    yield duration_text(_seconds(message.started, message.ended)) if message.started else ""
    yield number_words(message.progress.metrics) if message.progress else ""
    yield message.user


def reference(job: Job) -> str:
    """Return what %logs, %why and %cancel take for a job: ``training-engine-instance/9``."""
    return f"{job.cluster}/{job.id}"


def status_words(message: JobMessage) -> str:
    """Return a job's status, with why it waits or failed, or how far it is."""
    words = message.status if message.status in STATUSES else str(message.status)
    if message.status == "Queued" and message.queue_position:
        words += f" ({message.queue_position} before it)"
    if message.status == "Running" and message.progress:
        progress = message.progress
        if progress.fraction is not None:
            words += f" {progress.fraction:.0%}"
        if progress.eta_s is not None:
            words += f", {duration_text(progress.eta_s)} left"
    return words + (f": {message.reason.rstrip('.')}" if message.reason else "")


def _seconds(start: str | None, end: str | None) -> float:
    if not start:
        return 0.0
    until = datetime.fromisoformat(end) if end else datetime.now(UTC)
    return max(0.0, (until - datetime.fromisoformat(start)).total_seconds())


def _record(message: JobMessage) -> dict[str, Any]:
    metrics = message.progress.metrics if message.progress else {}
    return {
        "job": f"{message.cluster}/{message.id}",
        "name": message.name,
        "status": message.status,
        "user": message.user,
        "submitted": message.submitted,
        "seconds": _seconds(message.started, message.ended),
        **{f"params.{name}": value for name, value in message.params.items()},
        **{f"metrics.{name}": value for name, value in metrics.items()},
    }
