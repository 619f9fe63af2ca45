"""`kd … --json`: one JSON document whose data are what the magic shows."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kd_magics.catalogue import COMMANDS
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.commands.test_models import (
    CLUSTER as DEPLOYMENT,
)
from tests.kd_magics.commands.test_models import deployment, serving  # noqa: F401 - fixtures
from tests.kd_magics.running_command import good, kd
from tests.kd_magics.running_notebook import Notebook

pytestmark = pytest.mark.slow


def found(*words: str, stdin: str = "") -> Any:
    """Return what a JSON parser behind a pipe reads of a command."""
    done = kd(*words, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    parsed = subprocess.run(
        [sys.executable, "-m", "json.tool"],
        input=done.stdout,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(parsed.stdout)


def test_all_but_text_have_it() -> None:
    commands = {name: command for name, command in COMMANDS.items() if command.in_terminal}
    assert [name for name, command in commands.items() if not command.has_data] == ["logs"]
    for name, command in commands.items():
        assert ("--json prints" in good(name, "--help")) == command.has_data
    refused = kd("logs", "1", "--json")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "kd logs: --json is not for kd logs, which prints text.\n"


def test_attachments(notebook: Notebook, engine: RunningEngine) -> None:
    (one,) = found("attachments")["training"]
    text = notebook.good("%attachments").outputs[0]["text/plain"]
    assert (one["name"], one["state"]) == (CLUSTER, "Answers")
    assert one["python"] in text


def test_jobs(notebook: Notebook, engine: RunningEngine) -> None:
    for name in ("one", "two", "one"):
        engine.run("print('rmse=5.2')", name=name)
    listed = notebook.good("found = %jobs --name one --limit 1\nfound").value
    data = found("jobs", "--name", "one", "--limit", "1")
    assert {*data} == {"jobs", "more", "troubles", "late"}
    assert [job["id"] for job in data["jobs"]] == [job.id for job in listed]
    assert data["jobs"][0]["progress"]["metrics"] == listed[0].progress.metrics
    assert data["more"]
    refused = kd("jobs", "--status", "nonsense", "--json")
    assert (refused.returncode, refused.stdout) == (1, "")


def test_a_job_from_a_file_to_its_end(notebook: Notebook, engine: RunningEngine) -> None:
    (job,) = found("train", "-", "--wait", "--name", "piped", stdin="print('rmse=1')")["jobs"]
    assert (job["status"], job["name"]) == ("Finished", "piped")
    assert engine.get(f"/jobs/{job['id']}")["progress"]["metrics"] == {"rmse": 1}
    failed = kd("train", "-", "--wait", "--json", stdin="1/0")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "ZeroDivisionError" in failed.stderr
    last = engine.get("/jobs?limit=1")["jobs"][0]["id"]
    data = found("why", str(last))
    text = notebook.good(f"%why {last}").outputs[0]["text/plain"]
    assert data["sentence"] in text
    assert data["frames"][0]["line"] == 1
    again = found("rerun", str(job["id"]), "--wait", "--name", "again")
    assert (again["status"], again["name"]) == ("Finished", "again")
    assert again["id"] > job["id"]
    (over,) = found("cancel", str(again["id"]))
    assert over == {"job": f"{CLUSTER}/{again['id']}", "status": "Finished", "was_over": True}


def test_a_grid_is_a_list_of_jobs(notebook: Notebook, engine: RunningEngine) -> None:
    jobs = found("train", "-", "--grid", "lr=1,2", stdin="print(lr)")["jobs"]
    assert [job["params"] for job in jobs] == [{"lr": 1}, {"lr": 2}]
    for job in jobs:
        eventually(lambda number=job["id"]: engine.get(f"/jobs/{number}")["ended"])


@pytest.fixture
def model(
    serving: Notebook,  # noqa: F811
    deployment: RunningDeployment,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Notebook]:
    """A notebook and a terminal that see one deployment cluster, and a model to register."""
    monkeypatch.setenv("KD_PROJECT_REPO", str(deployment.repository))
    (deployment.repository / "models").mkdir(exist_ok=True)
    (deployment.repository / "models" / "sums").write_text("x")
    deployment.script("sums.py", "def predict(model, args):\n    return sum(args['n'])\n")
    yield serving
    for name, version in (("sums", "1"),):
        serving.run(f"%undeploy {name}/{version}")


def test_a_model_from_its_registration_to_its_end(model: Notebook) -> None:
    words = ["sums", "--path", "models/sums", "--scoring", "code/sums.py"]
    new = found("register", *words)
    assert (new["name"], new["version"], new["is_new"]) == ("sums", "1", True)
    assert new["manifest"]["metadata"]["name"] == new["configmap"] == "sums-1"
    assert "same content" in model.good("%register " + " ".join(words)).text
    assert found("describe", "sums/1", "adds up")["description"] == "adds up"
    placed = found("deploy", "sums/1")
    assert model.good("%deploy sums/1").text.endswith(f"{placed['url']}\n")
    (listed,) = [one for one in found("models")["models"] if one["name"] == "sums"]
    assert listed["deployed_on"] == [DEPLOYMENT]
    assert "adds up" in model.good("%models").outputs[0]["text/plain"]
    (cluster,) = found("deployments")["deployments"]
    (served,) = [one for one in cluster["models"] if one["name"] == "sums"]
    assert (served["state"], served["wanted"], served["url"]) == ("Ready", True, placed["url"])
    answer = found("predict", "sums/1", '{"n": [3, 4]}')
    assert answer["result"] == model.good('%predict sums/1 {"n": [3, 4]}').value == 7
    assert TOKEN not in json.dumps(answer)
    named = found("alias", "sums/1", "champion")
    assert (named["version"], named["was"], named["waiting"]) == ("1", None, [])
    assert found("alias", "sums")["aliases"] == {"champion": "1"}
    assert found("alias", "sums", "champion", "--delete")["version"] is None
    gone = found("undeploy", "sums/1")
    assert (gone["cluster"], gone["was_deployed"]) == (DEPLOYMENT, True)
    assert found("unregister", "sums/1")["path"].endswith("models/sums")
    assert "sums" not in {one["name"] for one in found("models")["models"]}


def test_without_clusters_the_lists_are_empty(attached: Path) -> None:
    assert found("models")["models"] == []
    assert found("deployments") == {"deployments": []}
