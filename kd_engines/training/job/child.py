"""The first thing in a job's process: run the code as a notebook would run a cell.

The value of a last expression is displayed, `display` is there, open figures are shown at the end,
`await` works outside functions. All imports that are not built in come only when they are needed,
since every job waits for the others.
"""

# typing, contextlib and pathlib would each take a job's start 3 to 8 ms to import.
# ruff: noqa: PTH110, PTH123

from __future__ import annotations

import os
import sys

from kd_engines.training.job_folder import records

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    import ast
    from types import CodeType, TracebackType
    from typing import Any

    from kd_engines.training.job_folder.payload import Sent

ONLY_AST = 0x400  # ast.PyCF_ONLY_AST
TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
COROUTINE = 0x80  # inspect.CO_COROUTINE
RESERVE = 8 * 1024 * 1024  # memory to tell of a MemoryError; the system gives it only when used


def main(job_folder: str, job: str, root: str, first_line: str, *requirements: str) -> int:
    """Run ``<job_folder>/code.py``; return 0, or 1 where it raised (told on stderr and outputs).

    ``requirements`` are there before it runs, or it does not run (told on stderr, 1). The code has
    what was sent as its variables, and what is wanted of them is kept when it has ended well. A
    `SystemExit` of the code goes on to the interpreter, which knows what to do with it.
    """
    from kd_engines.training.job.display import install
    from kd_engines.training.job.outputs import Outputs

    outputs = Outputs(f"{job_folder}/{records.OUTPUTS}")
    display = install(outputs)
    namespace = _fresh_main(display)
    sys.argv = [job]
    if requirements and not _provide(requirements, job_folder):
        return 1
    path = f"{job_folder}/{records.CODE if first_line == '1' else records.CELL}"
    reserve, sent, begun = bytes(RESERVE), None, False
    try:
        codes = _compile(_source(job_folder, int(first_line)), path, root)
        sent = _receive(job_folder, namespace)
        begun = True
        _execute(codes, namespace)
        display.show_figures()
    except SystemExit as ended:
        display.show_figures()
        if not ended.code and outputs.in_job():
            _keep(sent, job_folder, namespace)
        raise
    except BaseException as error:
        del reserve
        display.show_figures()
        # What went wrong before the code began has only frames of ours.
        error.__traceback__ = _without_this_module(error.__traceback__) if begun else None
        _report(error, (job_folder, path, job), outputs)
        return 1
    if outputs.in_job():
        _keep(sent, job_folder, namespace)
    return 0


def _provide(requirements: tuple[str, ...], job_folder: str) -> bool:
    """Make the packages importable; where that fails, say why as the log's last line."""
    from kd_engines.training.job.packages import provide

    failed = provide(requirements, job_folder)
    if failed:
        print(failed, file=sys.stderr)
    return not failed


def _source(job_folder: str, first_line: int) -> str:
    """Return the code; where it begins further down in its cell, after as many empty lines.

    That is written as a file too, so that whoever looks up a line of a traceback (also in other
    processes) finds it.
    """
    with open(f"{job_folder}/{records.CODE}", "rb") as file:
        source = file.read()
    if first_line > 1:
        source = b"\n" * (first_line - 1) + source
        with open(f"{job_folder}/{records.CELL}", "wb") as file:
            file.write(source)
    return source.decode()


def _receive(job_folder: str, namespace: dict[str, Any]) -> Sent | None:
    """Make what was sent with the code its variables; most jobs have only code."""
    if not os.path.exists(f"{job_folder}/{records.SENT}"):
        return None
    from kd_engines.training.job import values

    return values.receive(job_folder, namespace)


def _keep(sent: Sent | None, job_folder: str, namespace: dict[str, Any]) -> None:
    """Keep the wanted outputs."""
    if sent and sent.outputs:
        from kd_engines.training.job import values

        values.keep(sent, job_folder, namespace)


def _report(error: BaseException, own: tuple[str, str, str], outputs: Any) -> None:
    """Tell the error in log and outputs, and write failure.json.

    ``own`` is the job's folder, the path of its code and its id. What goes wrong with the file must
    not change how the job ends.
    """
    from kd_engines.training.job import error_output

    code = error_output.OwnCode(*own)
    error_output.report(error, code, outputs)
    if not outputs.in_job():
        return
    try:
        from kd_engines.training.job import failure

        failure.write(error, code, f"{own[0]}/{records.FAILURE}")
    except BaseException as trouble:
        print(f"Its variables could not be kept: {trouble!r}", file=sys.stderr)


def _fresh_main(display: Any) -> dict[str, Any]:
    """Make the code's own ``__main__``: a module without a file, as in a notebook.

    Where it starts processes by ``spawn``, they find in the named module what the code defines.
    """
    module = type(sys)("__main__")
    module.__spec__ = type(sys.__spec__)("kd_engines.training.job.spawned_main", None)
    namespace = vars(module)
    namespace["__builtins__"] = __builtins__
    namespace["display"] = display.display
    sys.modules["__main__"] = module
    return namespace


def _compile(source: str, path: str, root: str) -> list[CodeType]:
    """Return the code as one or two code objects: all, and a last expression that is displayed."""
    import _ast

    flags = TOP_LEVEL_AWAIT
    tree: ast.Module = compile(source, path, "exec", ONLY_AST | flags, dont_inherit=True)
    if "/bd-fs-mnt/" in source:
        from pathlib import Path

        from kd_engines import mount_points

        tree = mount_points.localize(tree, source, Path(root))
    last: list[Any] = []
    if tree.body and isinstance(tree.body[-1], _ast.Expr) and not source.rstrip().endswith(";"):
        last = [_ast.Interactive(body=[tree.body.pop()])]
    codes = [compile(tree, path, "exec", flags, dont_inherit=True)]
    return codes + [compile(part, path, "single", flags, dont_inherit=True) for part in last]


def _execute(codes: list[CodeType], namespace: dict[str, Any]) -> None:
    if not any(code.co_flags & COROUTINE for code in codes):
        for code in codes:
            exec(code, namespace)  # noqa: S102 - running the user's code is what a job is
        return
    import asyncio

    async def run() -> None:
        for code in codes:
            result = eval(code, namespace)  # noqa: S307
            if code.co_flags & COROUTINE:
                await result

    asyncio.run(run())


def _without_this_module(trace: TracebackType | None) -> TracebackType | None:
    """Drop the first frames of a traceback, which are this module's (and asyncio's) own."""
    first = trace
    while trace and trace.tb_frame.f_code.co_filename != __file__:
        trace = trace.tb_next
    last_own = None
    while trace:
        if trace.tb_frame.f_code.co_filename == __file__:
            last_own = trace
        trace = trace.tb_next
    return last_own.tb_next if last_own else first
