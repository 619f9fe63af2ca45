"""How a job's exception is told: short on stderr, whole as an nbformat ``error`` output."""

import re
import sys
import traceback
from typing import Any

from kd_engines.training.job_folder import records

# A run of library frames longer than this is cut down to its last one in the log.
LIBRARY_FRAMES = 3
_LEFT_OUT = "<left out>"  # stands in the stack for what was cut
_LEFT_OUT_LINE = re.compile(rf'  File "{_LEFT_OUT}", line (\d+), in .*\n')


class OwnCode:
    """Which files are a job's own, and how they are called: ``job 9``, ``util.py``.

    ``path`` is the file that the job's code was compiled as.
    """

    def __init__(self, job_folder: str, path: str, job: str) -> None:
        self._path = path
        self._files = f"{job_folder}/{records.FILES}/"
        self.job = job
        is_script = path.startswith(self._files)
        self._name = path.removeprefix(self._files) if is_script else f"job {job}"

    def has(self, filename: str) -> bool:
        """Tell whether a file is the job's code, or was sent with it."""
        return filename == self._path or filename.startswith(self._files)

    def shown(self, filename: str) -> str:
        """Return what a file is called in tracebacks."""
        return self._name if filename == self._path else filename.removeprefix(self._files)

    def line(self, text: str) -> str:
        """Return a traceback's line with the job's own files as they are called."""
        return text.replace(f'"{self._path}"', f'"{self._name}"').replace(f'"{self._files}', '"')


def report(error: BaseException, own: OwnCode, outputs: Any) -> None:
    """Print the short traceback and append the error output.

    The log's traceback leaves long runs of library frames out; the output has every frame.
    """
    whole = traceback.TracebackException.from_exception(error)
    lines = [own.line(line) for line in whole.format()]
    outputs.append(
        {
            "output_type": "error",
            "ename": type(error).__name__,
            "evalue": message_of(error),
            "traceback": [line.rstrip("\n") for line in lines],
        }
    )
    sys.stderr.write(_shortened(whole, own, f"; %why {own.job} shows them"))
    sys.stderr.flush()


def report_thread(name: str, error: BaseException, own: OwnCode) -> None:
    """Print the short traceback of a thread's exception, as Python would its whole one."""
    whole = traceback.TracebackException.from_exception(error)
    sys.stderr.write(f"Exception in thread {name}:\n{_shortened(whole, own)}")
    sys.stderr.flush()


def message_of(error: BaseException) -> str:
    """Return an exception's text; where its own code fails, a sentence.

    Of a SyntaxError it is without the place, which its frame tells.
    """
    try:
        return str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception as trouble:
        return f"its text cannot be shown ({type(trouble).__name__})"


def _shortened(told: traceback.TracebackException, own: OwnCode, where: str = "") -> str:
    """Return a traceback without long runs of library frames, which says so in their place."""
    _shorten(told, own)
    return "".join(
        _LEFT_OUT_LINE.sub(rf"  … \1 frames of libraries are left out{where}\n", own.line(line))
        for line in told.format()
    )


def _shorten(told: traceback.TracebackException | None, own: OwnCode) -> None:
    """Cut runs of library frames, in the exception and in those that led to it."""
    if told is None:
        return
    kept: list[traceback.FrameSummary] = []
    run: list[traceback.FrameSummary] = []
    for frame in [*told.stack, None]:
        if frame is not None and not own.has(frame.filename):
            run.append(frame)
            continue
        if len(run) > LIBRARY_FRAMES:
            run = [traceback.FrameSummary(_LEFT_OUT, len(run) - 1, "", line=""), run[-1]]
        kept += run
        run = []
        if frame is not None:
            kept.append(frame)
    told.stack[:] = kept
    _shorten(told.__cause__, own)
    _shorten(told.__context__, own)
