"""How a job's card looks, from what is known of the job: as text and as HTML.

The HTML has no script and nothing from outside. What colour and length say is said in words as
well, as some sites strip the styles of a saved notebook.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

from kd_client.jobs.saved_reference import as_of
from kd_client.terminal.text_style import without_style
from kd_magics.cards import sparkline
from kd_magics.looks import BRAND, GREY, LOOKS, QUIET, WARN, symbol, word
from kd_pipeline.messages import TERMINAL, Job, Progress
from kd_pipeline.quantities import memory_text

MOST_LINES = 8
LONGEST_LINE = 200
MOST_METRICS = 6
TEXT_METRICS = 3
FONT = "font-family:var(--jp-ui-font-family, system-ui, sans-serif);font-size:13px"
CODE = "font-family:var(--jp-code-font-family, ui-monospace, monospace);font-size:12px"
BOX = (
    "border:1px solid var(--jp-border-color2, rgba(128,128,128,0.4));border-left:4px solid {color};"
    "border-radius:3px;padding:8px 12px;max-width:760px;line-height:1.5;"
    f"color:var(--jp-ui-font-color1, inherit);{FONT}"
)
ROW = "display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 16px"
PRE = (
    "margin:6px 0;padding:4px 8px;overflow-x:auto;white-space:pre;line-height:1.35;"
    "scrollbar-width:thin;scrollbar-color:rgba(128,128,128,0.5) transparent;"
    "border:none;color:var(--jp-content-font-color1, inherit);"
    f"background:var(--jp-layout-color2, rgba(128,128,128,0.12));{CODE}"
)


@dataclass(frozen=True)
class Snapshot:
    """What is known of a job at one moment; ``handle`` is what %logs and %cancel are told.

    ``note`` tells of the card itself: that the engine does not answer, that it is not updated.
    """

    job: Job
    handle: str
    now: datetime
    progress: Progress | None = None
    history: Mapping[str, Sequence[tuple[float | None, float]]] = field(default_factory=dict)
    lines: Sequence[str] = ()
    note: str = ""

    @property
    def ended(self) -> bool:
        """Tell whether the job has ended."""
        return self.job.status in TERMINAL

    @property
    def elapsed_s(self) -> float | None:
        """Return how long the job has waited or run, or ran; None where that is not known."""
        begin = self.job.started or (None if self.ended else self.job.submitted)
        end = self.job.ended if self.ended else None
        try:
            since = datetime.fromisoformat(begin or "")
            until = datetime.fromisoformat(end) if end else self.now
        except ValueError:
            return None
        return max(0.0, (until - since).total_seconds())


def text(snapshot: Snapshot) -> str:
    """Return the card as a line, and a second one where there is something to explain."""
    job, progress = snapshot.job, snapshot.progress
    facts = [word(job.status) + ("" if snapshot.ended else f" {as_of(snapshot.now)}")]
    if snapshot.elapsed_s is not None:
        facts.append(clock(snapshot.elapsed_s))
    if progress and not snapshot.ended:
        facts += [_how_far(progress), _left(progress)]
    if progress:
        facts += [f"{n}={v:.4g}" for n, v in list(progress.metrics.items())[-TEXT_METRICS:]]
    first = f"{title(job)} on {job.cluster}: {', '.join(filter(None, facts))}"
    ways = " · ".join(way for way, _ in _ways(snapshot))
    more = [part for part in (job.reason, snapshot.note) if part]
    return "\n".join([f"{first} · {ways}", *([" ".join(more)] if more else [])])


def html(snapshot: Snapshot) -> str:
    """Return the card as HTML; everything that comes from a job is escaped."""
    job = snapshot.job
    _, color = LOOKS.get(job.status, ("", GREY))
    warns = job.status == "Finished" and bool(job.reason)  # a thread of it failed
    parts = [_head(snapshot), bar(snapshot.progress, job.status)]
    sign = f"<span aria-hidden='true' style='color:{WARN}'>⚠</span> "
    if job.reason:
        parts.append(f"<div>{sign if warns else ''}{escape(job.reason)}</div>")
    parts += [_numbers(snapshot), _log(snapshot.lines)]
    if snapshot.note:
        parts.append(f"<div>{sign}<em>{escape(snapshot.note)}</em></div>")
    ways = " · ".join(
        f"<code style='{CODE}'>{escape(way)}</code> {what}" for way, what in _ways(snapshot)
    )
    parts.append(f"<div style='{QUIET}'>{ways}</div>")
    return f"<div style='{BOX.format(color=WARN if warns else color)}'>{''.join(parts)}</div>"


def title(job: Job) -> str:
    """Return what a job is called: ``Job 9 'first-try'``."""
    return f"Job {job.id}" + (f" '{job.name}'" if job.name else "")


def clock(seconds: float) -> str:
    """Return a duration as a clock shows it: ``0:07``, ``2:13``, ``1:02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _head(snapshot: Snapshot) -> str:
    job = snapshot.job
    times = [] if snapshot.elapsed_s is None else [_elapsed(snapshot)]
    if snapshot.progress and not snapshot.ended:
        times.append(_left(snapshot.progress))
    if not snapshot.ended:  # a saved notebook shows it for ever
        times.append(as_of(snapshot.now))
    about = " · ".join(filter(None, [f"on {job.cluster}", *times]))
    return (
        f"<div style='{ROW}'><strong>{symbol(job.status)} {escape(word(job.status))}</strong> "
        f"<strong>{escape(title(job))}</strong> "
        f"<span style='{QUIET}'>{escape(about)}</span></div>"
    )


def _elapsed(snapshot: Snapshot) -> str:
    shown = clock(snapshot.elapsed_s or 0.0)
    if snapshot.job.status == "Queued":
        before = snapshot.job.queue_position
        return f"waiting {shown}" + (f", {before} before it in the queue" if before else "")
    return f"took {shown}" if snapshot.ended else f"running {shown}"


def bar(progress: Progress | None, status: str) -> str:
    """Return the progress bar; what is finished needs none, what failed shows how far it came."""
    if progress is None or progress.fraction is None or status == "Finished":
        return ""
    ended = status in TERMINAL
    percent = round(100 * min(1.0, max(0.0, progress.fraction)))
    color = GREY if ended else BRAND
    words = escape(("came to " if ended else "") + _how_far(progress))
    return (
        "<div style='display:flex;align-items:center;gap:12px;margin:4px 0'>"
        f"<div role='progressbar' aria-label='progress' aria-valuenow='{percent}' "
        "aria-valuemin='0' aria-valuemax='100' style='flex:1;min-width:60px;height:6px;"
        "border-radius:3px;overflow:hidden;"
        "background:var(--jp-layout-color2, rgba(128,128,128,0.25))'>"
        f"<div style='width:{percent}%;height:100%;background:{color}'></div></div>"
        f"<span>{words}</span></div>"
    )


def _how_far(progress: Progress) -> str:
    """Return ``45 % (epoch 5/10)`` as far as it is known."""
    place = ""
    if progress.current is not None:
        total = f"/{progress.total:g}" if progress.total else ""
        place = f"{progress.unit} {progress.current:g}{total}".strip()
    if progress.fraction is None:
        return place
    return f"{progress.fraction:.0%}".replace("%", " %") + (f" ({place})" if place else "")


def _left(progress: Progress) -> str:
    left = progress.eta_s or 0.0
    return f"about {clock(left)} left" if left >= 1.0 else ""


def _numbers(snapshot: Snapshot) -> str:
    """Return the last metrics with their lines, and what the job uses."""
    metrics = list(snapshot.progress.metrics.items())[-MOST_METRICS:] if snapshot.progress else []
    cells = [
        f"<div><span style='{QUIET}'>{escape(name)}</span> <strong>{value:.4g}</strong> "
        f"{sparkline.svg(name, snapshot.history.get(name, ()), BRAND)}</div>"
        for name, value in metrics
    ]
    return f"<div style='{ROW}'>{''.join(cells + _usage(snapshot.job))}</div>"


def _usage(job: Job) -> list[str]:
    label = f"<div><span style='{QUIET}'>{{}}</span> {{}}</div>"
    if job.usage and job.status not in TERMINAL:
        peak = memory_text(job.usage.memory_peak_bytes)
        memory = f"{memory_text(job.usage.memory_bytes)} (peak {peak})"
        cpu = f"{job.usage.cpu_percent:.0f} %"
        return [label.format("CPU", cpu), label.format("memory", memory)]
    if job.memory_peak_bytes:
        return [label.format("memory peak", memory_text(job.memory_peak_bytes))]
    return []


def _log(lines: Sequence[str]) -> str:
    shown = [_shortened(without_style(line)) for line in lines]
    while shown and not shown[-1]:
        shown.pop()
    if not shown:
        return ""
    return f"<pre style='{PRE}'>{escape(chr(10).join(shown[-MOST_LINES:]))}</pre>"


def _shortened(line: str) -> str:
    return (line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…").rstrip()


def _ways(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return the magics that go on from here, and what each does."""
    handle = snapshot.handle
    if not snapshot.ended:
        return [(f"%logs -f {handle}", "follows the log"), (f"%cancel {handle}", "stops the job")]
    ways = [(f"%logs {handle}", "shows the log")]
    if snapshot.job.status not in ("Finished", "Cancelled"):
        ways.append((f"%why {handle}", "explains why"))
    return ways


def bundle(snapshot: Snapshot, mime: str, reference: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card's MIME bundle: text, HTML, and the job's reference under ``mime``."""
    return {"text/plain": text(snapshot), "text/html": html(snapshot), mime: dict(reference)}
