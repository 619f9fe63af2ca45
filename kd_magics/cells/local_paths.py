"""Cells that run in the notebook itself find the places of a tenant as jobs find them."""

import ast
from typing import TypeVar

from kd_pipeline.errors import PathNotFound
from kd_pipeline.mount_points import point_to
from kd_pipeline.project_repository import ProjectRepository

T = TypeVar("T", bound=ast.AST)
MAGICS = frozenset({"run_line_magic", "run_cell_magic"})
# Those of IPython that take paths; what another one gets is for it to read: a cell that is sent
# goes out as it was written.
WITH_PATHS = frozenset(
    {"bash", "cd", "load", "ls", "prun", "pushd", "run", "script", "sh", "sx", "system"}
    | {"writefile"}
)


class LocalPaths:
    """Points a cell's texts to the project repository of this kernel, where it finds one."""

    def visit(self, tree: T) -> T:
        """Return a cell's tree (called by IPython, which drops whoever raises)."""
        try:
            return point_to(tree, ProjectRepository.default().root, _is_for_others)
        except PathNotFound:
            return tree


def _is_for_others(node: ast.AST) -> bool:
    """Tell whether something is a call of a magic that reads its line and body itself."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    name = node.args[0] if node.args else None
    known = isinstance(name, ast.Constant) and name.value in WITH_PATHS
    return node.func.attr in MAGICS and not known
