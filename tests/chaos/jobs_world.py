"""A real `kd up` with one training engine, whose project repository may be filled to the brim."""

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import requests

from kd_client.training_client import TrainingClient
from kd_pipeline.connections import ClusterConnection
from tests.kd_engines.local.running_home import TRAINING, RunningHome
from tests.kd_engines.out_of import file_handles

SIZE = "256m"  # of the repository's own disk, where one can be mounted


class JobsWorld:
    """What runs. ``may_be_lost`` are the jobs whose runner somebody killed."""

    def __init__(self, folder: Path) -> None:
        self.home = RunningHome(folder)
        self.repository = self.home.repository
        self.repository.mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.repository)]
        self.has_own_disk = (
            os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0
        )
        self.home.environment["KD_MAX_RUNNING"] = "4"
        self.home.up()
        self.ledger = self.repository / "misc" / "ledger"
        self.ledger.mkdir()
        self.may_be_lost: set[int] = set()
        self.quiet = threading.Lock()  # held while the engine is away on purpose

    def new_client(self) -> TrainingClient:
        """Return a client as a notebook has one."""

        def find() -> ClusterConnection:
            return self.home.connections().cluster(TRAINING)

        return TrainingClient(find)

    def ask(self, path: str) -> requests.Response:
        """Ask the engine once; raises requests.RequestException where it is not there."""
        endpoint = self.home.connections().cluster(TRAINING).api_endpoints()[0]
        headers = {"X-Auth-Token": endpoint.token}
        return requests.get(f"{endpoint.url}{path}", headers=headers, timeout=20)

    def log_end(self) -> str:
        """Return the end of the engine's log, which says why it failed."""
        return (self.home.folder(TRAINING) / "log").read_text(errors="replace")[-4000:]

    def engine_pid(self) -> int | None:
        """Return the training engine's process, if it runs."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            record = json.loads((self.home.folder(TRAINING) / "member.json").read_bytes())
            pid = int(record["pid"])
            if psutil.pid_exists(pid):
                return pid
        return None

    def started(self, job: int) -> dict[str, Any]:
        """Return what a job's runner wrote at its start; {} where that is not there."""
        path = self.repository / "misc" / TRAINING / "jobs" / str(job) / "started.json"
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(path.read_bytes()))
        return {}

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Leave no room in the project repository meanwhile."""
        filler = self.repository / "filler"
        try:
            with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * (1 << 20))
            with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
                while True:
                    file.write(b"x")
            yield
        finally:
            filler.unlink(missing_ok=True)

    @contextlib.contextmanager
    def no_handles(self) -> Iterator[None]:
        """Let the engine open no further file meanwhile."""
        pid = self.engine_pid()
        with contextlib.ExitStack() as stack:
            if pid:
                with contextlib.suppress(ProcessLookupError):
                    stack.enter_context(file_handles(pid))
            yield

    def close(self) -> int:
        """Stop all, and return how many processes are left."""
        self.home.kd("down")
        left = len(self.home.processes())
        if self.has_own_disk:
            subprocess.run(["umount", str(self.repository)], check=True)
        return left
