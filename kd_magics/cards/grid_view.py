"""How the card of a grid's jobs looks: a row for each job, the best one first said, with curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from kd_client.jobs.comparison import best_job, candidates, compare, main_metric, metrics_of
from kd_client.jobs.saved_reference import as_of
from kd_magics.cards import sparkline
from kd_magics.cards.card_view import BOX, CODE, ROW, bar
from kd_magics.looks import BAD, BRAND, GOOD, LOOKS, QUIET, WARN, symbol, word
from kd_magics.tables import Table
from kd_pipeline import plain_text
from kd_pipeline.messages import TERMINAL, Job, MetricPoint

MOST_METRICS = 4
CELL = "style='text-align:left;padding:2px 12px 2px 0;white-space:nowrap'"


@dataclass(frozen=True)
class GridSnapshot:
    """What is known of a grid's jobs at one moment; ``names`` are the params that vary.

    ``curves`` are those of the main metric by job id.
    """

    jobs: Sequence[Job]
    names: Sequence[str]
    now: datetime
    curves: Mapping[int, Sequence[MetricPoint]] = field(default_factory=dict)
    note: str = ""

    @property
    def ended(self) -> bool:
        """Tell whether all jobs have ended."""
        return all(job.status in TERMINAL for job in self.jobs)

    @property
    def metrics(self) -> list[str]:
        """Return the metrics that are shown, the main one first."""
        main = main_metric(self.jobs)
        others = [name for name in compare(self.jobs).metrics if name != main]
        return [*([main] if main else []), *others][:MOST_METRICS]


def text(snapshot: GridSnapshot) -> str:
    """Return the grid as lines: how it stands, the best job, and the table."""
    metrics = snapshot.metrics
    rows = [
        [
            job.id,
            *(_param(job.params.get(name)) for name in snapshot.names),
            job.status,
            *(_number(job, name) for name in metrics),
        ]
        for job in snapshot.jobs
    ]
    table = Table(["Job", *snapshot.names, "Status", *metrics], rows).text
    best = best_so_far(snapshot.jobs, snapshot.names)
    notes = _notes(snapshot)
    lines = [
        _counts(snapshot),
        *([best] if best else []),
        "",
        table,
        *(["", *notes] if notes else []),
    ]
    return plain_text.lines("\n".join(lines))


def html(snapshot: GridSnapshot) -> str:
    """Return the grid as HTML; everything that comes from jobs is escaped."""
    best = best_so_far(snapshot.jobs, snapshot.names)
    well = all(job.status == "Finished" for job in snapshot.jobs)
    color = BRAND if not snapshot.ended else GOOD if well else BAD
    parts = [
        f"<div style='{ROW}'><strong>{escape(_counts(snapshot))}</strong></div>",
        f"<div>{escape(best)}</div>" if best else "",
        f"<div style='overflow-x:auto'>{_table(snapshot)}</div>",
        *(f"<div style='{QUIET}'>{escape(note)}</div>" for note in _notes(snapshot)),
        f"<div style='{QUIET}'>{_ways(snapshot)}</div>",
    ]
    return f"<div style='{BOX.format(color=color)}'>{''.join(parts)}</div>"


def best_so_far(jobs: Sequence[Job], names: Sequence[str]) -> str:
    """Return which job is the best so far, by its main metric; "" where that is not known."""
    metric = main_metric(jobs)
    job = best_job(candidates(jobs), metric) if metric else None
    return "" if job is None or metric is None else best_words(jobs, names, metric, job)


def best_words(jobs: Sequence[Job], names: Sequence[str], metric: str, job: Job) -> str:
    """Return that a job is the best: ``Best rmse: 0.03 by job 7 (lr=0.01, depth=3)``."""
    params = ", ".join(f"{name}={_param(job.params.get(name))}" for name in names)
    so_far = "" if all(one.status in TERMINAL for one in jobs) else " so far"
    return f"Best {metric}{so_far}: {metrics_of(job)[metric]:.6g} by job {job.id} ({params})"


def _counts(snapshot: GridSnapshot) -> str:
    jobs = snapshot.jobs
    counts = {status: sum(job.status == status for job in jobs) for status in LOOKS}
    told = ", ".join(f"{count} {word(status).lower()}" for status, count in counts.items() if count)
    return f"{len(jobs)} jobs on {jobs[0].cluster}: {told}"


def _notes(snapshot: GridSnapshot) -> list[str]:
    """Return what is to be said of the card itself; a saved notebook shows it for ever."""
    when = [] if snapshot.ended else [f"{as_of(snapshot.now).capitalize()}."]
    return [*([snapshot.note] if snapshot.note else []), *when]


def _table(snapshot: GridSnapshot) -> str:
    metrics = snapshot.metrics
    best = compare(candidates(snapshot.jobs), metrics).best if metrics else {}
    heads = ["Job", *snapshot.names, "Status", "", *metrics, "" if metrics else None]
    head = "".join(f"<th {CELL}>{escape(name)}</th>" for name in heads if name is not None)
    rows = "".join(_row(snapshot, job, metrics, best) for job in snapshot.jobs)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(
    snapshot: GridSnapshot, job: Job, metrics: Sequence[str], best: Mapping[str, float]
) -> str:
    values = metrics_of(job)
    cells = [
        str(job.id),
        *(escape(_param(job.params.get(name))) for name in snapshot.names),
        f"{symbol(job.status)} {escape(word(job.status))}",
        _reason(job) or bar(job.progress, job.status),
        *(
            f"<strong>{_number(job, name)}</strong>"
            if job in candidates([job]) and name in values and values[name] == best.get(name)
            else _number(job, name)
            for name in metrics
        ),
    ]
    if metrics:
        points = [(point.at, point.value) for point in snapshot.curves.get(job.id, ())]
        cells.append(sparkline.svg(metrics[0], points, BRAND))
    return "<tr>" + "".join(f"<td {CELL}>{cell}</td>" for cell in cells) + "</tr>"


def _reason(job: Job) -> str:
    reason = job.reason if job.status != "Queued" else None
    if not reason:
        return ""
    style = f"color:{WARN};white-space:normal;display:inline-block;min-width:16em"
    return f"<span style='{style}'>{escape(reason)}</span>"


def _ways(snapshot: GridSnapshot) -> str:
    ways = ["_jobs.best()", "_jobs[0].log()", *([] if snapshot.ended else ["_jobs.cancel()"])]
    return " · ".join(f"<code style='{CODE}'>{way}</code>" for way in ways)


def _number(job: Job, name: str) -> str:
    values = metrics_of(job)
    return f"{values[name]:.6g}" if name in values else ""


def _param(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)
