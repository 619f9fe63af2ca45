"""Run a real deployment engine on a real port, over a project repository of its own."""

import hashlib
import textwrap
from pathlib import Path
from typing import Any

import psutil
import requests

from kd_pipeline.atomic import write_json
from kd_pipeline.model_config import ModelConfig
from tests.configmeta import configmeta
from tests.kd_engines.running_server import RunningServer, eventually

TOKEN = "0d5e" * 8


class RunningDeployment(RunningServer):
    """A deployment engine, the models connected to it, and its client."""

    def __init__(self, folder: Path, **environment: str) -> None:
        repository = folder / "project_repo"
        for name in ("code", "models"):
            (repository / name).mkdir(parents=True)
        settings = {"KD_REMOVAL_GRACE_S": "0.2", **environment}
        super().__init__(
            "kd_engines.deployment", folder / "configmeta.json", repository, TOKEN, **settings
        )
        self.models: dict[str, dict[str, Any]] = {}
        self.aliases: list[dict[str, Any]] = []
        self.write_configmeta()
        self.start()

    def write_configmeta(self, tokens: tuple[str, ...] = (TOKEN,)) -> None:
        """Tell the engine which models are connected."""
        meta = configmeta("deployment-engine-instance", tokens, models=self.models.values())
        meta["connections"]["configmaps"]["model-aliases"] = self.aliases or None
        write_json(self.configmeta_path, meta)

    def script(self, name: str, source: str | bytes) -> str:
        """Write a scoring script and return its path as a ConfigMap says it."""
        content = textwrap.dedent(source).encode() if isinstance(source, str) else source
        (self.repository / "code" / name).write_bytes(content)
        return f"repo://project_repo/code/{name}"

    def connect(self, name: str, version: str, source: str | bytes, **extra: str) -> None:
        """Register a model with a script of its own and connect it."""
        model = self.repository / "models" / name / version
        model.parent.mkdir(parents=True, exist_ok=True)
        if not model.exists():
            model.write_text(f"the model {name} {version}")
        scoring = self.script(f"{name}_{version}_{len(extra)}_{hash(source) & 0xFFFFFF}.py", source)
        path = f"repo://project_repo/models/{name}/{version}"
        config = ModelConfig(name, version, path, scoring).with_extra(**extra)
        self.models[f"{name}/{version}"] = config.to_manifest()
        self.write_configmeta()

    def disconnect(self, label: str) -> None:
        """Take a model off."""
        del self.models[label]
        self.write_configmeta()

    def state(self, label: str) -> dict[str, Any]:
        """Return what ``GET /models`` says about a model; empty where it does not know it."""
        listed = self.get("/models")["models"]
        return next((m for m in listed if f"{m['name']}/{m['version']}" == label), {})

    def wait(self, label: str, state: str = "Ready") -> dict[str, Any]:
        """Return a model's status once it has a state that belongs to its newest ConfigMap."""
        generation = generation_of(self.configmeta_path)

        def reached() -> Any:
            if self.get("/models")["generation"] != generation:
                return None
            status = self.state(label)
            return status if status.get("state") == state else None

        return dict(eventually(reached))

    def serve(self, name: str, version: str, source: str | bytes, **extra: str) -> str:
        """Connect a model, wait until it serves, and return its label."""
        self.connect(name, version, source, **extra)
        self.wait(f"{name}/{version}")
        return f"{name}/{version}"

    def ask(self, label: str, scoring_args: Any, **fields: Any) -> requests.Response:
        """Ask a model."""
        body = {"use_scoring": True, "scoring_args": scoring_args, "mode": "itv", **fields}
        return self.call("POST", f"/{label}/predict", json=body)

    def predict(self, label: str, scoring_args: Any) -> Any:
        """Return the result of a prediction that must succeed."""
        answer = self.ask(label, scoring_args)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def workers(self) -> list[psutil.Process]:
        """Return the living processes that work for this repository's models."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("KD_PROJECT_REPO") == str(self.repository)
                is_worker = "kd_engines.deployment.worker" in process.cmdline()
                if mine and is_worker and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


def generation_of(path: Path) -> str:
    """Return the sha256 of a configmeta.json, as the engine tells it."""
    content = path.read_bytes()
    return hashlib.sha256(content).hexdigest()


def sentence(answer: requests.Response, status: int) -> str:
    """Return the error's sentence of an answer that must have ``status``."""
    assert answer.status_code == status, answer.text
    message = answer.json()["error"]["message"]
    assert "Traceback" not in message
    assert TOKEN not in answer.text
    return str(message)
