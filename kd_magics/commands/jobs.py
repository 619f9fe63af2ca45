"""Show the jobs of all training clusters, one's own first, and their results side by side."""

import argparse
from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, overload

from kd_client.attached import user_name
from kd_client.errors import BadOptions
from kd_client.jobs.job import Job
from kd_client.jobs.listing import Wanted, find_jobs
from kd_client.jobs.query import STATUSES
from kd_magics import face
from kd_magics.cluster_words import trouble
from kd_magics.comparison import comparison
from kd_magics.help import Help
from kd_magics.looks import word
from kd_magics.options import Options, count
from kd_magics.quantities import duration
from kd_magics.session import Session
from kd_magics.tables import Table, ago, number_words, state
from kd_pipeline.errors import KdError
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.quantities import duration_text

DEFAULT_LIMIT = 20
HELP = Help(
    usage=(
        "[--cluster CLUSTER] [--mine | --user USER] [--status STATUS] [--since DURATION]\n"
        "        [--name GLOB] [--limit N] [--compare [METRIC …]] [--sort METRIC]",
    ),
    text="""
    --cluster   one cluster's only
    --mine      yours only; --user USER those of another
    --status    Queued, Running, Finished, Failed, Cancelled, TimedOut, OutOfMemory or Lost
    --since     submitted within the last 90s, 2h or 2d
    --name      those whose name fits, such as "taxi-*"
    --limit     how many at most; 20 where it is not given
    --compare   params and metrics side by side, one row a job, where they differ; the best value
                of a metric is marked. Metrics may be chosen.
    --sort      the best value of a metric first, or in the order of a param

    The first column is what {logs}, {why} and {cancel} take.
    """,
    notebook="""
    The value is a list of jobs: after found = {jobs} --mine there are found[0].log() and
    found.to_dataframe().
    """,
    examples=("--status running", '--name "sweep-*" --compare rmse --sort rmse'),
)


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
    """Return the parser."""
    options = Options("jobs")
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
    for known in STATUSES:
        if text.lower().replace(" ", "") == known.lower():
            return known
    raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(STATUSES)}")


def run(session: Session, options: Namespace) -> JobList:
    """Return the jobs that are asked for; a cluster that is down is a note of the table."""
    if options.sort and options.compare is None:
        raise BadOptions("--sort orders what --compare shows; give both.")
    found = find_jobs(session, wanted_of(options))
    notes = [
        f"{name} {trouble(session, name, error)}: its jobs are not shown."
        for name, error in found.troubles.items()
    ]
    notes += [f"{name}: there was no time to look at its older jobs." for name in found.late]
    shown = found.jobs
    if options.compare is not None and shown:
        ordered, table = comparison(shown, options.compare, options.sort, notes)
        return JobList(ordered, table)
    return JobList(shown, _table(shown, notes, found.more))


def data(session: Session, options: Namespace) -> dict[str, Any]:
    """Return the jobs that are asked for, and of each cluster that gave none why."""
    found = find_jobs(session, wanted_of(options))
    return {
        "jobs": [job.last for job in found.jobs],
        "more": found.more,
        "troubles": {name: str(error) for name, error in found.troubles.items()},
        "late": found.late,
    }


def wanted_of(options: Namespace) -> Wanted:
    """Return which jobs the options ask for."""
    return Wanted(
        cluster=options.cluster,
        status=options.status,
        user=user_name() if options.mine else options.user,
        name=options.name or "*",
        since_s=options.since,
        limit=options.limit,
    )


def _table(shown: Sequence[Job], notes: list[str], more: bool) -> Table:
    rows = [list(_row(job)) for job in shown]
    if more:
        notes = [*notes, f"The newest {len(shown)} are shown; --limit N shows more."]
    if shown:
        name = reference(shown[0])
        logs, why, cancel = (face.typed(command, name) for command in ("logs", "why", "cancel"))
        notes = [*notes, f"{logs} shows a log, {why} explains it, {cancel} ends it."]
    else:
        notes = [*notes, f"No jobs match. {face.help_of('jobs')} shows what can be asked."]
    headers = ["Job", "Name", "Status", "Submitted", "Took", "Metrics", "User"]
    return Table(headers, rows, notes).without_empty() if rows else Table(headers, rows, notes)


def _row(job: Job) -> Iterator[str]:
    message = job.last
    yield reference(job)
    yield message.name
    yield state(message.status, status_words(message))
    yield ago(message.submitted)
    yield duration_text(_seconds(message.started, message.ended)) if message.started else ""
    yield number_words(message.progress.metrics) if message.progress else ""
    yield message.user


def reference(job: Job) -> str:
    """Return what other commands take for a job: ``training-engine-instance/9``."""
    return f"{job.cluster}/{job.id}"


def status_words(message: JobMessage) -> str:
    """Return a job's status, with why it waits or failed, or how far it is."""
    words = word(message.status)
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
