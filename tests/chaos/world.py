"""A real `kd up` with two deployment engines, and the models that others attack."""

import json
import time
from pathlib import Path
from typing import Any

from kd_client.deployment_client import DeploymentClient
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import KdError
from kd_pipeline.messages import ModelStatus
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, TRAINING, RunningHome
from tests.kd_engines.running_server import eventually

ENGINES = 2
# Each row is changed in place, and a bad one fails all that are with it.
GOOD = """
def predict_batch(model, rows):
    values = []
    for row in rows:
        row["miles"] *= 2
        values.append(row.pop("miles"))
    if any(row.get("bad") for row in rows):
        raise ValueError("bad row")
    return values
"""
OLD = """
import json
import sys
args = json.loads(sys.argv[1])
if args.get("bad"):
    sys.exit("bad row")
print(args["miles"] * 2)
"""
SWAPPED = "def predict(model, args): return [{version}, args['miles'] * 2]"
FRAGILE = """
import os, sys, time
def predict(model, args):
    return eval(args["do"])
"""
GOOD_KEYS = ("good", "good-old", "swapped")


class ChaosWorld:
    """What runs. ``oldest`` and ``newest`` are what the swapped model may answer now."""

    def __init__(self, folder: Path) -> None:
        self.home = RunningHome(folder, deployment=True)
        self.home.edit(DEPLOYMENT, _two_engines)
        (self.home.manifests / f"kdcluster-{TRAINING}.yaml").unlink()
        self.home.edit(NOTEBOOK, lambda spec: spec["connections"].update(clusters=[DEPLOYMENT]))
        self.home.up()
        self.oldest = self.newest = 0
        self.client = self.new_client()
        self._put("good", GOOD)
        self._put("good-old", OLD)
        self._put("swapped", SWAPPED.format(version=0))
        self._put("fragile", FRAGILE, **{"timeout-s": "2"})
        self._connect("good", "good-old", "swapped", "fragile")
        self.wait_until_ready(60)

    def new_client(self) -> DeploymentClient:
        """Return a client of both engines, as a notebook has one."""

        def find() -> ClusterConnection:
            return self.home.connections().cluster(DEPLOYMENT)

        return DeploymentClient(find)

    def swap(self) -> None:
        """Give the swapped model another script, and wait until both engines have switched."""
        self.newest += 1
        before = self._identities("swapped")
        self._put("swapped", SWAPPED.format(version=self.newest), number=str(self.newest))

        def switched() -> bool:
            after = self._identities("swapped")
            return len(after) == ENGINES and not any(
                after[url] in (None, before.get(url)) for url in after
            )

        eventually(switched, 30)
        self.oldest = self.newest

    def come_and_go(self, name: str, script: str, seconds: float) -> None:
        """Connect a model for some seconds."""
        self._put(name, script)
        self._connect(name)
        time.sleep(seconds)
        self._disconnect(name)

    def statuses(self) -> dict[str, list[ModelStatus]]:
        """Return what each engine says of its models; an engine that does not answer has none."""
        told: dict[str, list[ModelStatus]] = {}
        for url in self.client.members():
            try:
                told[url] = self.client.models_at(url).models
            except KdError:
                told[url] = []
        return told

    def wait_until_ready(self, seconds: float) -> tuple[float, str]:
        """Wait until each engine has each model Ready.

        Returns how long that took, and what was missing last.
        """
        began, missing = time.monotonic(), ""

        def ready() -> bool:
            nonlocal missing
            told = self.statuses()
            lacks = {
                url: {*GOOD_KEYS, "fragile"} - {m.name for m in models if m.state == "Ready"}
                for url, models in told.items()
            }
            lacking = [f"{url} {sorted(names)}" for url, names in lacks.items() if names]
            if lacking:
                reasons = {m.reason for models in told.values() for m in models if m.reason}
                missing = f"{lacking} {sorted(reasons)}"
            return len(told) == ENGINES and not lacking

        eventually(ready, seconds)
        return time.monotonic() - began, missing

    def engine_pid(self, number: int) -> int:
        """Return an engine's process id."""
        return int(json.loads((self._folder(number) / "member.json").read_bytes())["pid"])

    def configmeta(self, number: int) -> Path:
        """Return an engine's configmeta.json."""
        return self._folder(number) / "configmeta.json"

    def _folder(self, number: int) -> Path:
        return self.home.folder(DEPLOYMENT, number)

    def _identities(self, name: str) -> dict[str, str | None]:
        return {
            url: model.running_sha256 if model.state == "Ready" else None
            for url, models in self.statuses().items()
            for model in models
            if model.name == name
        }

    def _put(self, name: str, script: str, **extra: str) -> None:
        code = self.home.repository / "code" / f"{name}-{extra.get('number', '')}.py"
        code.write_text(script)
        model = self.home.repository / "models" / name
        if not model.exists():
            model.write_text(name)
        config = ModelConfig(name, "1", str(model), str(code), extra=extra)
        path = self.home.manifests / f"{config.configmap_name}.json"
        new = path.with_suffix(".new")
        new.write_text(json.dumps(config.to_manifest()))
        new.replace(path)

    def _connect(self, *names: str) -> None:
        wanted = [f"{name}-1" for name in names]
        self.home.edit(DEPLOYMENT, lambda spec: _maps(spec).extend(wanted))

    def _disconnect(self, name: str) -> None:
        self.home.edit(DEPLOYMENT, lambda spec: _maps(spec).remove(f"{name}-1"))


def _two_engines(spec: dict[str, Any]) -> None:
    for role in spec["roles"]:
        if role["id"] == "RESTServer":
            role["members"] = ENGINES


def _maps(spec: dict[str, Any]) -> list[str]:
    connected: list[str] = spec.setdefault("connections", {}).setdefault("configmaps", [])
    return connected
