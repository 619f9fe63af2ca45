"""``%jobs --compare``: one row a job, its params and metrics side by side."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kd_magics.errors import BadOptions
from kd_magics.jobs.job import Job
from kd_magics.tables import Best, Table
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.messages.sidebar import ComparedJob, Comparison

LOWER_IS_BETTER = re.compile(r"loss|err|rmse|mae|mse|mape|perplexity|logloss|wer", re.IGNORECASE)
HIGHER_IS_BETTER = re.compile(
    r"acc|auc|f1|r2|score|precision|recall|map$|bleu|rouge|iou|dice", re.IGNORECASE
)


def comparison(
    jobs: Sequence[Job], metrics: Sequence[str], sort: str | None, notes: Sequence[str]
) -> tuple[list[Job], Table]:
    """Return the jobs in order and their table; columns in which all are equal are left out.

    ``metrics`` chooses among the metrics; none is all of them. The best value of a metric is
    marked where its name tells whether less or more is better. Raises BadOptions.
    """
    found = _names(_metrics(job.last) for job in jobs)
    whole = compare([job.last for job in jobs], metrics)
    params, columns = whole.params, whole.metrics
    unknown = [name for name in metrics if name not in found]
    if unknown or (sort and sort not in found + params):
        name = unknown[0] if unknown else sort
        raise BadOptions(
            f"%jobs: no job here has {name!r}; there are: {', '.join(found + params) or 'none'}."
        )
    rows = {
        (row.cluster, row.id): [
            f"{row.cluster}/{row.id}",
            row.name,
            row.status,
            *(_text(row.params.get(name)) for name in params),
            *(_cell(row.metrics.get(name), whole.best.get(name)) for name in columns),
        ]
        for row in whole.jobs
    }
    ordered = _sorted(jobs, sort) if sort else list(jobs)
    told = ["The best of a column is marked (*, or bold)."] if whole.best else []
    if not found:
        told.append("No job here has printed a metric, such as rmse=5.2.")
    table = [rows[job.cluster, job.id] for job in ordered]
    return ordered, Table(["Job", "Name", "Status", *params, *columns], table, [*told, *notes])


def compare(jobs: Sequence[JobMessage], metrics: Sequence[str] = ()) -> Comparison:
    """Return what jobs were given and what they printed, with the columns that tell a difference.

    ``metrics`` chooses among the metrics; none is all in which the jobs differ.
    """
    measured = [_metrics(job) for job in jobs]
    given = [job.params for job in jobs]
    columns = list(metrics) or [name for name in _names(measured) if _differs(measured, name)]
    best = {name: _best(name, [one.get(name) for one in measured]) for name in columns}
    return Comparison(
        jobs=[
            ComparedJob(job.cluster, job.id, job.name, job.status, job.params, _metrics(job))
            for job in jobs
        ],
        params=[name for name in _names(given) if _differs(given, name)],
        metrics=columns,
        best={name: value for name, value in best.items() if value is not None},
    )


def direction(metric: str) -> int:
    """Return -1 where less of a metric is better, 1 where more is, 0 where its name tells not."""
    if LOWER_IS_BETTER.search(metric):
        return -1
    return 1 if HIGHER_IS_BETTER.search(metric) else 0


def _metrics(job: JobMessage) -> dict[str, float]:
    return job.progress.metrics if job.progress else {}


def _names(many: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in many for name in one))


def _differs(many: Sequence[Mapping[str, Any]], name: str) -> bool:
    return len(many) == 1 or len({repr(one.get(name)) for one in many}) > 1


def _best(metric: str, values: Sequence[float | None]) -> float | None:
    """Return the best of several values; None where it is not known, or all are the same."""
    there = [value for value in values if value is not None and value == value]
    way = direction(metric)
    if not way or len(set(there)) < 2:
        return None
    return max(there) if way > 0 else min(there)


def _cell(value: float | None, best: float | None) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}"
    return Best(text) if value == best else text


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)


def _sorted(jobs: Sequence[Job], name: str) -> list[Job]:
    """Return the jobs by a metric, the best first, or by a param; those without it come last."""
    way = direction(name) if any(name in _metrics(job.last) for job in jobs) else 0

    def key(job: Job) -> tuple[bool, int, float, str]:
        value = _metrics(job.last).get(name, job.last.params.get(name))
        missing = value is None or value != value
        if isinstance(value, int | float):
            return missing, 0, -value if way > 0 else float(value), ""
        return missing, 1, 0.0, str(value)

    return sorted(jobs, key=key)
