"""Code that names ``/bd-fs-mnt/project_repo`` runs where that mount point does not exist.

Notebooks and scoring scripts of 2020 hard-code the mount point. Where it is no folder on this
machine, the string constants that begin with it are pointed to the project repository's real root
while the code is compiled; the source itself stays as it is, and so do line numbers.
"""

import os
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

# The same as kd_pipeline.project_repository.MOUNT_POINTS, which a job must not pay for importing.
MOUNT_POINTS = ("/bd-fs-mnt/project_repo", "/bd-fs-mnt/TenantShare")


def compile_localized(source: str, filename: str, root: Path) -> CodeType:
    """Compile ``source`` for `exec`, with mount points that are missing here replaced by ``root``.

    Raises SyntaxError, and ValueError for NUL characters, as `compile` does.
    """
    if not missing_mount_points(source):
        return compile(source, filename, "exec", dont_inherit=True)
    import ast

    tree = localize(ast.parse(source, filename), source, root)
    return compile(tree, filename, "exec", dont_inherit=True)


def missing_mount_points(source: str) -> tuple[str, ...]:
    """Return the mount points that ``source`` names and that are no folder on this machine."""
    return tuple(mount for mount in MOUNT_POINTS if mount in source and not os.path.isdir(mount))  # noqa: PTH112


def localize(tree: "ast.Module", source: str, root: Path) -> "ast.Module":
    """Replace missing mount points by ``root`` in the tree's string and bytes constants.

    Only whole path parts count (not ``/bd-fs-mnt/project_repo2``). Parts of f-strings count too,
    and paths inside a longer text, such as a shell command.
    """
    missing = missing_mount_points(source)
    if not missing:
        return tree
    import ast
    import re

    names = "|".join(re.escape(mount) for mount in missing)
    text = re.compile(rf"(?<![\w.-])(?:{names})(?![\w-]|\.\w)")
    raw = re.compile(text.pattern.encode())

    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                node.value = text.sub(lambda _: str(root), node.value)
            elif isinstance(node.value, bytes):
                node.value = raw.sub(lambda _: os.fsencode(root), node.value)
    return tree
