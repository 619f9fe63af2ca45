"""Code that names the places of a tenant runs where these do not exist.

Notebooks and scoring scripts of 2020 hard-code ``/bd-fs-mnt/project_repo``, further mounts
``/bd-fs-mnt/<name>`` and ``s3://<bucket>/…``. String constants that name them are pointed to where
the same lies on this machine, while the code is compiled; the source itself stays as it is, and so
do line numbers:

=========================  =========================  ==========================================
path                       becomes                    where
=========================  =========================  ==========================================
/bd-fs-mnt/project_repo    <project repository>       it is no folder here; TenantShare too
/bd-fs-mnt/<name>          <project repo>/mnt/<name>  it is no folder here, and the other is one
s3://<bucket>/…            <project repo>/s3/<bucket>  the latter is a folder
=========================  =========================  ==========================================

What lies elsewhere is a symbolic link in ``mnt`` or ``s3``.
"""

import os
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable

MOUNTED = "/bd-fs-mnt"
REPOSITORIES = ("project_repo", "TenantShare")  # each the project repository
MOUNT_POINTS = tuple(f"{MOUNTED}/{name}" for name in REPOSITORIES)
MOUNTS, BUCKETS = "mnt", "s3"  # folders of the project repository
SIGNS = (f"{MOUNTED}/", f"{BUCKETS}://")
_NAME = r"[\w-]++(?:\.[\w-]++)*+"  # with a full stop behind it, it is the end of a sentence
_END = r"""(?=[/\s"'`),:;\]}<>|&]|\.?(?:\s|$))"""
T = TypeVar("T", bound="ast.AST")


def compile_localized(source: str, filename: str, root: Path) -> CodeType:
    """Compile ``source`` for `exec` with the places that are elsewhere here; ``root`` is the
    project repository's.

    Raises SyntaxError, and ValueError for NUL characters, as `compile` does.
    """
    if not names_places(source):
        return compile(source, filename, "exec", dont_inherit=True)
    import ast

    tree = localize(ast.parse(source, filename), source, root)
    return compile(tree, filename, "exec", dont_inherit=True)


def names_places(source: str) -> bool:
    """Tell whether code may name a place of a tenant."""
    return any(sign in source for sign in SIGNS)


def localize(tree: "ast.Module", source: str, root: Path) -> "ast.Module":
    """Replace the places of a tenant in the tree's string and bytes constants.

    Only whole path parts count (not ``/bd-fs-mnt/project_repo2``). Parts of f-strings count too,
    and paths inside a longer text, such as a shell command.
    """
    return point_to(tree, root) if names_places(source) else tree


def point_to(tree: "T", root: Path, leave: "Callable[[ast.AST], bool]" = lambda _: False) -> "T":
    """Replace the places in the constants of a tree, but for the parts that ``leave`` is true of.

    What is glued to a value in an f-string is no whole path part.
    """
    import ast

    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if leave(node):
            continue
        if isinstance(node, ast.JoinedStr):
            _point_parts(node, root)
            waiting += (part for part in node.values if not isinstance(part, ast.Constant))
        elif not isinstance(node, ast.Constant):
            waiting += ast.iter_child_nodes(node)
        elif isinstance(node.value, str):
            node.value = local_text(node.value, root)
        elif isinstance(node.value, bytes):
            node.value = os.fsencode(local_text(os.fsdecode(node.value), root))
    return tree


def _point_parts(text: "ast.JoinedStr", root: Path) -> None:
    import ast

    parts = text.values
    for n, part in enumerate(parts):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            part.value = local_text(part.value, root, (n > 0, n + 1 < len(parts)))


def local_text(text: str, root: Path, glued: tuple[bool, bool] = (False, False)) -> str:
    """Return a text with the places that it names as they are on this machine.

    ``glued`` tells whether something stands right before it and right behind it.
    """
    if not names_places(text):
        return text
    import re

    def place(found: re.Match[str]) -> str:
        mount, bucket = found.groups()
        is_glued = bool(glued[1] and found.end() == len(text))
        if mount not in REPOSITORIES and (is_glued or not re.match(_END, text[found.end() :])):
            return found.group()
        if glued[0] and found.start() == 0:
            return found.group()
        if bucket:
            folder = root / BUCKETS / bucket
        elif _is_folder(Path(MOUNTED) / mount):
            return found.group()
        elif mount in REPOSITORIES:
            return str(root)
        else:
            folder = root / MOUNTS / mount
        return str(folder) if _is_folder(folder) else found.group()

    return re.sub(rf"(?<![\w.-])(?:{MOUNTED}/({_NAME})|{BUCKETS}://({_NAME}))", place, text)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, a folder that may not be looked into
        return False
