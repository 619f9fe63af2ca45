"""What clients see while models change and load: `make bench`, or ``python -m benchmarks.swaps``.

First requests at a steady pace while a model is swapped all the time: from one format to another,
to a function script, to a script of 2020 and back. Then those of two models while a gigabyte is
loaded and sorted beside them.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np

from benchmarks.contestants import BATCH
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.formats import trained
from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment

REQUESTS, RATE, CLIENTS = 50_000, 200, 20
LARGE_BYTES = 1_000_000_000
IDLE_S = 6.0
OLD = "import json, sys\nprint(json.loads(sys.argv[1])['miles'])"
LARGE = """
import numpy as np
def load(path):
    values = np.fromfile(path)
    for _ in range(4):
        values = np.sort(values[::-1].copy())
    return float(values[0])
def predict(model, row): return model
"""
# What takes the place of what: a model's file and its script.
KINDS = [
    ("trees.ubj", ""),
    ("trees.json", ""),
    ("trees.txt", ""),
    ("linear.joblib", ""),
    ("trees.ubj", BATCH),
    ("trees.ubj", OLD),
]


def main() -> int:
    """Print what failed, and how long answers took."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.swaps")
    options.add_argument("--requests", type=int, default=REQUESTS)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = RunningDeployment(Path(folder))
        try:
            lay_out(engine.repository / "models")
            failed = swaps(engine, chosen.requests)
            beside_loading(engine)
        finally:
            engine.stop()
    return 1 if failed else 0


def lay_out(models: Path) -> None:
    """Write the models."""
    trained.booster().save_model(models / "trees.ubj")
    trained.booster("binary:logistic").save_model(models / "trees.json")
    trained.gbm().save_model(models / "trees.txt")
    joblib.dump(trained.linear(), models / "linear.joblib")
    np.random.default_rng(0).random(LARGE_BYTES // 8).tofile(models / "large.bin")


def connect(engine: RunningDeployment, name: str, file: str, script: str) -> None:
    """Connect a model, in place of what has its name."""
    scoring = engine.script(f"{name}_{len(script)}.py", script) if script else ""
    path = f"repo://project_repo/models/{file}"
    engine.models[f"{name}/1"] = ModelConfig(name, "1", path, scoring).to_manifest()
    engine.write_configmeta()


def swaps(engine: RunningDeployment, requests: int) -> int:
    """Ask two models while one of them changes all the time; return how many requests failed."""
    connect(engine, "steady", *KINDS[0])
    connect(engine, "swapped", *KINDS[0])
    for label in ("steady/1", "swapped/1"):
        engine.wait(label)
    done, count = threading.Event(), [0]

    def swap() -> None:
        while not done.is_set():
            count[0] += 1
            connect(engine, "swapped", *KINDS[count[0] % len(KINDS)])
            engine.wait("swapped/1")

    swapping = threading.Thread(target=swap)
    swapping.start()
    failed: Counter[str] = Counter()
    left = iter(range(requests))
    times = asyncio.run(
        asked(engine.port, ["steady", "swapped"], lambda: next(left, None) is not None, failed)
    )
    done.set()
    swapping.join()
    print(f"{requests:,} requests, {count[0]} swaps: {failed.total()} failed {dict(failed)}")
    print(f"  the model that stays: {told(times['steady'])}")
    return failed.total()


def beside_loading(engine: RunningDeployment) -> None:
    """Ask a model of the engine's own process, and one of a process of its own, beside a load."""
    for name, script in (("here", ""), ("own", BATCH)):
        connect(engine, name, "trees.ubj", script)
        engine.wait(f"{name}/1")
        idle = time.monotonic() + IDLE_S
        before = asyncio.run(asked(engine.port, [name], lambda: time.monotonic() < idle))  # noqa: B023
        connect(engine, f"large-{name}", "large.bin", LARGE)
        loaded = threading.Event()

        def wait(label: str = f"large-{name}/1", loaded: threading.Event = loaded) -> None:
            while engine.state(label).get("state") not in ("Ready", "Failed"):
                time.sleep(0.5)
            loaded.set()

        threading.Thread(target=wait).start()
        beside = asyncio.run(asked(engine.port, [name], lambda: not loaded.is_set()))  # noqa: B023
        print(f"{'engine' if name == 'here' else 'own'} process, idle: {told(before[name])}")
        print(f"  while a gigabyte is loaded: {told(beside[name])}")


async def asked(
    port: int, names: list[str], more: Callable[[], bool], failed: Counter[str] | None = None
) -> dict[str, list[float]]:
    """Ask models in turn at RATE, as long as there are ``more``; return each one's times (s)."""
    times: dict[str, list[float]] = {name: [] for name in names}
    body = json.dumps({"use_scoring": True, "scoring_args": trained.ROW}).encode()

    async def ask(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while more():
            number += 1
            name = names[number % len(names)]
            began = time.perf_counter()
            head = (
                f"POST /{name}/1/predict HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {TOKEN}\r\n"
            )
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            try:
                answer = await reader.readuntil(b"\r\n\r\n")
                length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                status = answer.split(b" ", 2)[1].decode()
            except (OSError, asyncio.IncompleteReadError) as error:
                status = type(error).__name__
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            if status != "200" and failed is not None:
                failed[status] += 1
            taken = time.perf_counter() - began
            times[name].append(taken)
            await asyncio.sleep(max(0.0, CLIENTS / RATE - taken))
        writer.close()

    await asyncio.gather(*(ask(number) for number in range(CLIENTS)))
    return times


def told(times: list[float]) -> str:
    """Return the quantiles of times, in milliseconds."""
    ordered = sorted(times)
    p50, p99, most = (
        1000 * ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.99, 1)
    )
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, at most {most:.2f} ms"


if __name__ == "__main__":
    sys.exit(main())
