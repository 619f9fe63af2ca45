"""Why a job is as it is: it waits, it runs, or it ended, well or badly."""

from dataclasses import dataclass, field

from kd_client.jobs.failures import log_end, reason_of
from kd_client.training_client import TrainingClient, ended_well
from kd_pipeline.hints import Hint
from kd_pipeline.messages import TERMINAL, Failure, Frame
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.quantities import duration_text, memory_text

LOG_LINES = 10


@dataclass(frozen=True)
class Why:
    """One sentence, and what to do where that is known.

    ``frames`` are those of the exception that are worth a look, with their variables as they were:
    the job's own, and the innermost. Where there are none, ``log`` are the last lines of its log.
    """

    sentence: str
    hint: Hint | None = None
    frames: list[Frame] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def why(client: TrainingClient, message: JobMessage) -> Why:
    """Return why a job is as ``message`` says; raises EngineDown, NotFound."""
    begin = f"Job {message.id} on {message.cluster}: {message.status}"
    if message.status not in TERMINAL:
        return Why(f"{begin}. {_pending(message)}")
    peak = message.memory_peak_bytes
    memory = f" It used at most {memory_text(peak)} of memory." if peak else ""
    if ended_well(message):
        thread = f" {message.reason}" if message.reason else ""  # that failed
        return Why(f"{begin}.{thread}{memory}")
    failure = client.failure(message.id)
    end = [] if failure else log_end(client, message)
    reason = reason_of(client, message, failure, end)
    frames = _worth_a_look(failure)
    if message.status == "OutOfMemory":
        memory = ""  # the reason has it
    sentence = f"{begin}. {reason.sentence}".rstrip() + memory
    return Why(sentence, reason.hint, frames, [] if frames else end[-LOG_LINES:])


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


def _worth_a_look(failure: Failure | None) -> list[Frame]:
    if failure is None:
        return []
    return [f for f in failure.frames if f.own or (f.variables and f is failure.frames[-1])]
