"""Why a job did not end well: one sentence, and the job's own traceback below it."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

from kd_client.errors import RemoteJobError
from kd_client.training_client import TrainingClient
from kd_pipeline import failure_words, plain_text
from kd_pipeline.errors import KdError
from kd_pipeline.hints import TRAIN, Hint
from kd_pipeline.messages import Failure, Frame, Preflight
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.quantities import memory_text

END_LOOKED_AT = 16 * 1024
LINES_SHOWN = 20
LONGEST_LINE = 500
HINT_S = 2.0


def error_of(client: TrainingClient, message: JobMessage) -> RemoteJobError:
    """Return the error of a job that has ended badly."""
    failure = None
    with contextlib.suppress(KdError):  # that the job ended badly is known all the same
        failure = client.failure(message.id)
    end = [] if failure else log_end(client, message)
    reason = reason_of(client, message, failure, end)
    sentence = f"Job {message.id} on {message.cluster}: {message.status}. {reason.sentence}"
    remote = traceback_lines(failure) if failure else _remote_end(end)
    return RemoteJobError(
        sentence.strip(), message.id, message.status, failure, remote, hint=reason.hint
    )


@dataclass(frozen=True)
class Reason:
    """Why a job ended badly, in a sentence, and what to do where that is known."""

    sentence: str
    hint: Hint | None = None


def reason_of(
    client: TrainingClient, message: JobMessage, failure: Failure | None, end: list[str]
) -> Reason:
    """Return why a job ended badly; ``end`` are the last lines of its log, where they are known."""
    if message.status == "OutOfMemory":
        return _out_of_memory(message)
    if message.status == "Failed" and failure:
        own = [(frame.file, frame.line) for frame in failure.frames if frame.own]
        text = failure_words.sentence(failure.kind, failure.message, *(own[-1] if own else ()))
        return Reason(text, _import_hint(client, failure))
    words = [message.reason.rstrip(".") + "."] if message.reason else []
    last = end[-1].strip()[:LONGEST_LINE] if end else ""
    if last and message.status in ("Failed", "Lost") and last not in (message.reason or ""):
        words.append(f'Its log ends with "{last}".')
    if message.status == "TimedOut":
        hours = max(2, math.ceil(2 * (message.timeout_s or 0) / 3600))
        return Reason(" ".join(words), Hint(TRAIN, ("--timeout", f"{hours}h"), "gives more time"))
    if words:
        return Reason(" ".join(words))
    return Reason("", Hint("logs", (f"{message.cluster}/{message.id}",), "shows its log"))


def traceback_lines(failure: Failure) -> list[str]:
    """Return a failure's frames as lines of text; runs of library frames are one line."""
    lines = ["Traceback in the job (innermost last):"]
    folded: list[Frame] = []
    for frame in failure.frames:
        if not frame.own:
            folded.append(frame)
            continue
        lines += _folded(folded)
        folded = []
        lines += frame_lines(frame)
    lines += _folded(folded)
    return [*lines, *plain_text.lines(f"{failure.kind}: {failure.message}").splitlines()]


def frame_lines(frame: Frame) -> list[str]:
    """Return where a frame is, and its line of source."""
    within = "" if frame.function == "<module>" else f", in {frame.function}"
    is_cell = frame.own and frame.file.startswith("job ")
    where = f"line {frame.line}" if is_cell else f"{frame.file}, line {frame.line}"
    found = [f"  {where}{within}", *([f"    {frame.source}"] if frame.source else [])]
    return [plain_text.lines(line) for line in found]


def log_end(client: TrainingClient, message: JobMessage) -> list[str]:
    """Return the last lines of a job's log that are not empty."""
    try:
        start = max(0, client.log_size(message) - END_LOOKED_AT)
        end = client.log(message.id, start).decode(errors="replace")
    except KdError:  # as above
        return []
    lines = plain_text.lines(end).split("\n")[1 if start else 0 :]
    return [line.rstrip() for line in lines if line.strip()][-LINES_SHOWN * 5 :]


def _remote_end(lines: list[str]) -> list[str]:
    """Return the traceback at the end of a log; nothing where the log ends otherwise."""
    begins = [n for n, line in enumerate(lines) if line.startswith("Traceback (most recent")]
    return [line[:LONGEST_LINE] for line in lines[begins[-1] :][-LINES_SHOWN:]] if begins else []


def _folded(frames: list[Frame]) -> Iterator[str]:
    if frames:
        many = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
        yield f"  … {many} of libraries, the last: {_short(frames[-1])}"


def _short(frame: Frame) -> str:
    path = frame.file.rpartition("site-packages/")[2]
    return f"{path}, line {frame.line}, in {frame.function}"


def _out_of_memory(message: JobMessage) -> Reason:
    peak, limit = message.memory_peak_bytes, message.resources.memory_bytes
    used = f"It used {memory_text(peak)}" if peak else "It used up the memory"
    of = f" of its limit of {memory_text(limit)}" if limit else ""
    more = memory_text(2 * (limit or peak or 2 * 1024**3)).replace(" ", "")
    return Reason(f"{used}{of}.", Hint(TRAIN, ("--memory", more), "asks for more"))


def _import_hint(client: TrainingClient, failure: Failure) -> Hint | None:
    """Return what makes a missing module be there; the engine knows its package's name."""
    if not failure.missing_module:
        return None
    top = failure.missing_module.partition(".")[0]
    package = top
    try:
        for module in client.preflight(Preflight([top]), HINT_S).missing_modules:
            package = module.package or top
    except KdError:  # the module's own name is a good guess
        pass
    return Hint(TRAIN, ("--requirements", package), "installs it for the job")
