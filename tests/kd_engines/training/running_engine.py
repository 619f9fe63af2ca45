"""Run a real training engine on a real port, over a project repository of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.configmeta import configmeta

TOKEN = "5b1c" * 8
CLUSTER = "training-engine-instance"
DEADLINE_S = 30.0


def eventually(found: Callable[[], Any], seconds: float = DEADLINE_S) -> Any:
    """Return the first true value of ``found``, asked again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not true within {seconds:g} s")


class RunningEngine:
    """One engine process and its client."""

    def __init__(self, repository: Path, configmeta_path: Path, **environment: str) -> None:
        self.repository = repository
        self.configmeta_path = configmeta_path
        self.environment = environment
        self.token = TOKEN
        self.write_tokens([TOKEN])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.session = requests.Session()
        self.start()

    def write_tokens(self, tokens: list[str]) -> None:
        """Write the configmeta.json as KubeDirector does: in place."""
        self.configmeta_path.write_text(json.dumps(configmeta(CLUSTER, tokens)))

    def start(self) -> None:
        """Start the engine's process and wait until it is ready."""
        command = [sys.executable, "-m", "kd_engines.training", "--port", str(self.port)]
        self.process = subprocess.Popen(
            command,
            env={
                **os.environ,
                "KD_CONFIGMETA": str(self.configmeta_path),
                "KD_PROJECT_REPO": str(self.repository),
                "KD_KILL_GRACE_S": "1",
                **self.environment,
            },
        )
        eventually(self._is_ready)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the engine a signal and wait for its end."""
        self.process.send_signal(number)
        self.process.wait(timeout=DEADLINE_S)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Send one request with the token."""
        headers = {"X-Auth-Token": self.token, **options.pop("headers", {})}
        return self.session.request(
            method, self.url + path, headers=headers, timeout=DEADLINE_S, **options
        )

    def get(self, path: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

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

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "the engine ended"
        try:
            return requests.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


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
