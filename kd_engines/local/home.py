"""The state folder of `kd up`: manifests, project repository, and what runs.

::

    manifests/                          the folder registry: kdapps, kdclusters, ConfigMaps
    project_repo/                       unless KD_PROJECT_REPO names another folder
    run/supervisor.json                 who supervises
    run/<cluster>/<role>-<n>/           a member: configmeta.json, member.json, log
"""

import json
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from kd_pipeline.atomic import write_atomic, write_json
from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND
from kd_pipeline.connections_file import kd_home
from kd_pipeline.errors import Conflict
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry import FolderRegistry


@dataclass(frozen=True)
class Home:
    """A state folder; its files can be read by its owner alone."""

    path: Path
    manifests: Path
    repository: ProjectRepository

    @classmethod
    def at(cls, path: Path | None = None, manifests: Path | None = None) -> "Home":
        """Return the home at ``path`` or ``KD_HOME``; nothing is created yet."""
        home = (path or kd_home()).expanduser().resolve()
        named = os.environ.get("KD_PROJECT_REPO")
        return cls(
            home,
            (manifests or home / "manifests").expanduser().resolve(),
            ProjectRepository(named or home / "project_repo"),
        )

    @property
    def run(self) -> Path:
        """Return the folder of what runs."""
        return self.path / "run"

    def create(self) -> "Home":
        """Create the folders, and the shipped manifests where nothing is there that would run."""
        for folder in (self.path, self.run, self.manifests):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.repository.create()
        if self._runs_nothing():
            for shipped in (files("kd_engines.local") / "manifests").iterdir():
                if shipped.name.endswith(".yaml"):
                    write_atomic(self.manifests / shipped.name, shipped.read_bytes())
        return self

    def _runs_nothing(self) -> bool:
        """Tell whether there is neither a kdcluster nor a kdapp, nor a file that might be one."""
        registry = self.registry()
        kinds = {document.kind for document in registry.documents()}
        return not registry.problems and kinds.isdisjoint((CLUSTER_KIND, APP_KIND))

    def registry(self) -> FolderRegistry:
        """Return the registry of the manifests."""
        return FolderRegistry(self.manifests)

    def lock(self) -> FileLock:
        """Take the supervisor's lock; raises Conflict where another supervises this home."""
        lock = FileLock(self.run / ".supervisor.lock", mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            pid = self.supervisor_pid() or "unknown"
            raise Conflict(
                f"`kd up` runs already for {self.path} (process {pid}); "
                "`kd status` shows it, `kd down` stops it."
            ) from None
        record = {**identity(os.getpid()), "project_repository": str(self.repository.root)}
        write_json(self.run / "supervisor.json", record)
        return lock

    def supervisor_pid(self) -> int | None:
        """Return the pid of the living supervisor, or None."""
        try:
            record = json.loads((self.run / "supervisor.json").read_bytes())
        except (OSError, ValueError):
            return None
        return record["pid"] if same_process(record) else None


def identity(pid: int) -> dict[str, Any]:
    """Return what tells a living process from a later one with its pid."""
    return {"pid": pid, "create_time": psutil.Process(pid).create_time()}


def same_process(record: dict[str, Any]) -> bool:
    """Tell whether the process of an :func:`identity` still lives."""
    try:
        process = psutil.Process(record["pid"])
        same = abs(process.create_time() - record["create_time"]) < 0.05
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError):
        return False
