"""The project repository: one folder shared by notebook, training and deployment engines.

In containers it is mounted at ``/bd-fs-mnt/project_repo`` or ``/bd-fs-mnt/TenantShare``; on one
machine it is any folder, named by ``KD_PROJECT_REPO``. A path is written in one of three ways that
mean the same place: ``repo://project_repo/models/x``, ``/bd-fs-mnt/project_repo/models/x`` and
``models/x``. ``s3://bucket/x`` is ``s3/bucket/x``, as in 2020.
"""

import json
import os
import re
from pathlib import Path, PurePosixPath

from kd_pipeline.errors import PathNotFound, UnsafePath
from kd_pipeline.mount_points import BUCKETS, MOUNT_POINTS

SCHEME = "repo://"
FOLDERS = ("data", "code", "models", "misc")
LONGEST_PATH = 1024
# `%` would be decoded a second time by somebody, `\` is a separator elsewhere, `;` and `#` end a
# path for some URL parsers: each has been a way out of a root in a comparable server.
_REFUSED = re.compile(r"[%\\;#\x00-\x1f\x7f]")


class ProjectRepository:
    """A project repository on this machine, rooted at ``root``."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().resolve()

    @classmethod
    def default(cls) -> "ProjectRepository":
        """Return the repository of ``KD_PROJECT_REPO``, of a mount point, or of `kd up`.

        Raises PathNotFound where there is neither.
        """
        named = os.environ.get("KD_PROJECT_REPO")
        for folder in [named] if named else (*MOUNT_POINTS, *_of_kd_up()):
            if Path(folder).is_dir():
                return cls(folder)
        where = f"KD_PROJECT_REPO names {named!r}, which" if named else f"{MOUNT_POINTS[0]}"
        raise PathNotFound(
            f"No project repository: {where} is not a folder. "
            "Set KD_PROJECT_REPO to the shared folder, or start one with `kd up`."
        )

    def create(self) -> "ProjectRepository":
        """Create the root and its four folders where they are missing."""
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        return self

    def resolve(self, path: str) -> Path:
        """Return the absolute path that ``path`` means here; it need not exist.

        Raises UnsafePath for a path that has ``..``, ``%``, ``\\``, ``;``, ``#`` or a control
        character, or that lies outside the root once symbolic links are followed.
        """
        inner = self._inner(path)
        try:
            resolved = (self.root / inner).resolve()
            if any(part.is_symlink() for part in (resolved, *resolved.parents)):
                raise OSError  # it leads to itself, which Python 3.13 does not say
        except (OSError, RuntimeError, ValueError):  # links in a circle, no text of a file system
            raise UnsafePath(
                f"{path[:200]!r} cannot be followed: it has a link that leads to itself, or signs "
                "that no file name has."
            ) from None
        if resolved != self.root and self.root not in resolved.parents:
            raise UnsafePath(
                f"{path!r} leads out of the project repository {self.root}; "
                f"use a path inside it, such as {SCHEME}project_repo/models/my-model."
            )
        return resolved

    def existing(self, path: str) -> Path:
        """Return :meth:`resolve` of a path where a file or folder is; raises PathNotFound."""
        resolved = self.resolve(path)
        if not _exists(resolved):
            raise PathNotFound(
                f"{path!r} does not exist in the project repository (looked at {resolved}); "
                "check the path that the training job printed."
            )
        return resolved

    def uri(self, path: Path | str) -> str:
        """Return the ``repo://project_repo/…`` form of a path inside the repository."""
        resolved = self.resolve(str(path))
        return f"{SCHEME}project_repo/{resolved.relative_to(self.root).as_posix()}".rstrip("/.")

    def _inner(self, path: str) -> PurePosixPath:
        """Strip the way of writing the root off ``path``, after refusing what is unsafe."""
        if not path or len(path) > LONGEST_PATH:
            raise UnsafePath(
                f"A path has 1 to {LONGEST_PATH} characters; this one has {len(path)}."
            )
        found = _REFUSED.search(path)
        if found or ".." in PurePosixPath(path.removeprefix(SCHEME)).parts:
            sign = found.group() if found else ".."
            raise UnsafePath(f"{path[:200]!r} has {sign!r}, which no path here may have.")
        if path.startswith(SCHEME):
            _, _, rest = path.removeprefix(SCHEME).partition("/")
            return PurePosixPath(rest.lstrip("/"))
        if path.startswith(f"{BUCKETS}://"):
            return PurePosixPath(BUCKETS, path.removeprefix(f"{BUCKETS}://"))
        # The root first: on a cluster it is one of the mount points itself.
        for prefix in (str(self.root), *MOUNT_POINTS):
            if path == prefix or path.startswith(prefix + "/"):
                return PurePosixPath(path[len(prefix) :].lstrip("/"))
        return PurePosixPath(path)


def _of_kd_up() -> list[str]:
    """Return the project repository of the `kd up` that ran last, and where it usually is."""
    from kd_pipeline.connections_file import kd_home

    try:
        record = json.loads((kd_home() / "run" / "supervisor.json").read_bytes())
        found = [str(record["project_repository"])]
    except (OSError, ValueError, KeyError, TypeError):
        found = []
    return [*found, str(kd_home() / "project_repo")]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, a folder that may not be read
        return False
