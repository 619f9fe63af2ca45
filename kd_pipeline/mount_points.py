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
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ast

MOUNTED = "/bd-fs-mnt"
REPOSITORIES = ("project_repo", "TenantShare")  # each the project repository
MOUNT_POINTS = tuple(f"{MOUNTED}/{name}" for name in REPOSITORIES)
MOUNTS, BUCKETS = "mnt", "s3"  # folders of the project repository
SIGNS = (f"{MOUNTED}/", f"{BUCKETS}://")
_NAME = r"[\w-]++(?:\.[\w-]++)*+"  # with a full stop behind it, it is the end of a sentence


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
    if not names_places(source):
        return tree
    import ast

    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.value = local_value(node.value, root)
    return tree


def local_value(value: Any, root: Path) -> Any:
    """Return a constant as it is on this machine: a text or bytes may name places."""
    if isinstance(value, str):
        return local_text(value, root)
    if isinstance(value, bytes):
        return os.fsencode(local_text(os.fsdecode(value), root))
    return value


def local_text(text: str, root: Path) -> str:
    """Return a text with the places that it names as they are on this machine."""
    if not names_places(text):
        return text
    import re

    def place(found: re.Match[str]) -> str:
        mount, bucket = found.groups()
        if bucket:
            folder = root / BUCKETS / bucket
        elif (Path(MOUNTED) / mount).is_dir():
            return found.group()
        elif mount in REPOSITORIES:
            return str(root)
        else:
            folder = root / MOUNTS / mount
        return str(folder) if folder.is_dir() else found.group()

    return re.sub(rf"(?<![\w.-])(?:{MOUNTED}/({_NAME})|{BUCKETS}://({_NAME}))", place, text)
