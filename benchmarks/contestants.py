"""Who is measured: our engine with a model of each kind, and what one would use instead."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from kd_pipeline.model_config import ModelConfig
from tests.configmeta import configmeta

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
TOKEN = "0" * 32
FEATURES = [f"feature_{number}" for number in range(8)]
ROW = dict.fromkeys(FEATURES, 0.5)
START_S = 120
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
ONNX = """
import numpy as np
import onnxruntime
def load(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = path.replace("model.ubj", "model.onnx")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
def predict_batch(model, rows):
    values = np.array([list(r.values()) for r in rows], dtype=np.float32)
    return model.run(None, {"x": values})[0].ravel()
"""
OLD = """
import json, sys
import numpy as np
import xgboost as xgb
booster = xgb.Booster(model_file="/bd-fs-mnt/project_repo/models/model.ubj")
row = json.loads(sys.argv[1])
print(booster.inplace_predict(np.array([list(row.values())], dtype=np.float32))[0])
"""
# Our models: what is told of them, and their scoring script, if they have one.
OURS = {
    "format": ("no script: XGBoost, compiled, in the engine's process", ""),
    "onnx": ("predict_batch with onnxruntime", ONNX),
    "batch": ("predict_batch with inplace_predict", BATCH),
    "one": ("predict with inplace_predict", ONE),
    "old": ("a script of 2020", OLD),
}


@dataclass(frozen=True)
class Contestant:
    """One that answers: where, to what, and whose processes they are."""

    name: str
    url: str
    body: bytes
    process: psutil.Process
    headers: dict[str, str] = field(default_factory=dict)

    def memory_mb(self) -> float:
        """Return its processes' memory, shared pages in parts (PSS)."""
        return sum(p.memory_full_info().pss for p in self._processes()) / 1e6

    def cpu_s(self) -> float:
        """Return the processor time of its processes so far."""
        times = [process.cpu_times() for process in self._processes()]
        return float(sum(one.user + one.system for one in times))

    def _processes(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def bodies() -> dict[str, bytes]:
    """Return the request of each form."""
    table = {"name": "rows", "shape": [1, 8], "datatype": "FP32", "data": list(ROW.values())}
    return {
        "ours": json.dumps({"use_scoring": True, "scoring_args": ROW}).encode(),
        "v2": json.dumps({"inputs": [table]}).encode(),
    }


@contextmanager
def engine(root: Path) -> Iterator[list[Contestant]]:
    """Run our deployment engine with all its models."""
    path = "repo://project_repo/models/model.ubj"
    (root / "code").mkdir(exist_ok=True)
    models = []
    for name, (_, source) in OURS.items():
        (root / "code" / f"{name}.py").write_text(source)
        script = f"repo://project_repo/code/{name}.py" if source else ""
        models.append(ModelConfig(name, "1", path, script).to_manifest())
    meta = root / "configmeta.json"
    meta.write_text(json.dumps(configmeta("deployment", [TOKEN], models=models)))
    environment = {"KD_CONFIGMETA": str(meta), "KD_PROJECT_REPO": str(root)}
    headers = {"X-Auth-Token": TOKEN}
    with server([sys.executable, "-m", "kd_engines.deployment", "--port"], environment) as (p, url):
        wait(f"{url}/health/ready", None)
        for _ in range(20):  # a script of 2020 is compared before its process lives on
            requests.post(f"{url}/old/1/predict", bodies()["ours"], headers=headers, timeout=60)
        body = bodies()["ours"]
        yield [
            Contestant(f"ours: {told}", f"{url}/{name}/1/predict", body, p, headers)
            for name, (told, _) in OURS.items()
        ]


PEER_COMMANDS = {
    "ceiling, 1 process": (
        *("", "uvicorn", "benchmarks.peers.ceiling:app", "--workers", "1"),
        *("--lifespan=off", "--no-access-log", "--log-level=error", "--port"),
    ),
    "ceiling, 2 processes": (
        *("", "uvicorn", "benchmarks.peers.ceiling:app", "--workers", "2"),
        *("--lifespan=off", "--no-access-log", "--log-level=error", "--port"),
    ),
    "raw ASGI, inplace_predict": (
        *("", "uvicorn", "benchmarks.peers.raw_asgi:app", "--workers", "2"),
        *("--lifespan=off", "--no-access-log", "--log-level=error", "--port"),
    ),
    "FastAPI by hand": (
        *("fastapi", "uvicorn", "benchmarks.peers.fastapi_by_hand:app", "--workers", "2"),
        *("--no-access-log", "--log-level=error", "--port"),
    ),
    "Flask, gunicorn": (
        *("flask", "gunicorn", "benchmarks.peers.flask_app:app", "-w", "2", "--log-level=error"),
        "-b",
    ),
    "LitServe": ("litserve", str(PEERS / "litserve_app.py")),
    "BentoML": (
        *("bentoml", "bentoml", "serve", "benchmarks.peers.bentoml_app:Taxi"),
        *("--host", "127.0.0.1", "--port"),
    ),
    "MLServer": ("mlserver", "mlserver.cli.main", "start"),
    "Ray Serve, HAProxy": ("ray", str(PEERS / "ray_app.py")),
}


@contextmanager
def peer(name: str, root: Path) -> Iterator[Contestant]:
    """Run a peer in its own environment; raises FileNotFoundError where it is not set up."""
    environment_of, *words = PEER_COMMANDS[name]
    python = (
        ROOT / ".peers" / environment_of / "bin" / "python" if environment_of else sys.executable
    )
    if not Path(python).exists():
        raise FileNotFoundError(f"{name} is not set up: make .peers/{environment_of}/ready")
    model = root / "models" / ("model.onnx" if "ceiling" in name else "model.ubj")
    settings = {"MODEL": str(model), "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    settings |= {"RAY_SERVE_ENABLE_HA_PROXY": "1", "DO_NOT_TRACK": "1", "BENTOML_DO_NOT_TRACK": "1"}
    settings |= {"ORT_DISABLE_TELEMETRY": "1"}
    is_script = words[0].endswith(".py")
    command = [python, *([] if is_script else ["-m"]), *words]
    path, body = "/predict", bodies()["ours"]
    if name == "MLServer":
        command.append(str(mlserver_folder(root)))
        path, body = "/v2/models/taxi/infer", bodies()["v2"]
    with server(command, settings) as (process, url):
        if name == "MLServer":
            url = f"http://127.0.0.1:{MLSERVER_PORT}"
        wait(f"{url}{path}", body)
        yield Contestant(name, f"{url}{path}", body, process)


MLSERVER_PORT = 18080


def mlserver_folder(root: Path) -> Path:
    """Write MLServer's settings."""
    folder = root / "mlserver"
    folder.mkdir(exist_ok=True)
    ports = {"http_port": MLSERVER_PORT, "grpc_port": 18081, "metrics_port": 18082}
    settings = {**ports, "host": "127.0.0.1", "parallel_workers": 0, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "taxi",
        "implementation": "mlserver_xgboost.XGBoostModel",
        "parameters": {"uri": str(root / "models" / "model.ubj")},
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    return folder


@contextmanager
def server(command: list[str], environment: dict[str, str]) -> Iterator[tuple[psutil.Process, str]]:
    """Run a server on a free port, which is the last word of its command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    if command[-1] == "-b":
        command = [*command, f"127.0.0.1:{port}"]
    elif not Path(command[-1]).is_dir():
        command = [*command, str(port)]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}"
    finally:
        left = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for one in left:
            try:
                one.kill()
            except psutil.NoSuchProcess:
                continue


def wait(url: str, body: bytes | None) -> None:
    """Wait until a server answers well; raises TimeoutError."""
    deadline = time.monotonic() + START_S
    headers = {"Content-Type": "application/json"}
    while time.monotonic() < deadline:
        try:
            method = "POST" if body else "GET"
            if requests.request(method, url, data=body, headers=headers, timeout=5).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.2)
    raise TimeoutError(f"{url} does not answer")
