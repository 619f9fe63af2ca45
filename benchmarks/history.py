"""A training engine with 100,000 jobs behind it: pages of its list, start, processor and memory.

``python -m benchmarks.history [number of jobs]``; the folders take about half a minute to make.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine

JOBS = 100_000
ASKED = 20
QUESTIONS = (
    *("/jobs", "/jobs?status=Running", "/jobs?user=rare", "/jobs?user=nobody"),
    *("/jobs?status=OutOfMemory", "/jobs?user=user3&status=Cancelled", "/history"),
)
INDEXED_S = 300.0


def main() -> None:
    """Print the figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["KD_JOB_INDEX"] = str(folder / "index")
        make_jobs(folder / "repository", count)
        print(f"{count:,} jobs")
        engine, seconds = started(folder)
        print(f"first start: {seconds:.2f} s, indexed after {indexed(engine):.0f} s")
        engine.stop()
        engine, seconds = started(folder)
        print(f"next start: {seconds:.2f} s")
        show(engine)
        engine.stop()


def show(engine: RunningEngine) -> None:
    """Print the figures of an engine that runs."""
    for path in QUESTIONS:
        print(f"{path:40} {asked(engine, path):8.1f} ms")
    print(f"idle: {used(engine, lambda: time.sleep(5)):.3f} of a processor")
    print(f"3 jobs a second: {used(engine, lambda: submit(engine)):.3f}")
    memory = psutil.Process(engine.process.pid).memory_info().rss
    print(f"memory: {memory / 1e6:.0f} MB")


def make_jobs(root: Path, count: int) -> None:
    """Make the folders of jobs that have ended, of twenty users and one who has had one."""
    jobs, taken = root / "misc" / CLUSTER / "jobs", root / "misc" / ".job-ids"
    for folder in (jobs, taken):
        folder.mkdir(parents=True)
    for job in range(1, count + 1):
        folder = jobs / str(job)
        folder.mkdir()
        (taken / str(job)).mkdir()
        user = "rare" if job == 3 else f"user{job % 20}"
        status = "OutOfMemory" if job == 7 else "Failed" if job % 10 == 0 else "Finished"
        began = "2026-11-01T10:00:00.000Z"
        submitted = {"id": job, "submitted": began, "code_sha256": "", "user": user}
        (folder / "job.json").write_text(json.dumps(submitted))
        (folder / "code.py").write_text("pass\n")
        (folder / "exit.json").write_text(json.dumps({"status": status, "ended": began}))


def started(folder: Path) -> tuple[RunningEngine, float]:
    """Return an engine, and after how many seconds it answers."""
    began = time.perf_counter()
    settings = {"KD_JOB_INDEX": str(folder / "index")}
    engine = RunningEngine(folder / "repository", folder / "configmeta.json", **settings)
    return engine, time.perf_counter() - began


def indexed(engine: RunningEngine) -> float:
    """Wait until a rare user is found at once; return after how many seconds that was."""
    began = time.perf_counter()
    while time.perf_counter() - began < INDEXED_S:
        time.sleep(5)
        if asked(engine, "/jobs?user=rare", 1) < 100:
            break
    return time.perf_counter() - began


def asked(engine: RunningEngine, path: str, times: int = ASKED) -> float:
    """Return how many milliseconds an answer takes."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        engine.call("GET", path).raise_for_status()
        found.append(1000 * (time.perf_counter() - began))
    return statistics.median(found)


def submit(engine: RunningEngine) -> None:
    """Submit for five seconds."""
    for _ in range(15):
        engine.submit("pass")
        time.sleep(1 / 3)


def used(engine: RunningEngine, call: Callable[[], object]) -> float:
    """Return how much of a processor the engine takes during a call."""
    process = psutil.Process(engine.process.pid)
    before, began = process.cpu_times(), time.perf_counter()
    call()
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return spent / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
