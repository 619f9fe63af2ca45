"""What a job's code defines, for processes that it starts by ``spawn`` or ``forkserver``.

`multiprocessing` runs the main module's file again in such a process, and so is a script's run
here. A cell is not made to be run twice: of its top level the imports, functions, classes and
constants are run, and nothing that works. The job's ``__main__`` names this module as its own (see
`code`).
"""

import ast
import contextlib
import os
import sys
from pathlib import Path

from kd_engines.training.job import sent_files
from kd_engines.training.job.code import SCRIPT_VARIABLE
from kd_engines.training.job.sent_files import FILES_VARIABLE
from kd_engines.training.job_folder import records
from kd_pipeline.mount_points import compile_localized, localize

KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def definitions(tree: ast.Module) -> ast.Module:
    """Return what a cell defines at its top level, in its order and with its line numbers."""
    kept = [n for n in tree.body if isinstance(n, KEPT) or _is_constant(n)]
    return ast.Module(kept, tree.type_ignores)


def _is_constant(node: ast.stmt) -> bool:
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    try:
        ast.literal_eval(node.value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def define(job_folder: Path, namespace: dict[str, object]) -> None:
    """Run the definitions of a job's cell, each by itself: one may need what is not there."""
    cell = job_folder / records.CELL
    path = cell if cell.exists() else job_folder / records.CODE
    source = path.read_text(encoding="utf-8")
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(source, str(path), "exec", flags, dont_inherit=True)
    root = Path(os.environ.get("KD_PROJECT_REPO", "."))
    for node in localize(definitions(tree), source, root).body:
        code = compile(ast.Module([node], []), str(path), "exec", dont_inherit=True)
        with contextlib.suppress(Exception):  # what it would have defined is told if it is missed
            exec(code, namespace)  # noqa: S102 - the job's own code


def run_script(path: Path, namespace: dict[str, object]) -> None:
    """Run a script again, whose own ``if __name__ == "__main__"`` keeps it from working twice."""
    source = path.read_text(encoding="utf-8")
    root = Path(os.environ.get("KD_PROJECT_REPO", "."))
    namespace["__file__"] = str(path)
    exec(compile_localized(source, str(path), root), namespace)  # noqa: S102 - the job's own code


def _missing(name: str) -> object:
    """Say why the process finds something not (called for what this module has not)."""
    if not name.startswith("__"):
        print(
            f"{name!r} is not defined at the top level of the cell by itself, so a spawned process "
            "cannot find it: define it there, move it to a module in code/ and import it, or use "
            "multiprocessing.get_context('fork').",
            file=sys.stderr,
            flush=True,
        )
    raise AttributeError(name)


if __name__ == "__mp_main__":
    if files := os.environ.get(FILES_VARIABLE):
        sent_files.install(Path(files))
    if script := os.environ.get(SCRIPT_VARIABLE):
        run_script(Path(script), globals())
    else:
        __getattr__ = _missing
        define(Path(os.environ["KD_JOB_DIR"]), globals())
