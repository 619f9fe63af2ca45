"""A job's log and rich outputs, shown once or as they come, or saved."""

import re
import sys
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kd_client.errors import RemoteJobError
from kd_client.jobs.job import Job
from kd_client.terminal.log_text import LogText
from kd_magics import face
from kd_magics.errors import WatchStopped
from kd_magics.output import interrupts, log_parts, log_save, log_times
from kd_magics.output.log_view import LogView
from kd_magics.output.watch import watch
from kd_magics.settings import KdMagics
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.quantities import size_text


@dataclass(frozen=True)
class Wanted:
    """Which part of a log is wanted: the last lines, after a time, the lines that match.

    Without ``tail`` the settings' tail counts for what was written before it is asked for; what
    comes while it is watched is shown as it comes.
    """

    tail: int | None = None
    since: datetime | None = None
    grep: re.Pattern[str] | None = None
    settings: KdMagics = field(default_factory=KdMagics)

    @property
    def lines(self) -> int:
        """Return how many of the last lines are wanted."""
        return self.tail or self.settings.tail


def show(job: Job, wanted: Wanted) -> None:
    """Print a job's status, then its log with the outputs at their places."""
    message = job.message
    print(f"Job Status: {message.status}")
    size = job.client.log_size(message)
    view = _view(job, size, wanted)
    view.take_outputs()
    for piece in log_parts.read(job, view.offset, size):
        view.write(piece)
    view.close()


def follow(job: Job, wanted: Wanted, first_line: bool = True) -> None:
    """Show a job's log as it comes until the job has ended; raises RemoteJobError.

    Raises WatchStopped where it is interrupted, and EngineDown where the engine stays away.
    """
    told, interrupted = "", False
    try:
        message = job.message
        if first_line:
            print(f"Job Status: {message.status}{_place(message)}", flush=True)
            told = message.status
        view = _view(job, job.client.log_size(message), wanted)
        watch(job, view, 1 / wanted.settings.updates_per_second)
    except KeyboardInterrupt:
        interrupted = True
        interrupts.detach(job)
    if job.status != told:
        print(f"Job Status: {job.status}")
    try:
        job.raise_unless_well()
    except RemoteJobError as error:
        error.is_shown = wanted.grep is None  # the log ends with the traceback
        raise
    if job.last.reason:  # a thread of it failed
        print(f"[{job.last.reason}]", file=sys.stderr)
    if interrupted:  # whoever interrupts "Run All" does not want the next cell to run
        raise WatchStopped(f"Interrupted; job {job.id} on {job.cluster} had finished by then.")


def save(job: Job, path: Path, wanted: Wanted) -> None:
    """Print a job's status and write its log so far to a file."""
    message = job.message
    print(f"Job Status: {message.status}", flush=True)
    start = log_times.offset_since(job, wanted.since) if wanted.since else 0
    text = LogText(wanted.grep) if wanted.grep else None
    print(log_save.save(job, path, start, job.client.log_size(message), text))


def _view(job: Job, size: int, wanted: Wanted) -> LogView:
    """Return a view that begins in a log of ``size`` bytes where it is wanted to."""
    floor = log_times.offset_since(job, wanted.since) if wanted.since else 0
    if wanted.grep:
        view = LogView(job, floor, wanted.grep, most_shown=wanted.settings.most_shown_bytes)
        lines, before = log_parts.last_matches(job, view.text, floor, size, wanted.lines)
        if before and not wanted.tail:
            print(_hidden(before, None, "matching "), flush=True)
        view.skip(lines, max(floor, size))
        return view
    start = log_parts.tail_start(job, floor, size, wanted.lines) if size > floor else floor
    # Of a tail that was asked for, nothing is hidden unless its lines are very long.
    if start > floor and (not wanted.tail or size - start > log_parts.LARGEST_TAIL // 2):
        print(_hidden(log_parts.count_lines(job, floor, start), start - floor), flush=True)
    return LogView(job, start, most_shown=wanted.settings.most_shown_bytes)


def _hidden(lines: int | None, size: int | None, kind: str = "") -> str:
    amount = "" if lines is None else f"{lines:,} earlier {kind}lines "
    amount += "" if size is None else f"({size_text(size)}) " if lines else f"{size_text(size)} "
    return (
        f"[{amount}before this are hidden: --tail LINES shows more, --save FILE keeps all"
        f"{'' if face.in_terminal() else ', _job.log() returns all'}]"
    )


def _place(message: JobMessage) -> str:
    before = message.queue_position
    return f" ({before} before it in the queue)" if message.status == "Queued" and before else ""
