"""Run `kd up` for real in a state folder of its own."""

import json
import os
import signal
import stat
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml

from kd_pipeline.connections import BALANCER_ROLE, Connections, Endpoint, parse_connections
from tests.kd_engines.running_server import eventually

TRAINING = "training-engine-instance"
DEPLOYMENT = "deployment-engine-instance"
NOTEBOOK = "jupyter-notebook"


class RunningHome:
    """A home with the shipped manifests, and the command `kd` on it."""

    def __init__(self, path: Path, deployment: bool = False) -> None:
        self.path = path
        self.manifests = path / "manifests"
        self.repository = path / "project_repo"
        path.mkdir(mode=0o700)
        self.manifests.mkdir(mode=0o700)
        for shipped in (files("kd_engines.local") / "manifests").iterdir():
            if shipped.name.endswith(".yaml"):
                (self.manifests / shipped.name).write_text(shipped.read_text())
        if not deployment:
            (self.manifests / f"kdcluster-{DEPLOYMENT}.yaml").unlink()
            self.edit(NOTEBOOK, lambda spec: spec["connections"].update(clusters=[TRAINING]))
        ours = ("KD_", "PYTHON")  # a user's shell sets neither: streams are buffered, for one
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        self.environment |= {"KD_HOME": str(path), "KD_KILL_GRACE_S": "1"}

    def kd(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `kd`, whatever its exit code is."""
        return subprocess.run(
            [sys.executable, "-m", "kd_engines", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def up(self, *arguments: str) -> None:
        """Run `kd up --detach`, which must make all ready."""
        done = self.kd("up", "--detach", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """Return `kd status --json`."""
        return dict(json.loads(self.kd("status", "--json").stdout))

    def member(self, cluster: str, number: int = 1) -> dict[str, Any]:
        """Return a member's status."""
        return next(m for m in self.members(cluster) if m["member"] == number)

    def members(self, cluster: str) -> list[dict[str, Any]]:
        """Return the status of a cluster's members, but for its load balancer."""
        found = [m for m in self.status()["members"] if m["cluster"] == cluster]
        return [m for m in found if m["role"] != BALANCER_ROLE]

    def wait(self, cluster: str, state: str = "Ready", number: int = 1) -> dict[str, Any]:
        """Return a member's status once it is there with a state."""

        def reached() -> Any:
            found = self.members(cluster)
            return next((m for m in found if (m["member"], m["state"]) == (number, state)), None)

        return dict(eventually(reached))

    def folder(self, cluster: str, number: int = 1) -> Path:
        """Return a member's folder."""
        return next((self.path / "run" / cluster).glob(f"[!L]*-{number}"))  # no LoadBalancer

    def surround(self, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Give this process what a notebook of this home finds; return its configmeta.json."""
        configmeta = self.folder(NOTEBOOK) / "configmeta.json"
        monkeypatch.setenv("KD_CONFIGMETA", str(configmeta))
        monkeypatch.setenv("KD_PROJECT_REPO", str(self.repository))
        monkeypatch.setenv("KD_REGISTRY", str(self.manifests))
        return configmeta

    def connections(self, cluster: str = NOTEBOOK) -> Connections:
        """Return what a member's configmeta.json says."""
        return parse_connections((self.folder(cluster) / "configmeta.json").read_bytes())

    def engines(self, cluster: str = TRAINING) -> list[Endpoint]:
        """Return where the notebook finds a cluster's engines, each by itself."""
        found = self.connections().cluster(cluster).api_endpoints()
        return [endpoint for endpoint in found if endpoint.role != BALANCER_ROLE]

    def scale(self, cluster: str, members: int) -> None:
        """Change how many engines a cluster has."""

        def change(spec: Any) -> None:
            for role in spec["roles"]:
                if role["id"] != BALANCER_ROLE:
                    role["members"] = members

        self.edit(cluster, change)

    def edit(self, cluster: str, change: Any) -> None:
        """Change the spec of a kdcluster's manifest, as an editor does."""
        path = self.manifests / f"kdcluster-{cluster}.yaml"
        manifest = yaml.safe_load(path.read_text())
        change(manifest["spec"])
        path.write_text(yaml.safe_dump(manifest))

    def copy(self, cluster: str, name: str, change: Any = lambda spec: None) -> None:
        """Add a kdcluster that is a copy of another."""
        path = self.manifests / f"kdcluster-{cluster}.yaml"
        manifest = yaml.safe_load(path.read_text())
        manifest["metadata"]["name"] = name
        change(manifest["spec"])
        (self.manifests / f"kdcluster-{name}.yaml").write_text(yaml.safe_dump(manifest))

    def call(self, method: str, path: str, body: Any = None, number: int = 0) -> Any:
        """Ask a training engine as the notebook would."""
        endpoint = self.engines()[number]
        answer = requests.request(
            method,
            endpoint.url + path,
            json=body,
            headers={"X-Auth-Token": endpoint.token},
            timeout=30,
        )
        assert answer.ok, answer.text
        return answer.json()

    def processes(self) -> list[psutil.Process]:
        """Return every living process that belongs to this home, jobs and workers too."""
        found = []
        for process in psutil.process_iter():
            try:
                values = set(process.environ().values())
                named = {str(self.path), str(self.repository)} & values
                if named and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def secrets(self) -> list[str]:
        """Return every token of this home."""
        records = self.path.glob("run/*/*/member.json")
        return [json.loads(record.read_bytes())["token"] for record in records]

    def modes(self) -> dict[str, int]:
        """Return the permission bits of everything in the state folder but the repository."""
        return {
            str(path.relative_to(self.path)): stat.S_IMODE(path.stat().st_mode)
            for path in self.path.rglob("*")
            if self.repository not in (path, *path.parents)
        }

    def kill(self, pid: int) -> None:
        """End a process as a crash would."""
        os.kill(pid, signal.SIGKILL)
