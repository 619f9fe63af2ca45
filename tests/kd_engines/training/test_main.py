"""Starting an engine: what it waits for and what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.configmeta import configmeta
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER

COMMAND = [sys.executable, "-m", "kd_engines.training", "--port", "0"]


def run(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run an engine that is expected to refuse."""
    path = tmp_path / "configmeta.json"
    path.write_text(json.dumps(configmeta(CLUSTER, ["t"])))
    settings = {"KD_CONFIGMETA": str(path), "KD_PROJECT_REPO": str(tmp_path), **environment}
    return subprocess.run(
        COMMAND, env={**os.environ, **settings}, capture_output=True, text=True, timeout=30
    )


def is_ready(port: str) -> bool:
    """Tell whether an engine answers on this port."""
    try:
        return requests.get(f"http://127.0.0.1:{port}/health/ready", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("name", "value"), [("KD_PROJECT_REPO", "/no/such/folder"), ("KD_MAX_RUNNING", "many")]
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    done = run(tmp_path, **{name: value})
    assert done.returncode == 1
    assert value in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_waits_for_its_configmeta(tmp_path: Path) -> None:
    path = tmp_path / "configmeta.json"
    settings = {"KD_CONFIGMETA": str(path), "KD_PROJECT_REPO": str(tmp_path)}
    with subprocess.Popen(
        COMMAND, env={**os.environ, **settings}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "Nothing is known to be connected" in process.stderr.readline()
        path.write_text(json.dumps(configmeta(CLUSTER, ["t"])))
        port = process.stderr.readline().split()[-1]
        eventually(lambda: is_ready(port))
        process.terminate()
        assert process.wait(timeout=20) == 0
