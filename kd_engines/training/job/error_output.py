"""How a job's exception is told: short on stderr, whole as an nbformat ``error`` output."""

# pathlib is slow to import.
# ruff: noqa: PTH120

import os
import re
import sys
import traceback
from typing import Any

from kd_engines.training.job_folder import records

# A run of library frames longer than this is cut down to its last one in the log.
LIBRARY_FRAMES = 3
_LEFT_OUT = "<left out>"  # stands in the stack for what was cut
_LEFT_OUT_LINE = re.compile(rf'  File "{_LEFT_OUT}", line (\d+), in .*\n')
_LEFT_OUT_WORDS = r"  … \1 frames of libraries are left out; logs --traceback shows them\n"
# Where libraries are, beside what is packed (frozen) into Python itself.
_LIBRARIES = ("/site-packages/", "/dist-packages/", "/environments/")
_PYTHON = os.path.dirname(os.__file__)
_OURS = __file__.partition("/kd_engines/")[0]
_FIRST = (f"{_PYTHON}/", f"{_OURS}/kd_engines/", f"{_OURS}/kd_pipeline/", "<frozen ")


class OwnCode:
    """Which files are a job's own, and how they are called: ``job 9``, ``util.py``.

    ``path`` is the file that the job's code was compiled as.
    """

    def __init__(self, job_folder: str, path: str, job: str) -> None:
        self._path = path
        self._files = f"{job_folder}/{records.FILES}/"
        is_script = path.startswith(self._files)
        self._name = path.removeprefix(self._files) if is_script else f"job {job}"

    def has(self, filename: str) -> bool:
        """Tell whether a file is the job's code, or was sent with it."""
        return filename == self._path or filename.startswith(self._files)

    def is_library(self, filename: str) -> bool:
        """Tell whether a file is none of the user's: a library's, or Python's own."""
        if self.has(filename):
            return False
        return filename.startswith(_FIRST) or any(place in filename for place in _LIBRARIES)

    def shown(self, filename: str) -> str:
        """Return what a file is called in tracebacks."""
        return self._name if filename == self._path else filename.removeprefix(self._files)

    def line(self, text: str) -> str:
        """Return a traceback's line with the job's own files as they are called."""
        return text.replace(f'"{self._path}"', f'"{self._name}"').replace(f'"{self._files}', '"')


def report(error: BaseException, own: OwnCode, outputs: Any) -> None:
    """Print the short traceback and append the error output.

    The log's traceback leaves long runs of library frames out; the output has every frame. Raises
    nothing: what an exception's own code does, or the code has done to stderr, must not hide it.
    """
    whole = _whole(error)
    lines = [own.line(line) for line in whole.format()] if whole else [_least(error)]
    outputs.append(
        {
            "output_type": "error",
            "ename": type(error).__name__,
            "evalue": message_of(error),
            "traceback": [line.rstrip("\n") for line in lines],
        }
    )
    tell(_shortened(whole, own) if whole else _least(error))


def report_thread(name: str, error: BaseException, own: OwnCode) -> None:
    """Print the traceback of a thread's exception, whole, as Python does: no output has it."""
    whole = _whole(error)
    shown = "".join(own.line(line) for line in whole.format()) if whole else _least(error)
    tell(f"Exception in thread {name}:\n{shown}")


def message_of(error: BaseException) -> str:
    """Return an exception's text; where its own code fails, a sentence.

    Of a SyntaxError it is without the place, which its frame tells.
    """
    try:
        if isinstance(error, SyntaxError):
            return str(error.msg) if error.msg else ""
        return str(error)
    except BaseException as trouble:  # also what would end a process
        return f"its text cannot be shown ({type(trouble).__name__})"


def whole_message(error: BaseException) -> str:
    """Return an exception's text; of a group also what it is about."""
    cause = cause_of(error)
    text = message_of(error)
    return text if cause is error else f"{text}: {type(cause).__name__}: {message_of(cause)}"


def line_of(error: SyntaxError) -> int:
    """Return the line of a SyntaxError, which may have been made with anything."""
    return error.lineno if isinstance(error.lineno, int) and error.lineno > 0 else 1


def cause_of(error: BaseException) -> BaseException:
    """Return the first exception of a group that is no group itself; any other as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _whole(error: BaseException) -> traceback.TracebackException | None:
    try:
        return traceback.TracebackException.from_exception(error)
    except Exception:  # whatever the code of an exception, or a source's loader, raises
        return None


def _least(error: BaseException) -> str:
    return f"{type(error).__name__}: {message_of(error)}\n"


def tell(text: str) -> None:
    """Write to stderr; where the code has closed or replaced it, to the log itself."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:
        os.write(2, text.encode(errors="backslashreplace"))


def _shortened(told: traceback.TracebackException, own: OwnCode) -> str:
    """Return a traceback without long runs of library frames, which says so in their place."""
    seen: set[int] = set()
    waiting: list[traceback.TracebackException | None] = [told]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        _shorten(one.stack, own)
        waiting += [one.__cause__, one.__context__, *(one.exceptions or ())]
    return "".join(_LEFT_OUT_LINE.sub(_LEFT_OUT_WORDS, own.line(line)) for line in told.format())


def _shorten(stack: traceback.StackSummary, own: OwnCode) -> None:
    """Cut runs of library frames down to their last one."""
    kept: list[traceback.FrameSummary] = []
    run: list[traceback.FrameSummary] = []
    for frame in [*stack, None]:
        if frame is not None and own.is_library(frame.filename):
            run.append(frame)
            continue
        if len(run) > LIBRARY_FRAMES:
            run = [traceback.FrameSummary(_LEFT_OUT, len(run) - 1, "", line=""), run[-1]]
        kept += run
        run = []
        if frame is not None:
            kept.append(frame)
    stack[:] = kept
