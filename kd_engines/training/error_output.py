"""How a job's exception is told: short on stderr, whole as an nbformat ``error`` output."""

import sys
import traceback
from typing import Any

# A run of library frames longer than this is cut down to its last one in the log.
LIBRARY_FRAMES = 3


def report(error: BaseException, path: str, name: str, outputs: Any) -> None:
    """Print the short traceback and append the error output; ``path`` is called ``name`` in both.

    The log's traceback leaves long runs of library frames out; the output has every frame.
    """
    whole = traceback.TracebackException.from_exception(error)
    lines = [line.replace(f'"{path}"', f'"{name}"') for line in whole.format()]
    outputs.append(
        {
            "output_type": "error",
            "ename": type(error).__name__,
            "evalue": str(error),
            "traceback": [line.rstrip("\n") for line in lines],
        }
    )
    _shorten(whole, path)
    short = "".join(line.replace(f'"{path}"', f'"{name}"') for line in whole.format())
    sys.stderr.write(short)
    sys.stderr.flush()


def _shorten(told: traceback.TracebackException | None, path: str) -> None:
    """Cut runs of library frames, in the exception and in those that led to it."""
    if told is None:
        return
    kept: list[traceback.FrameSummary] = []
    run: list[traceback.FrameSummary] = []
    for frame in [*told.stack, None]:
        if frame is not None and frame.filename != path:
            run.append(frame)
            continue
        kept += run if len(run) <= LIBRARY_FRAMES else run[-1:]
        run = []
        if frame is not None:
            kept.append(frame)
    told.stack[:] = kept
    _shorten(told.__cause__, path)
    _shorten(told.__context__, path)
