"""What a job will find on this engine: Python, packages, processors, memory, GPUs, mounts."""

import platform
import shutil
import subprocess
import threading
import time
from pathlib import Path

from kd_engines.members.capacity import Load, cpus, memory_bytes, memory_free_bytes
from kd_engines.packages import packages
from kd_engines.training.mounts import mounts
from kd_engines.training.processes import node_name
from kd_pipeline.messages import Environment, Gpu, Queue

KEPT_S = 60.0
GPU_TIMEOUT_S = 10


class EnvironmentFinder:
    """Finds the environment, and keeps it a minute, as packages are slow to list."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._lock = threading.Lock()
        self._load = Load()
        self._found: tuple[float, dict[str, str], list[Gpu]] | None = None

    def find(self, cluster: str, ml_engine: str, queue: Queue) -> Environment:
        """Return the environment now."""
        with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > KEPT_S:
                self._found = (time.monotonic(), packages(), gpus())
            _, installed, devices = self._found
            load = self._load.now()
        return Environment(
            python=platform.python_version(),
            packages=installed,
            cpus=cpus(),
            memory_bytes=memory_bytes(),
            gpus=devices,
            node=node_name(),
            cluster=cluster,
            ml_engine=ml_engine,
            queue=queue,
            load=load,
            memory_free_bytes=memory_free_bytes(),
            kd_magics=installed.get("kd-magics", ""),
            mounts=mounts(self._repository),
        )


def gpus() -> list[Gpu]:
    """Return NVIDIA's GPUs as nvidia-smi lists them; none where it is missing or fails."""
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    query = ["--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(
            [program, *query], capture_output=True, text=True, timeout=GPU_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.rpartition(",") for line in done.stdout.splitlines() if "," in line]
    return [
        Gpu(name.strip(), int(mebibytes) * 1024**2)
        for name, _, mebibytes in rows
        if mebibytes.strip().isdecimal()
    ]
