"""What a job costs who sends it: `make bench`.

Each figure stands beside a peer's of the same run: bare IPython and its own extension, an empty
cell of the same kernel, a bare ``python -c pass``. Only the ratios count, as machines differ.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.manager import start_new_kernel

from kd_client.training_client import TrainingClient
from kd_pipeline.connections import ClusterConnection, parse_connections
from kd_pipeline.messages import SubmitJob
from tests.configmeta import configmeta
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

ROUNDS = 30
LOADS = 9
LOG_LINES, LINE = 1_000_000, 79  # 80 MB
MANY = 1000  # short jobs
LEARNS_S = 20.0  # in which an engine imports what jobs have imported, on a busy machine too
LIBRARIES = "import numpy, pandas, sklearn, xgboost\nprint('ready')"
LINES = f"line = 'x' * {LINE}\nfor _ in range({LOG_LINES}):\n    print(line)"
LOAD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("pass")
began = time.perf_counter()
shell.run_line_magic("load_ext", {name!r})
print((time.perf_counter() - began) * 1000)
"""


def main() -> None:
    """Print the figures, in milliseconds unless it says otherwise."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with engine(folder) as running, attached(folder, running) as configmeta_path:
            show("%load_ext kd_magics", loading("kd_magics"))
            show("%load_ext autoreload (IPython's own)", loading("autoreload"))
            cells(configmeta_path)
            jobs(TrainingClient(lambda: connection(configmeta_path)))


def cells(configmeta_path: Path) -> None:
    """Time cells in a real kernel, from the request to its idle message."""
    manager, client = start_new_kernel(
        env={**_environment(), "KD_CONFIGMETA": str(configmeta_path)}
    )
    try:
        run = lambda cell: client.execute_interactive(cell, output_hook=lambda _: None, timeout=60)  # noqa: E731
        run("%load_ext kd_magics")
        short = CLUSTER.replace("-", "")
        run(f"%%{short}\npass")
        show("a cell that submits", timed(lambda: run(f"%%{short}\npass")))
        show("an empty cell", timed(lambda: run("pass")))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def jobs(client: TrainingClient) -> None:
    """Time submitting, a job from end to end, prints on their way, and a long log."""
    show("POST /jobs", timed(lambda: client.submit(SubmitJob(code="pass"))))
    client.wait(client.submit(SubmitJob(code="pass")).id)
    show("submitted to finished", timed(lambda: client.wait(client.submit(SubmitJob("pass")).id)))
    bare = [sys.executable, "-c", "pass"]
    show("python -c pass", timed(lambda: subprocess.run(bare, check=True)))
    show("short jobs a minute, two at once", [short_jobs(client) for _ in range(3)])
    client.wait(client.submit(SubmitJob(LIBRARIES)).id)
    time.sleep(LEARNS_S)
    show("submitted to the first line, libraries", timed(lambda: first_line(client, LIBRARIES)))
    bare = [sys.executable, "-c", LIBRARIES]
    show("python -c, the same", timed(lambda: subprocess.run(bare, check=True), rounds=3))
    show("a print until the client has it", prints(client))
    show("1 M lines, printed and followed, MB/s", [throughput(client) for _ in range(5)])
    show("… by python into a pipe, MB/s", [bare_throughput() for _ in range(5)])


def short_jobs(client: TrainingClient) -> float:
    """Return how many jobs that do nothing end in a minute, from the first submission on."""
    began = time.perf_counter()
    jobs = [client.submit(SubmitJob("pass")).id for _ in range(MANY)]
    for job in jobs:
        client.wait(job)
    return MANY / (time.perf_counter() - began) * 60


def first_line(client: TrainingClient, code: str) -> None:
    """Submit a job and wait for the first bytes of its log."""
    job = client.submit(SubmitJob(code=code))
    with client.follow(job.id, 0) as stream:
        next(iter(stream))


def prints(client: TrainingClient) -> list[float]:
    """Return how long each of a job's prints was under way."""
    code = (
        "import time\nfor _ in range(40):\n    print(time.time(), flush=True)\n    time.sleep(0.05)"
    )
    job = client.submit(SubmitJob(code=code))
    found = []
    with client.follow(job.id, 0) as stream:
        for part in stream:
            arrived = time.time()
            found += [(arrived - float(line)) * 1000 for line in part.decode().split()]
    return found


def throughput(client: TrainingClient) -> float:
    """Return at how many megabytes a second the lines come that a job prints, from its first on."""
    job = client.submit(SubmitJob(code=LINES))
    began, size = 0.0, 0
    with client.follow(job.id, 0) as stream:
        for part in stream:
            began = began or time.perf_counter()
            size += len(part)
    return _rate(size, began)


def bare_throughput() -> float:
    """Return at how many megabytes a second Python's own buffered lines come through a pipe."""
    began, size = 0.0, 0
    bare = [sys.executable, "-E", "-c", LINES]  # -E: as where PYTHONUNBUFFERED is not set
    with subprocess.Popen(bare, stdout=subprocess.PIPE) as process:
        while process.stdout and (part := process.stdout.read1(1 << 20)):
            began = began or time.perf_counter()
            size += len(part)
    return _rate(size, began)


def _rate(size: int, began: float) -> float:
    if size != LOG_LINES * (LINE + 1):
        raise RuntimeError(f"{size:,} bytes of the lines came.")
    return size / 1e6 / (time.perf_counter() - began)


def loading(name: str) -> list[float]:
    """Return how long an extension takes to load, each time in a fresh process."""
    command = [sys.executable, "-c", LOAD.format(name=name)]
    return [float(subprocess.check_output(command, env=_environment())) for _ in range(LOADS)]


def timed(call: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return how long a call takes, again and again."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return found


def show(what: str, found: list[float]) -> None:
    """Print a figure's median, best and worst."""
    median = statistics.median(found)
    print(f"{what:40} median {median:8.1f}   best {min(found):8.1f}   worst {max(found):8.1f}")


@contextmanager
def engine(folder: Path) -> Iterator[RunningEngine]:
    """Run a training engine over a repository of its own."""
    (folder / "project_repo").mkdir()
    running = RunningEngine(folder / "project_repo", folder / "engine.json")
    yield running
    running.stop()


@contextmanager
def attached(folder: Path, running: RunningEngine) -> Iterator[Path]:
    """Write a notebook's configmeta.json to which the engine is connected."""
    path = folder / "configmeta.json"
    path.write_text(json.dumps(configmeta(clusters={CLUSTER: [(running.url, TOKEN)]})))
    yield path


def connection(path: Path) -> ClusterConnection:
    """Return the connected training cluster."""
    return parse_connections(path.read_bytes()).cluster(CLUSTER)


def _environment() -> dict[str, str]:
    return {**os.environ, "IPYTHONDIR": tempfile.gettempdir()}


if __name__ == "__main__":
    main()
