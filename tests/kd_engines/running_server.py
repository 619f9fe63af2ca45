"""A real engine process on a real port, and its client."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests

from tests.free_port import free_port

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


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and is not collected yet does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class RunningServer:
    """One engine's process; it keeps its port when it is started again."""

    def __init__(
        self, module: str, configmeta: Path, repository: Path, token: str, **environment: str
    ) -> None:
        self.module, self.configmeta_path, self.repository = module, configmeta, repository
        self.token, self.environment = token, environment
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.session = requests.Session()

    def start(self) -> None:
        """Start the engine's process and wait until it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, "--port", str(self.port)],
            env={
                **os.environ,
                "KD_CONFIGMETA": str(self.configmeta_path),
                "KD_PROJECT_REPO": str(self.repository),
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
        options.setdefault("timeout", DEADLINE_S)
        return self.session.request(method, self.url + path, headers=headers, **options)

    def get(self, path: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, "the engine ended"
        try:
            return requests.get(f"{self.url}/health/ready", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False
