"""Write failure.json: the exception that ended a job, its frames, and their variables."""

import linecache
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

import msgspec

from kd_engines.training.job.error_output import OwnCode, cause_of, line_of, whole_message
from kd_engines.training.job.redaction import Secrets
from kd_engines.training.job.variables import plain, variable, variables
from kd_engines.training.job_folder import records
from kd_pipeline.messages import Failure, Frame, Variable

FIRST_FRAMES, LAST_FRAMES = 10, 40  # of a recursion that went too deep, these are kept
LONGEST_MESSAGE = 4000
LONGEST_KIND = 200
LONGEST_SOURCE = 500
LONGEST_S = 2.0  # for all reprs together


class _TakesTooLong(BaseException):
    """A variable's own code runs on and on; no `except Exception` of that code stops this."""


def write(error: BaseException, own: OwnCode, path: str) -> None:
    """Write the failure to ``path`` once; raises OSError where that is not possible."""
    content = msgspec.json.encode(told(error, own))
    records.create_exclusive(path, content)


def told(error: BaseException, own: OwnCode) -> Failure:
    """Return what is to be kept of an exception; its traceback begins in the job's code."""
    secrets, cause = Secrets(), cause_of(error)
    missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
    return Failure(
        kind=plain(type(error).__name__)[:LONGEST_KIND],
        message=plain(secrets.clean(whole_message(error)))[:LONGEST_MESSAGE],
        frames=_frames(cause if cause.__traceback__ else error, own, secrets),
        missing_module=missing if isinstance(missing, str) else None,
    )


def _frames(error: BaseException, own: OwnCode, secrets: Secrets) -> list[Frame]:
    if isinstance(error, SyntaxError) and error.filename and own.has(error.filename):
        name, source = own.shown(error.filename), (error.text or "").strip()
        return [Frame(name, line_of(error), "<module>", plain(source)[:LONGEST_SOURCE], True)]
    steps = list(_steps(error.__traceback__))
    if len(steps) > FIRST_FRAMES + LAST_FRAMES:
        steps = steps[:FIRST_FRAMES] + steps[-LAST_FRAMES:]
    frames = [_frame(frame, line, own) for frame, line in steps]
    deadline = _Deadline()
    # The innermost first: where time runs out, the outer ones are without.
    for told_frame, (frame, _) in reversed(list(zip(frames, steps, strict=True))):
        if told_frame.own or told_frame is frames[-1]:
            told_frame.variables = deadline.variables(frame, secrets)
    return frames


def _steps(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _frame(frame: FrameType, line: int, own: OwnCode) -> Frame:
    filename = frame.f_code.co_filename
    source = linecache.getline(filename, line, frame.f_globals).strip()
    return Frame(
        file=plain(own.shown(filename)),
        line=line,
        function=frame.f_code.co_qualname,
        source=plain(source)[:LONGEST_SOURCE],
        own=own.has(filename),
    )


class _Deadline:
    """Lets variables describe themselves, until that has taken `LONGEST_S` in all."""

    def __init__(self) -> None:
        self._left = LONGEST_S

    def variables(self, frame: FrameType, secrets: Secrets) -> list[Variable]:
        """Return a frame's variables, as far as time allows."""
        found: list[Variable] = []
        if self._left <= 0:
            return found
        before = signal.signal(signal.SIGALRM, self._on_alarm)
        signal.setitimer(signal.ITIMER_REAL, self._left)
        try:
            for each in variables(frame, secrets):
                found.append(each)
        except _TakesTooLong:
            found.append(variable("...", _Unshown(), secrets))
        finally:
            self._left = signal.setitimer(signal.ITIMER_REAL, 0)[0]
            signal.signal(signal.SIGALRM, before or signal.SIG_DFL)
        return found

    def _on_alarm(self, *_: Any) -> None:
        raise _TakesTooLong


class _Unshown:
    def __repr__(self) -> str:
        return f"the other variables are not shown: they took longer than {LONGEST_S:g} s"
