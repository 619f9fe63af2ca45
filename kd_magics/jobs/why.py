"""%why: one sentence why a job is as it is, and the variables of the frames that failed."""

from html import escape

from kd_client.jobs.failures import frame_lines, log_end, reason_of
from kd_client.jobs.job import Job
from kd_client.training_client import ended_well
from kd_magics.jobs import job_reference
from kd_magics.options import Options
from kd_magics.screen import show_bundle
from kd_magics.session import Session
from kd_magics.tables import Table
from kd_pipeline.messages import TERMINAL, Failure, Frame, Variable
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.quantities import duration_text, memory_text, size_text

LOG_LINES = 10
LONGEST_TEXT = 80


def parser() -> Options:
    """Return the parser of %why."""
    options = Options("%why")
    options.add_argument("job", nargs="?", metavar="[CLUSTER/]JOB")
    return options


def why(session: Session, line: str) -> None:
    """Show why a job waits, or ended as it did."""
    options = parser().read(line, session.shell.user_ns)
    job = (
        job_reference.named(session, options.job, "%why")
        if options.job
        else session.last_job("%why")
    )
    message = job.message
    failure = job.failure
    end = [] if failure or ended_well(message) else log_end(job.client, message)
    sentence = _sentence(job, message, failure, end)
    frames = _told_frames(failure)
    lines = [] if frames else end[-LOG_LINES:]
    text = [sentence, *(f"  | {line}" for line in lines)]
    html = [f"<div><b>{escape(sentence)}</b></div>"]
    if lines:
        html.append(f"<pre>{escape(chr(10).join(lines))}</pre>")
    for frame in frames:
        table = _variables(frame.variables)
        text += ["", *frame_lines(frame), *(f"    {row}" for row in table.text.splitlines())]
        place = escape("\n".join(frame_lines(frame)))
        html.append(f"<pre>{place}</pre>{table.html}")
    show_bundle({"text/plain": "\n".join(text), "text/html": "".join(html)})


def _sentence(job: Job, message: JobMessage, failure: Failure | None, end: list[str]) -> str:
    begin = f"Job {message.id} on {message.cluster}: {message.status}"
    if message.status not in TERMINAL:
        return f"{begin}. {_pending(message)}"
    peak = message.memory_peak_bytes
    memory = f" It used at most {memory_text(peak)} of memory." if peak else ""
    if ended_well(message):
        return f"{begin}.{memory}"
    if message.status == "OutOfMemory":
        memory = ""  # the reason has it
    return f"{begin}. {reason_of(job.client, message, failure, end)}{memory}"


def _pending(message: JobMessage) -> str:
    if message.status == "Queued":
        reason = (message.reason or "It waits for its turn").rstrip(".")
        before = message.queue_position
        told = not before or "before it" in reason
        return f"{reason}." if told else f"{reason}; {before} before it in the queue."
    parts = []
    usage, progress = message.usage, message.progress
    if usage:
        parts.append(
            f"{usage.cpu_percent:.0f} % of a processor, {memory_text(usage.memory_bytes)} of memory"
        )
    if progress and progress.fraction is not None:
        parts.append(f"{progress.fraction:.0%} done")
    if progress and progress.eta_s is not None:
        parts.append(f"about {duration_text(progress.eta_s)} to go")
    return f"It runs: {', '.join(parts)}." if parts else "It runs."


def _told_frames(failure: Failure | None) -> list[Frame]:
    """Return the frames worth a look: the job's own, and the innermost."""
    if failure is None:
        return []
    return [f for f in failure.frames if f.own or (f.variables and f is failure.frames[-1])]


def _variables(variables: list[Variable]) -> Table:
    """Return a frame's variables as a table."""
    rows = [[v.name, v.kind, _size(v), _one_line(v.text)] for v in variables]
    return Table(["Variable", "Type", "Size", "Value"], rows)


def _size(variable: Variable) -> str:
    shape = " × ".join(f"{n:,}" for n in variable.shape) if variable.shape else ""  # noqa: RUF001
    size = size_text(variable.size_bytes) if variable.size_bytes else ""
    return ", ".join(part for part in (shape, variable.dtype or "", size) if part)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"
