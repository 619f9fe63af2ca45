"""`kd … --json`: one JSON document whose data are the magics'."""

import json
from pathlib import Path
from typing import Any

import pytest

from kd_magics.json_lists import LISTS
from kd_magics.terminal import LISTED
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine
from tests.kd_magics.test_terminal import attached, good, kd  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow


def told(*words: str) -> Any:
    return json.loads(good(*words, "--json"))


def test_each_that_lists_has_it() -> None:
    assert tuple(LISTS) == LISTED
    for name in LISTED:
        assert "--json prints the same as data" in good(name, "--help")
    refused = kd("why", "1", "--json")
    assert refused.returncode == 1
    assert "--json is for kd attachments, kd jobs" in refused.stderr


def test_jobs(attached: Path, engine: RunningEngine) -> None:  # noqa: F811
    ids = [engine.run("print('rmse=5.2')", name=name)[0]["id"] for name in ("one", "two", "one")]
    found = told("jobs", "--name", "one", "--limit", "1")
    assert {*found} == {"jobs", "more", "troubles", "late"}
    assert [(job["id"], job["cluster"]) for job in found["jobs"]] == [(ids[2], CLUSTER)]
    assert found["jobs"][0]["progress"]["metrics"] == {"rmse": 5.2}
    assert found["more"]
    refused = kd("jobs", "--status", "nonsense", "--json")
    assert (refused.returncode, refused.stdout) == (1, "")


def test_attachments_models_and_deployments(attached: Path) -> None:  # noqa: F811
    (engine,) = told("attachments")["training"]
    assert (engine["name"], engine["state"]) == (CLUSTER, "Answers")
    assert told("models")["models"] == []
    assert told("deployments") == {"deployments": []}
    model, script = attached / "project_repo" / "model", attached / "project_repo" / "score.py"
    model.write_text("x")
    script.write_text("def predict(model, args): return None")
    good("register", "halves", "--path", "model", "--scoring", "score.py")
    (registered,) = told("models")["models"]
    assert (registered["name"], registered["version"], registered["deployed_on"]) == (
        *("halves", "1"),
        [],
    )
    assert registered["data"]["path"] == "repo://project_repo/model"
