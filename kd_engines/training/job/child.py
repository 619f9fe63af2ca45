"""The first thing in a job's process: run the code, keep what is wanted, tell what went wrong.

The value of a last expression is displayed, `display` is there, open figures are shown at the end,
`await` works outside functions. All imports that are not built in come only when they are needed,
since every job waits for the others.
"""

# typing, contextlib and pathlib would each take a job's start 3 to 8 ms to import.
# ruff: noqa: PTH110

from __future__ import annotations

import os
import sys

from kd_engines.training.job import code, patient_output, running, unheard
from kd_engines.training.job.code import Main
from kd_engines.training.job.display import Display
from kd_engines.training.job.outputs import Outputs
from kd_engines.training.job.reasons import Reasons, ends_well
from kd_engines.training.job_folder import records

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from kd_engines.training.job.error_output import OwnCode
    from kd_engines.training.job_folder.payload import Payload

_prepared: Display | None = None
_reasons: Reasons | None = None
RESERVE = 8 * 1024 * 1024  # memory to tell of a MemoryError; the system gives it only when used


def prepare() -> Display:
    """Make this process one whose code prints, shows and fails as a job's; done once.

    What is imported after it, also before there is a job (`warm`), finds all that in place.
    """
    global _prepared
    if _prepared is None:
        patient_output.install()
        _prepared = Display(Outputs())
        _prepared.install()
        unheard.install(_thread_failed)
    return _prepared


def _thread_failed(name: str, error: BaseException) -> None:
    if _reasons:
        _reasons.thread_failed(name, error)


def main(job_folder: str, job: str, root: str, first_line: str, *requirements: str) -> int:
    """Run ``<job_folder>/code.py``; return 0, or 1 where it raised (told on stderr and outputs).

    ``requirements`` are there before it runs, or it does not run (told on stderr, 1). The code has
    what was sent as its variables, and what is wanted of them is kept when it has ended well. A
    `SystemExit` of the code goes on to the interpreter, which knows what to do with it.
    """
    global _reasons
    display = prepare()
    outputs = display.outputs
    outputs.belong_to(f"{job_folder}/{records.OUTPUTS}")
    main = Main(job_folder, job, int(first_line), display.display)
    reasons = _reasons = Reasons(job_folder, main.own, outputs.in_job)
    if requirements and not _provide(requirements, job_folder, reasons):
        return 1
    try:
        return _run(main, job_folder, root, reasons, display)
    finally:
        # A thread that still runs may have a reason to tell; the variables are the code's alone,
        # so that they go before the libraries that they need.
        main.namespace = {}


def _run(main: Main, job_folder: str, root: str, reasons: Reasons, display: Display) -> int:
    outputs = display.outputs
    reserve, sent, begun = bytes(RESERVE), None, False
    try:
        sent = _receive(job_folder, main)
        begun = True
        main.run(root, display.show_figures)
    except SystemExit as ended:
        display.show_figures()
        reasons.exits(ended)
        if ends_well(ended) and outputs.in_job():
            _keep(sent, job_folder, main.namespace)
        raise
    except BaseException as error:
        del reserve
        display.show_figures()
        # What went wrong before the code began has only frames of ours.
        error.__traceback__ = _without_our_frames(error.__traceback__) if begun else None
        reasons.failed(error)
        _report(error, main.own(), job_folder, outputs)
        return 1
    if outputs.in_job():
        _keep(sent, job_folder, main.namespace)
    return 0


def _provide(requirements: tuple[str, ...], job_folder: str, reasons: Reasons) -> bool:
    """Make the packages importable; where that fails, say why as the log's last line."""
    from kd_engines.training.job.packages import provide

    failed = provide(requirements, job_folder)
    if failed:
        print(failed, file=sys.stderr)
        reasons.keep(failed)
    return not failed


def _receive(job_folder: str, main: Main) -> Payload | None:
    """Make what was sent with the code its variables; most jobs have only code."""
    if not os.path.exists(f"{job_folder}/{records.SENT}"):
        return None
    from kd_engines.training.job import values

    sent = values.receive(job_folder, main.namespace)
    main.become(sent)
    return sent


def _keep(sent: Payload | None, job_folder: str, namespace: dict[str, Any]) -> None:
    """Keep the wanted outputs."""
    if sent and sent.outputs:
        from kd_engines.training.job import values

        values.keep(sent, job_folder, namespace)


def _report(error: BaseException, own: OwnCode, job_folder: str, outputs: Any) -> None:
    """Tell the error in log and outputs, and write failure.json.

    What goes wrong with the file must not change how the job ends.
    """
    from kd_engines.training.job import error_output

    error_output.report(error, own, outputs)
    if not outputs.in_job():
        return
    try:
        from kd_engines.training.job import failure

        failure.write(error, own, f"{job_folder}/{records.FAILURE}")
    except BaseException as trouble:
        error_output.tell(f"Its variables could not be kept: {trouble!r}\n")


def _without_our_frames(trace: TracebackType | None) -> TracebackType | None:
    """Drop the first frames of a traceback, which are ours (and asyncio's)."""
    found = trace
    while trace:
        if trace.tb_frame.f_code.co_filename in (__file__, code.__file__, running.__file__):
            found = trace.tb_next
        trace = trace.tb_next
    return found
