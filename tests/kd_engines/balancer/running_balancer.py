"""A real balancer with a real HAProxy, in front of engines' processes, and a steady load."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.free_port import free_port
from tests.kd_engines.asking import Asking
from tests.kd_engines.running_server import eventually

TOKEN = "0123456789abcdef0123456789abcdef"
BALANCER_TOKEN = "fedcba9876543210fedcba9876543210"
HEADERS = {"X-Auth-Token": TOKEN}
ENGINE = Path(__file__).parent.parent / "web" / "small_engine.py"
DRAIN_S = "2"  # HAProxy has noticed within 1.5 s


class Member:
    """One engine's process, on one port through all its lives."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> "Member":
        """Start it and wait until it listens."""
        self.process = subprocess.Popen(
            [sys.executable, ENGINE, f"--port={self.port}", TOKEN, BALANCER_TOKEN],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "KD_DRAIN_MIN_S": DRAIN_S},
        )
        assert self.process.stdout is not None
        self.process.stdout.readline()
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal and wait for its end."""
        self.process.send_signal(number)
        self.process.wait(40)


class RunningBalancer:
    """A balancer's process; ``join`` and ``leave`` write its configmeta.json as KubeDirector."""

    def __init__(self, folder: Path, *options: str) -> None:
        if not shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin"):
            pytest.skip("HAProxy is not installed here: install the package haproxy")
        self.configmeta = folder / "configmeta.json"
        self.port, self.stats_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.urls: list[str] = []
        self.options = options
        self.write()
        self.start()

    def start(self) -> None:
        """Start the balancer and wait until HAProxy answers."""
        ports = ["--port", str(self.port), "--stats-port", str(self.stats_port)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kd_engines.balancer", *ports, *self.options],
            env={**os.environ, "KD_CONFIGMETA": str(self.configmeta)},
        )
        eventually(self.answers)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send the balancer a signal and wait for its end."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(40)

    def answers(self) -> bool:
        """Tell whether anything listens at the balancer's port."""
        assert self.process.poll() is None, "the balancer ended"
        try:
            requests.get(self.url, timeout=5)
        except requests.ConnectionError:
            return False
        return True

    def join(self, *members: Any) -> None:
        """Name members in configmeta.json, and wait until all are used."""
        self.urls += [member.url for member in members]
        self.write()
        eventually(lambda: len(self.up()) == len(self.urls))

    def leave(self, member: Any) -> None:
        """Take a member out of configmeta.json, and wait until it is used no more."""
        self.urls.remove(member.url)
        self.write()
        eventually(lambda: len(self.up()) == len(self.urls))

    def up(self) -> list[str]:
        """Return the slots that HAProxy sends requests to, as its statistics tell."""
        answer = requests.get(
            f"http://127.0.0.1:{self.stats_port}/;csv", auth=("kd", BALANCER_TOKEN), timeout=5
        )
        slots = [line.split(",") for line in answer.text.splitlines()]
        return [
            slot[1]
            for slot in slots
            if slot[0] == "engines" and slot[1].startswith("member") and slot[17] == "UP"
        ]

    def write(self) -> None:
        """Write configmeta.json in place, in pieces."""
        service = {"id": "gunicorn", "endpoints": self.urls or None, "authToken": TOKEN}
        own = {"id": "haproxy", "endpoints": [self.url], "authToken": BALANCER_TOKEN}
        roles = {
            "RESTServer": {"services": {"gunicorn": service} if self.urls else None},
            "LoadBalancer": {"services": {"haproxy": own}},
        }
        text = json.dumps(
            {
                "version": "7",
                "nodegroups": {"1": {"roles": roles, "distro_id": "hpecp/deploymt-engine"}},
                "cluster": {"name": "engine"},
                "node": {"role_id": "LoadBalancer", "id": "1"},
                "connections": {"clusters": None, "configmaps": None, "secrets": None},
            }
        )
        with self.configmeta.open("w") as file:
            for start in range(0, len(text), 200):
                file.write(text[start : start + 200])
                file.flush()
                time.sleep(0.005)


@dataclass
class Load(Asking):
    """Clients that ask without a pause of more than ``pause_s``, and what they were answered."""

    url: str
    clients: int = 8
    pause_s: float = 0.03
    path: str = "/echo"
    token: str = TOKEN
    body: dict[str, Any] = field(default_factory=lambda: {"number": 1})
    answers: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__(self._ask, self.clients)

    @property
    def failed(self) -> dict[str, int]:
        """Return the answers that were none, by kind."""
        return {kind: count for kind, count in self.answers.items() if kind != "200"}

    def _ask(self) -> None:
        with requests.Session() as session:
            while not self.stop.wait(self.pause_s):
                self.answers[self._one(session)] += 1

    def _one(self, session: requests.Session) -> str:
        try:
            answer = session.post(
                self.url + self.path,
                json=self.body,
                headers={"X-Auth-Token": self.token},
                timeout=30,
            )
        except requests.RequestException as error:
            return type(error).__name__
        # What was answered instead tells who it was: an engine, HAProxy, or somebody else.
        return "200" if answer.ok else f"{answer.status_code}: {answer.text[:300]}"
