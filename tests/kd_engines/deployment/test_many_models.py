"""Five hundred connected ConfigMaps: the few that can be served are, the others tell why."""

from collections import Counter
from typing import Any

import psutil
import pytest

from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment
from tests.kd_engines.running_server import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
BROKEN = {
    "raises.py": "def load(path): raise RuntimeError('not today')\ndef predict(m, a): return 1",
    "syntax.py": "def predict(:",
    "exits.py": "import os\ndef load(path): os._exit(3)\ndef predict(m, a): return 1",
}


def manifests(engine: RunningDeployment) -> dict[str, dict[str, Any]]:
    """Return 500 ConfigMaps of models: good ones in the middle, the others broken in seven ways."""
    good = engine.script("good.py", "def predict(model, args): return 7")
    broken = [engine.script(name, source) for name, source in BROKEN.items()]
    (engine.repository / "models" / "m").write_text("a model")
    model, found = "repo://project_repo/models/m", {}
    for n in range(500):
        config = ModelConfig(f"m{n:03}", "1", model, good)
        if n % 100 == 50:
            manifest = config.to_manifest()
        elif n % 100 in (10, 20, 30):
            script = broken[n % 100 // 10 - 1]
            manifest = ModelConfig(f"m{n:03}", "1", model, script).to_manifest()
        else:
            manifest = config.to_manifest()
            key, value = (
                ("path", f"repo://project_repo/models/none{n}"),
                ("scoring-path", ""),
                ("model-version", "a b"),
                ("path", "/etc/passwd"),
            )[n % 4]
            manifest["data"][key] = value
        found[f"m{n:03}"] = manifest
    return found


def test_the_good_ones_serve_and_the_others_tell_why(start_deployment: Any) -> None:
    engine: RunningDeployment = start_deployment()
    engine.models = manifests(engine)
    engine.write_configmeta((TOKEN, "another-token-of-a-member"))
    good = [f"m{n:03}/1" for n in range(50, 500, 100)]
    for label in good:
        eventually(lambda label=label: engine.state(label).get("state") == "Ready", 120)
        assert engine.predict(label, {}) == 7

    def settled() -> bool:
        states = Counter(m["state"] for m in engine.get("/models")["models"])
        return states == {"Ready": 5, "Failed": 495}

    eventually(settled, 120)
    listed = engine.get("/models")["models"]
    assert all(m["reason"] for m in listed if m["state"] == "Failed")
    reasons = " ".join(str(m["reason"]) for m in listed)
    for words in ("not today", "no known format", "model-version 'a b'", "none0", "/etc/passwd"):
        assert words in reasons, words
    assert len(engine.workers()) <= 5 + 2  # the good ones, and two that are tried again
    assert psutil.Process(engine.process.pid).memory_info().rss < 300 * 1024 * 1024
    another = {"X-Auth-Token": "another-token-of-a-member"}
    assert engine.call("GET", "/models", headers=another).status_code == 200
