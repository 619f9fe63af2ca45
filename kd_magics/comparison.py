"""Jobs side by side: one row a job, its params and metrics side by side."""

from collections.abc import Sequence
from typing import Any

from kd_client.errors import BadOptions
from kd_client.jobs.comparison import compare, direction, metrics_of, names_of
from kd_client.jobs.job import Job
from kd_magics.tables import Table, TextOnly, best, state


def comparison(
    jobs: Sequence[Job], metrics: Sequence[str], sort: str | None, notes: Sequence[str]
) -> tuple[list[Job], Table]:
    """Return the jobs in order and their table; columns in which all are equal are left out.

    ``metrics`` chooses among the metrics; none is all of them. The best value of a metric is
    marked where its name tells whether less or more is better. Raises BadOptions.
    """
    found = names_of(metrics_of(job.last) for job in jobs)
    whole = compare([job.last for job in jobs], metrics)
    params, columns = whole.params, whole.metrics
    unknown = [name for name in metrics if name not in found]
    if unknown or (sort and sort not in found + params):
        name = unknown[0] if unknown else sort
        raise BadOptions(
            f"No job here has {name!r}; there are: {', '.join(found + params) or 'none'}."
        )
    rows = {
        (row.cluster, row.id): [
            f"{row.cluster}/{row.id}",
            row.name,
            state(row.status),
            *(_text(row.params.get(name)) for name in params),
            *(_cell(row.metrics.get(name), whole.best.get(name)) for name in columns),
        ]
        for row in whole.jobs
    }
    ordered = _sorted(jobs, sort) if sort else list(jobs)
    told: list[str] = [TextOnly("The best of a column is marked (*).")] if whole.best else []
    if not found:
        told.append("No job here has printed a metric, such as rmse=5.2.")
    table = [rows[job.cluster, job.id] for job in ordered]
    return ordered, Table(["Job", "Name", "Status", *params, *columns], table, [*told, *notes])


def _cell(value: float | None, best_value: float | None) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}"
    return best(text) if value == best_value else text


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)


def _sorted(jobs: Sequence[Job], name: str) -> list[Job]:
    """Return the jobs by a metric, the best first, or by a param; those without it come last."""
    way = direction(name) if any(name in metrics_of(job.last) for job in jobs) else 0

    def key(job: Job) -> tuple[bool, int, float, str]:
        value = metrics_of(job.last).get(name, job.last.params.get(name))
        missing = value is None or value != value
        if isinstance(value, int | float):
            return missing, 0, -value if way > 0 else float(value), ""
        return missing, 1, 0.0, str(value)

    return sorted(jobs, key=key)
