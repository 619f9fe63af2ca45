"""A job's code: run as a notebook runs a cell or all its cells, or as Python runs a script."""

# pathlib would take a job's start 8 ms to import.
# ruff: noqa: PTH120, PTH123

from __future__ import annotations

import os
import sys

from kd_engines.training.job import running
from kd_engines.training.job_folder import records

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType
    from typing import Any

    from kd_engines.training.job.error_output import OwnCode
    from kd_engines.training.job_folder.payload import Payload

ONLY_AST = 0x400  # ast.PyCF_ONLY_AST
TOP_LEVEL_AWAIT = 0x2000  # ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
SCRIPT_VARIABLE = "KD_JOB_SCRIPT"  # tells processes that are started by spawn what to run


class Main:
    """The code's own ``__main__``, and what it is called: ``path`` is what it is compiled as.

    Unlike a notebook's it has a ``__file__``, as in 2020: that of the code. Where it starts
    processes by ``spawn``, they find in the named module what the code defines.
    """

    def __init__(self, job_folder: str, job: str, first_line: int, display: Any) -> None:
        module = type(sys)("__main__")
        module.__spec__ = type(sys.__spec__)("kd_engines.training.job.spawned_main", None)
        self.namespace = vars(module)
        self.namespace["__builtins__"] = __builtins__
        self.namespace["display"] = display
        sys.modules["__main__"] = module
        sys.argv = [job]
        self._folder, self._job = job_folder, job
        self._first_line = first_line
        self._is_script = False
        self._cells: Sequence[int] = ()
        self.path = f"{job_folder}/{records.CODE if first_line == 1 else records.CELL}"
        self.namespace["__file__"] = self.path

    def own(self) -> OwnCode:
        """Return which files are the job's own."""
        from kd_engines.training.job.error_output import OwnCode

        return OwnCode(self._folder, self.path, self._job)

    def become(self, sent: Payload) -> None:
        """Be what was sent: a script has a file, arguments, and modules beside it."""
        self._cells = sent.cells
        if sent.script:
            self._is_script = True
            self.path = f"{self._folder}/{records.FILES}/{sent.script}"
            self.namespace["__file__"] = os.environ[SCRIPT_VARIABLE] = self.path
            sys.path.insert(0, os.path.dirname(self.path))
        if sent.script or sent.arguments:
            sys.argv = [self.path if sent.script else "-", *sent.arguments]

    def run(self, root: str, after_cell: Callable[[], None]) -> None:
        """Compile the code and run it, ``after_cell`` after each cell; raises what it raises."""
        source = self._source()
        tree: ast.Module = compile(
            source, self.path, "exec", ONLY_AST | TOP_LEVEL_AWAIT, dont_inherit=True
        )
        if "/bd-fs-mnt/" in source or "s3://" in source:
            from pathlib import Path

            from kd_pipeline import mount_points

            tree = mount_points.localize(tree, source, Path(root))
        in_loop = running.wants_loop(tree, source)
        cells = list(self._compiled(tree, source))
        running.execute(cells, self.namespace, in_loop, after_cell)

    def _source(self) -> str:
        """Return the code; where it begins further down in its cell, after as many empty lines.

        That is written as a file too, so that whoever looks up a line of a traceback (also in other
        processes) finds it.
        """
        with open(f"{self._folder}/{records.CODE}", "rb") as file:
            source = file.read()
        if self._first_line > 1:
            source = b"\n" * (self._first_line - 1) + source
            try:
                with open(f"{self._folder}/{records.CELL}", "wb") as file:
                    file.write(source)
            except OSError:  # the disk is full: tracebacks show no lines then, the job goes on
                pass
        return source.decode()

    def _compiled(self, tree: ast.Module, source: str) -> Iterator[list[CodeType]]:
        """Yield each cell's parts; its last expression is one of its own, which is displayed."""
        import _ast

        flags = TOP_LEVEL_AWAIT | (_future_flags(tree) if "__future__" in source else 0)
        for body, text in [(tree.body, source)] if not self._cells else self._parts(tree, source):
            shows = body and isinstance(body[-1], _ast.Expr) and not text.rstrip().endswith(";")
            last = [body.pop()] if shows and not self._is_script else []
            module = _ast.Module(body=body, type_ignores=[])
            codes = [compile(module, self.path, "exec", flags, dont_inherit=True)]
            if last:
                shown = _ast.Interactive(body=last)
                codes.append(compile(shown, self.path, "single", flags, dont_inherit=True))
            yield codes

    def _parts(self, tree: ast.Module, source: str) -> Iterator[tuple[list[ast.stmt], str]]:
        """Yield each cell's statements and text; ``_cells`` are the lines at which they begin."""
        lines = source.split("\n")
        for begin, end in zip(self._cells, [*self._cells[1:], len(lines) + 1], strict=True):
            body = [statement for statement in tree.body if begin <= statement.lineno < end]
            yield body, "\n".join(lines[begin - 1 : end - 1])


def _future_flags(tree: ast.Module) -> int:
    """Return the flags of a module's ``from __future__`` imports, for its other parts."""
    import __future__

    import _ast

    flags = 0
    for statement in tree.body:
        if isinstance(statement, _ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    return flags
