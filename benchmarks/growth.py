"""How serving grows: models on one engine, processes of one model, members behind a balancer.

Each row is beside the first of its table in the same run; `make bench`.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from benchmarks.contestants import BATCH, ROW, Contestant, bodies
from benchmarks.serving import RESULTS, ask, lay_out
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.balancer.running_balancer import RunningBalancer
from tests.kd_engines.deployment import running_deployment
from tests.kd_engines.deployment.running_deployment import RunningDeployment

MODELS, MEMBERS = (10, 100, 1000), (1, 2, 4, 8)
CONNECTIONS, SECONDS = 16, 4
FIRST_ANSWERS = 200
MODEL = "repo://project_repo/models/model.ubj"
# 5 ms of a processor for each row, and nothing to share between rows.
HEAVY = """
import time
def predict(model, args):
    until = time.process_time() + 0.005
    while time.process_time() < until:
        pass
    return 1
"""


def main() -> int:
    """Measure, and write the tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    options.add_argument("--models", type=int, default=MODELS[-1], help="at most so many")
    options.add_argument("--write", action="store_true", help="keep the tables")
    chosen = options.parse_args()
    lines = [
        f"# Growth of serving, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{os.cpu_count()} processors, Python {platform.python_version()}; the load generator on "
        f"the same ones, {CONNECTIONS} connections where nothing else is said.",
        "",
        *models_table([count for count in MODELS if count <= chosen.models]),
        *processes_table(),
        *members_table(),
    ]
    text = "\n".join(lines)
    print(text)
    if chosen.write:
        (RESULTS / "growth.md").write_text(text)
    return 0


@contextlib.contextmanager
def engine(**environment: str) -> Iterator[RunningDeployment]:
    """Run an engine whose repository has the benchmark's model."""
    with tempfile.TemporaryDirectory() as folder:
        running = RunningDeployment(Path(folder), **environment)
        (running.repository / "models").rmdir()
        lay_out(running.repository)
        try:
            yield running
        finally:
            running.stop()


def contestant(running: RunningDeployment, url: str) -> Contestant:
    """Return what :func:`~benchmarks.serving.ask` wants to know of an engine."""
    headers = {"X-Auth-Token": running_deployment.TOKEN}
    process = psutil.Process(running.process.pid)
    return Contestant("ours", url, bodies()["ours"], process, headers)


def models_table(counts: list[int]) -> list[str]:
    """Measure many copies of one XGBoost model, each a file and a version of its own."""
    lines = [
        "## Models on one engine",
        "",
        "| models | compiled s | restarted s | MB | first answer ms | at most ms | "
        "one model a second | all of them | x |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for count in counts:
        with tempfile.TemporaryDirectory() as cache, engine(KD_COMPILED_CACHE=cache) as running:
            lines.append(models_row(running, count))
    return [*lines, ""]


def models_row(running: RunningDeployment, count: int) -> str:
    """Connect so many models to an engine, start it again, and ask them all."""
    content = (running.repository / "models" / "model.ubj").read_bytes()
    for number in range(count):
        (running.repository / "models" / f"m{number}.ubj").write_bytes(content)
        path = f"repo://project_repo/models/m{number}.ubj"
        config = ModelConfig(f"m{number}", "1", path, "").with_extra(example=json.dumps(ROW))
        running.models[f"m{number}/1"] = config.to_manifest()
    cold = ready_s(running, count, running.write_configmeta)
    running.stop()
    warm = ready_s(running, count, running.start)
    firsts = sorted(
        first_answer_ms(running, number)
        for number in range(0, count, max(1, count // FIRST_ANSWERS))
    )
    memory = contestant(running, "").memory_mb()
    one = contestant(running, f"{running.url}/m0/1/predict")
    rate = ask(one, CONNECTIONS, SECONDS)["rate"]
    # wrk asks them in turn, each at another time.
    over_all = ask(one, CONNECTIONS, SECONDS, [f"/m{n}/1/predict" for n in range(count)])["rate"]
    times = f"{cold:.1f} | {warm:.1f} | {memory:.0f} | {median(firsts):.2f} | {firsts[-1]:.1f}"
    return f"| {count:,} | {times} | {rate:,.0f} | {over_all:,.0f} | {over_all / rate:.2f} |"


def ready_s(running: RunningDeployment, count: int, begin: Callable[[], None]) -> float:
    """Return the seconds from ``begin`` until all models are ready."""
    began = time.monotonic()
    begin()
    while True:
        states = [model["state"] for model in running.get("/models")["models"]]
        if states.count("Ready") == count:
            return time.monotonic() - began
        time.sleep(0.1)


def first_answer_ms(running: RunningDeployment, number: int) -> float:
    """Return how long a model's first prediction since the start takes."""
    began = time.perf_counter()
    answer = running.ask(f"m{number}/1", ROW)
    answer.raise_for_status()
    return 1000 * (time.perf_counter() - began)


def processes_table() -> list[str]:
    """Measure a model that computes, with as many processes as it may have."""
    lines = ["## Processes of one model: 5 ms of a processor a row", ""]
    lines += ["| processes | a second | x | p99 ms |", "|---|---|---|---|"]
    base = 0.0
    for most in sorted({1, 2, os.cpu_count() or 1}):
        with engine(KD_MODEL_PROCESSES=str(most)) as running:
            label = running.serve("heavy", "1", HEAVY)
            one = contestant(running, f"{running.url}/{label}/predict")
            ask(one, CONNECTIONS, SECONDS * 2)  # in which it is forked
            found = ask(one, CONNECTIONS, SECONDS)
            base = base or found["rate"]
            count = running.state(label)["processes"]
        rate, p99 = found["rate"], found["p99_ms"]
        lines.append(f"| {count} | {rate:,.0f} | {rate / base:.2f} | {p99:.0f} |")
    return [*lines, ""]


def members_table() -> list[str]:
    """Measure predict_batch behind HAProxy, by one member up to eight."""
    lines = ["## Members behind a balancer: predict_batch with inplace_predict", ""]
    lines += ["| members | 16 connections | x | 64 connections | x |", "|---|---|---|---|---|"]
    base: dict[int, float] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        balancer = RunningBalancer(folder)
        stack.callback(balancer.stop)
        engines: list[RunningDeployment] = []
        for count in MEMBERS:
            while len(engines) < count:
                running = stack.enter_context(engine(KD_MODEL_PROCESSES="1"))
                running.connect("batch", "1", BATCH)
                manifest = running.models["batch/1"]
                manifest["data"]["path"] = MODEL
                running.write_configmeta()
                running.wait("batch/1")
                balancer.join(running)
                engines.append(running)
            one = contestant(engines[0], f"{balancer.url}/batch/1/predict")
            rates = {c: ask(one, c, SECONDS)["rate"] for c in (16, 64)}
            base = base or rates
            told = " | ".join(f"{rate:,.0f} | {rate / base[c]:.2f}" for c, rate in rates.items())
            lines.append(f"| {count} | {told} |")
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main())
