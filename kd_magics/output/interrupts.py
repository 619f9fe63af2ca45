"""The two-step interrupt: the first leaves a job alone, a second within 3 seconds cancels it.

What is printed of the job's state is what its engine says just then; where the engine does not
answer, it is said that the state is not known.
"""

import threading
import time
from collections.abc import Callable
from typing import NoReturn

from kd_client.jobs.job import Job
from kd_magics import face
from kd_magics.errors import WatchStopped
from kd_pipeline.errors import KdError
from kd_pipeline.messages import TERMINAL
from kd_pipeline.messages import Job as JobMessage

SECOND_WITHIN_S = 3.0
# How long the engine may take to tell a state, and to tell of a cancelled job's end.
STATE_WITHIN_S = 2.0
END_WITHIN_S = 15.0
ASK_EVERY_S = 0.25
WORDS = {"Running": "running", "Queued": "queued"}


def detach(job: Job) -> None:
    """Stop watching after an interrupt, or cancel the job where a second one comes in time.

    Returns where the job has ended, as its engine says; else raises WatchStopped.
    """
    until = time.monotonic() + SECOND_WITHIN_S
    try:
        status = _status(job, STATE_WITHIN_S)
        if status in TERMINAL:
            return
        print(_how_to_come_back(job, status), flush=True)
        print(f"Interrupt again within {SECOND_WITHIN_S:g} seconds to cancel the job.", flush=True)
        time.sleep(max(0.0, until - time.monotonic()))
    except KeyboardInterrupt:
        _cancel(job)
        return
    _stopped(f"Stopped watching job {job.id} on {job.cluster}; the job itself was left alone.")


def _cancel(job: Job) -> None:
    """Cancel a job; returns once its engine tells that it has ended, else raises WatchStopped."""
    print(f"Cancelling job {job.id} …", flush=True)
    deadline = time.monotonic() + END_WITHIN_S
    try:
        asked = _answer(lambda: job.client.cancel(job.id), END_WITHIN_S)
        status: str | None = None
        while asked is not None and time.monotonic() < deadline:
            status = _status(job, deadline - time.monotonic())
            if status in TERMINAL:
                return
            time.sleep(ASK_EVERY_S)
    except KeyboardInterrupt:
        _stopped(f"Stopped waiting for the end of job {job.id}; {_to_look(job)}")
    if asked is None:
        _stopped(
            f"The engine of {job.cluster} does not answer, so it is not known whether job {job.id} "
            f"was cancelled; {_to_look(job)}"
        )
    said = f"it says {status}" if status else "it does not answer now"
    _stopped(
        f"The engine was asked to cancel job {job.id}; after {END_WITHIN_S:g} s {said}. "
        f"{_to_look(job).capitalize()}"
    )


def _how_to_come_back(job: Job, status: str | None) -> str:
    handle = job.handle
    ways = f"{face.typed('logs', '-f', handle)} · stop: {face.typed('cancel', handle)}"
    if status is None:
        return f"not known whether it still runs, the engine does not answer: {ways}"
    return f"still {WORDS.get(status, status)}: {ways}"


def _to_look(job: Job) -> str:
    look, cancel = face.typed("logs", job.handle), face.typed("cancel", job.handle)
    return f"look with {look}, cancel with {cancel}."


def _status(job: Job, within_s: float) -> str | None:
    """Return a job's status as its engine tells it now; None where it does not in time."""
    message = _answer(lambda: job.client.job(job.id), within_s)
    if message is None:
        return None
    job.update(message)
    return message.status


def _answer(ask: Callable[[], JobMessage], within_s: float) -> JobMessage | None:
    """Ask in a thread, as a call waits longer for an engine than somebody who interrupts does."""
    answers: list[JobMessage] = []
    done = threading.Event()

    def run() -> None:
        try:
            answers.append(ask())
        except KdError:
            pass  # no answer is told as what it is
        finally:
            done.set()

    threading.Thread(target=run, name="kd-ask", daemon=True).start()
    done.wait(within_s)
    return answers[0] if answers else None


def _stopped(sentence: str) -> NoReturn:
    raise WatchStopped(sentence) from None
