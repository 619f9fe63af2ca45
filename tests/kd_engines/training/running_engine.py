"""Run a real training engine on a real port, over a project repository of its own."""

import json
from pathlib import Path
from typing import Any

import psutil

from tests.configmeta import configmeta
from tests.kd_engines.running_server import RunningServer, eventually

TOKEN = "5b1c" * 8
CLUSTER = "training-engine-instance"


class RunningEngine(RunningServer):
    """A training engine and its client."""

    def __init__(self, repository: Path, configmeta_path: Path, **environment: str) -> None:
        settings = {"KD_KILL_GRACE_S": "1", **environment}
        super().__init__("kd_engines.training", configmeta_path, repository, TOKEN, **settings)
        self.write_tokens([TOKEN])
        self.start()

    def write_tokens(self, tokens: list[str]) -> None:
        """Write the configmeta.json as KubeDirector does: in place."""
        self.configmeta_path.write_text(json.dumps(configmeta(CLUSTER, tokens)))

    def submit(self, code: str, **fields: Any) -> dict[str, Any]:
        """Submit a job, which must be taken."""
        answer = self.call("POST", "/jobs", json={"code": code, **fields})
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())

    def wait(self, job: int, *, until: str | None = None) -> dict[str, Any]:
        """Return a job once it has ended, or has the status ``until``."""

        def reached() -> Any:
            found = self.get(f"/jobs/{job}?wait=5&known={'Queued' if until else 'Running'}")
            if found["status"] == "Queued" and not until:
                return None
            done = found["status"] == until if until else found["ended"]
            return found if done else None

        return dict(eventually(reached))

    def log(self, job: int) -> str:
        """Return a job's log."""
        return self.call("GET", f"/jobs/{job}/log").text

    def run(self, code: str, **fields: Any) -> tuple[dict[str, Any], str]:
        """Submit a job and wait for its end; return it and its log."""
        job = self.submit(code, **fields)["id"]
        return self.wait(job), self.log(job)

    def job_folder(self, job: int) -> Path:
        """Return a job's directory."""
        return self.repository / "misc" / CLUSTER / "jobs" / str(job)

    def started(self, job: int) -> dict[str, Any]:
        """Return what the runner wrote at a job's start."""
        path = self.job_folder(job) / "started.json"
        eventually(path.exists)
        return dict(json.loads(path.read_text()))


def job_processes(repository: Path) -> list[psutil.Process]:
    """Return the living processes of jobs of this repository, runners too."""
    found = []
    for process in psutil.process_iter():
        try:
            folder = process.environ().get("KD_JOB_DIR", "")
            if folder.startswith(str(repository)) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
