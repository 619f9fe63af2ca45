"""Tell the runner in a sentence why a job's code failed, or that a thread of it did."""

from __future__ import annotations

import _thread

from kd_engines.training.job_folder import records

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable

    from kd_engines.training.job.error_output import OwnCode

LONGEST_NAME = 100
LONGEST_TURN_S = 5.0
A_THREAD, THE_CODE = 1, 2  # what the code's own end says counts for more


class Reasons:
    """Keeps the reason of one job; ``own`` tells which files are its code.

    ``in_job`` tells whether this is the job's own process: a helper's reason is none of the job's.
    What all that needs is slow to import, and most jobs have no reason.
    """

    def __init__(
        self, job_folder: str, own: Callable[[], OwnCode], in_job: Callable[[], bool]
    ) -> None:
        self._path = f"{job_folder}/{records.REASON}"
        self._own, self._in_job = own, in_job
        self._kept = 0
        self._turn = _thread.allocate_lock()  # threads may fail at the same time

    def failed(self, error: BaseException) -> None:
        """Keep which exception ended the code."""
        self.keep(self._sentence(error))

    def exits(self, ended: SystemExit) -> None:
        """Keep which exit code other than 0 the code asked for, or its last words."""
        if ends_well(ended):
            return
        if isinstance(ended.code, int):
            self.keep(self._sentence(ended, f"The code called sys.exit({ended.code})"))
        else:
            self.failed(ended)

    def thread_failed(self, name: str, error: BaseException) -> None:
        """Print and keep that a thread failed, which by itself makes no job fail.

        The first one counts.
        """
        from kd_engines.training.job import error_output
        from kd_pipeline.plain_text import one_line

        name = one_line(name, LONGEST_NAME)
        # Not for ever: the text of an exception may wait for another thread that has failed.
        is_ours = self._turn.acquire(timeout=LONGEST_TURN_S)
        try:
            error_output.report_thread(name, error, self._own())
            self.keep(f"{records.THREAD}{name} failed: {self._sentence(error)}", A_THREAD)
        finally:
            if is_ours:
                self._turn.release()

    def keep(self, reason: str, what: int = THE_CODE) -> None:
        """Keep a reason, unless there is one of as much weight."""
        if what <= self._kept or not self._in_job():
            return
        self._kept = what
        import json

        try:
            records.replace(self._path, json.dumps({"reason": reason}).encode())
        except OSError as error:  # the disk is full; the log tells the same
            print(f"The reason could not be kept: {error}")

    def _sentence(self, error: BaseException, instead: str = "") -> str:
        from kd_engines.training.job.error_output import cause_of, whole_message
        from kd_engines.training.job.redaction import Secrets
        from kd_pipeline import failure_words

        text = "" if instead else Secrets().clean(whole_message(error))
        kind = instead or type(error).__name__
        own, cause = self._own(), cause_of(error)
        file, line = _place(cause, own)
        if file is None:
            file, line = _place(error, own)
        return failure_words.sentence(kind, text, file, line)


def ends_well(ended: SystemExit) -> bool:
    """Tell whether a process that ends so has exit status 0, of whose code a byte is left."""
    return ended.code is None or (isinstance(ended.code, int) and ended.code & 0xFF == 0)


def _place(error: BaseException, own: OwnCode) -> tuple[str | None, int]:
    """Return the innermost line of the user's code, and what its file is called."""
    from kd_engines.training.job.error_output import line_of

    if isinstance(error, SyntaxError) and error.filename and own.has(error.filename):
        return own.shown(error.filename), line_of(error)
    found: tuple[str | None, int] = None, 0
    trace = error.__traceback__
    while trace:
        filename = trace.tb_frame.f_code.co_filename
        if not own.is_library(filename) and not filename.startswith("<"):
            found = _called(filename, own), trace.tb_lineno
        trace = trace.tb_next
    return found


def _called(filename: str, own: OwnCode) -> str:
    """Return what a file is called: the job's own by its name, others without their folder."""
    return own.shown(filename) if own.has(filename) else filename.rpartition("/")[2]
