"""Cells that run in the notebook itself find the places of a tenant as jobs find them."""

import ast
from pathlib import Path
from typing import TypeVar

from kd_pipeline.errors import PathNotFound
from kd_pipeline.mount_points import point_to
from kd_pipeline.project_repository import ProjectRepository

T = TypeVar("T", bound=ast.AST)
MAGICS = frozenset({"run_line_magic", "run_cell_magic"})
# Those of IPython that take paths; what another one gets is for it to read: a cell that is sent
# goes out as it was written.
WITH_PATHS = frozenset(
    {"bash", "cat", "cd", "cp", "edit", "env", "less", "load", "ls", "mkdir", "more", "mv", "perl"}
    | {"pip", "prun", "pushd", "pycat", "python", "python3", "rm", "rmdir", "ruby", "run", "save"}
    | {"script", "set_env", "sh", "sx", "system"}
)
WRITES = "writefile"  # to a path, which it takes, what the cell says


class LocalPaths:
    """Points a cell's texts to the project repository of this kernel, where it finds one."""

    def visit(self, tree: T) -> T:
        """Return a cell's tree (called by IPython, which drops whoever raises)."""
        try:
            root = ProjectRepository.default().root
        except (PathNotFound, OSError):
            return tree

        def is_for_others(node: ast.AST) -> bool:
            return _is_for_others(node, root)

        return point_to(tree, root, is_for_others)


def _is_for_others(node: ast.AST, root: Path) -> bool:
    """Tell whether something is a call of a magic that reads its line and body itself."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    name = node.args[0] if node.args else None
    called = name.value if isinstance(name, ast.Constant) else None
    if node.func.attr not in MAGICS or called in WITH_PATHS:
        return False
    if called == WRITES:
        point_to(node.args[1], root)
    return True
