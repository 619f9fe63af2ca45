"""Cells that run in the notebook itself find the places of a tenant as jobs find them."""

import ast

from kd_pipeline.errors import PathNotFound
from kd_pipeline.mount_points import local_value, names_places
from kd_pipeline.project_repository import ProjectRepository

# What a magic gets is for it to read: a cell that is sent goes out as it was written.
OF_MAGICS = frozenset({"run_line_magic", "run_cell_magic"})


class LocalPaths(ast.NodeTransformer):
    """Points a cell's texts to the project repository of this kernel, where it finds one."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave what is for magics alone."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in OF_MAGICS:
            return node
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Replace the places in a text."""
        text = node.value
        if isinstance(text, bytes):
            text = text.decode(errors="replace")
        if isinstance(text, str) and names_places(text):
            try:
                node.value = local_value(node.value, ProjectRepository.default().root)
            except PathNotFound:
                return node
        return node
