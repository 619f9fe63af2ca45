"""Jobs side by side: their params and metrics as far as they differ, and the best values."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.messages.sidebar import ComparedJob, Comparison

LOWER_IS_BETTER = re.compile(r"loss|err|rmse|mae|mse|mape|perplexity|logloss|wer", re.IGNORECASE)
HIGHER_IS_BETTER = re.compile(
    r"acc|auc|f1|r2|score|precision|recall|map$|bleu|rouge|iou|dice", re.IGNORECASE
)
TESTED = re.compile(r"val|test|eval|cv|dev|holdout", re.IGNORECASE)


def compare(jobs: Sequence[JobMessage], metrics: Sequence[str] = ()) -> Comparison:
    """Return what jobs were given and what they printed, with the columns that tell a difference.

    ``metrics`` chooses among the metrics; none is all in which the jobs differ.
    """
    measured = [metrics_of(job) for job in jobs]
    given = [job.params for job in jobs]
    columns = list(metrics) or [name for name in names_of(measured) if _differs(measured, name)]
    best = {name: _best(name, [one.get(name) for one in measured]) for name in columns}
    return Comparison(
        jobs=[
            ComparedJob(job.cluster, job.id, job.name, job.status, job.params, metrics_of(job))
            for job in jobs
        ],
        params=[name for name in names_of(given) if _differs(given, name)],
        metrics=columns,
        best={name: value for name, value in best.items() if value is not None},
    )


def direction(metric: str) -> int:
    """Return -1 where less of a metric is better, 1 where more is, 0 where its name tells not."""
    if LOWER_IS_BETTER.search(metric):
        return -1
    return 1 if HIGHER_IS_BETTER.search(metric) else 0


def main_metric(jobs: Sequence[JobMessage]) -> str | None:
    """Return the metric that jobs are best compared by; None where none has printed one.

    Of those whose names tell what is better, one of validation or testing comes first, then the
    last one printed.
    """
    names = names_of(metrics_of(job) for job in jobs)
    telling = [name for name in names if direction(name)]
    tested = [name for name in telling if TESTED.match(name)]
    return next(reversed(tested or telling or names), None)


def best_job(
    jobs: Sequence[JobMessage], metric: str, smallest: bool | None = None
) -> JobMessage | None:
    """Return the job whose last value of a metric is the best; None where none has printed it.

    Where ``smallest`` is not told the metric's name tells it, and else it is the smallest.
    """
    found = [job for job in jobs if (v := metrics_of(job).get(metric)) is not None and v == v]
    way = (direction(metric) or -1) if smallest is None else -1 if smallest else 1
    return max(found, key=lambda job: way * metrics_of(job)[metric], default=None)


def metrics_of(job: JobMessage) -> dict[str, float]:
    """Return the last metrics that a job printed."""
    return job.progress.metrics if job.progress else {}


def names_of(many: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all keys of several mappings, each once."""
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
