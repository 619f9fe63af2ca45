"""Predictions a second, against what one writes by hand for one model: `make bench`.

Both serve the same XGBoost model (100 trees, depth 6, 8 features) on this machine, in turns and in
the same run, as machines differ and swing: only the ratios count.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import requests
import xgboost as xgb

from benchmarks.load import Result, measure
from kd_pipeline.model_config import ModelConfig
from tests.configmeta import configmeta

ROOT = Path(__file__).resolve().parents[1]

TOKEN = "0" * 32
FEATURES = [f"feature_{number}" for number in range(8)]
SECONDS, ROUNDS = 3.0, 3
BATCH = """
import numpy as np
import xgboost as xgb
def load(path):
    booster = xgb.Booster(model_file=path)
    booster.set_param({"nthread": 1})
    return booster
def predict_batch(model, rows):
    return model.inplace_predict(np.array([list(r.values()) for r in rows], dtype=np.float32))
"""
ONE = BATCH.replace("predict_batch(model, rows)", "predict(model, row)").replace(
    "[list(r.values()) for r in rows], dtype=np.float32))", "[list(row.values())], np.float32))[0]"
)
OLD = """
import json, sys
import numpy as np
import xgboost as xgb
booster = xgb.Booster(model_file="/bd-fs-mnt/project_repo/models/model.ubj")
row = json.loads(sys.argv[1])
print(booster.inplace_predict(np.array([list(row.values())], dtype=np.float32))[0])
"""
SCRIPTS = {"batch": BATCH, "one": ONE, "old": OLD}


def main() -> None:
    """Print a table of rates, latencies and ratios."""
    with tempfile.TemporaryDirectory() as folder:
        repository = lay_out(Path(folder))
        with raw_asgi(repository) as peer, deployment(repository) as ours:
            ports = {"raw ASGI": peer, **dict.fromkeys(SCRIPTS, ours)}
            for connections in (1, 16, 64):
                best: dict[str, Result] = {}
                for _ in range(ROUNDS):
                    for name, port in ports.items():
                        seconds = SECONDS if name != "old" else SECONDS * 2
                        found = measure(port, request(name), connections, seconds)
                        best[name] = max(best.get(name, found), found, key=lambda r: r.rate)
                show(connections, best)


def lay_out(root: Path) -> Path:
    """Write a model and three scoring scripts into a project repository."""
    rng = np.random.default_rng(0)
    rows = rng.random((5000, len(FEATURES)))
    matrix = xgb.DMatrix(rows, rows @ rng.random(len(FEATURES)))
    (root / "models").mkdir()
    (root / "code").mkdir()
    xgb.train({"max_depth": 6}, matrix, 100).save_model(root / "models" / "model.ubj")
    for name, source in SCRIPTS.items():
        (root / "code" / f"{name}.py").write_text(source)
    return root


def request(name: str) -> bytes:
    """Return a prediction's HTTP request."""
    row = dict.fromkeys(FEATURES, 0.5)
    body = json.dumps({"use_scoring": True, "scoring_args": row}).encode()
    head = f"POST /{name.replace(' ', '')}/1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += f"X-Auth-Token: {TOKEN}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def deployment(root: Path) -> Iterator[int]:
    """Run a deployment engine with the three models; yield its port."""
    path = "repo://project_repo/models/model.ubj"
    models = [
        ModelConfig(name, "1", path, f"repo://project_repo/code/{name}.py").to_manifest()
        for name in SCRIPTS
    ]
    meta = root / "configmeta.json"
    meta.write_text(json.dumps(configmeta("deployment", [TOKEN], models=models)))
    environment = {"KD_CONFIGMETA": str(meta), "KD_PROJECT_REPO": str(root)}
    with server(["-m", "kd_engines.deployment", "--port"], environment) as port:
        wait(f"http://127.0.0.1:{port}/health/ready")
        yield port


@contextmanager
def raw_asgi(root: Path) -> Iterator[int]:
    """Run the peer; yield its port."""
    command = ["-m", "uvicorn", "benchmarks.raw_asgi:app", "--log-level=error", "--lifespan=off"]
    environment = {"MODEL": str(root / "models" / "model.ubj"), "OMP_NUM_THREADS": "1"}
    with server([*command, "--no-access-log", "--port"], environment) as port:
        wait(f"http://127.0.0.1:{port}/", request("raw ASGI").partition(b"\r\n\r\n")[2])
        yield port


@contextmanager
def server(command: list[str], environment: dict[str, str]) -> Iterator[int]:
    """Run a Python server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *command, str(port)], env={**os.environ, **environment}, cwd=ROOT
    )
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


def wait(url: str, body: bytes | None = None) -> None:
    """Wait until a server answers, whatever it answers but 503."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if (
                requests.request("POST" if body else "GET", url, data=body, timeout=5).status_code
                != 503
            ):
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer")


def show(connections: int, results: dict[str, Result]) -> None:
    """Print one table."""
    print(
        f"\n{connections} connections    a second   p50 ms   p99 ms   failed    ratio", flush=True
    )
    base = results["raw ASGI"].rate
    for name, r in results.items():
        print(
            f"{name:<16} {r.rate:>10,.0f} {r.p50:>8.2f} {r.p99:>8.2f} {r.failed:>8} "
            f"{r.rate / base:>8.2f}"
        )


if __name__ == "__main__":
    main()
