"""%deployments and %models: what is wanted against what is there, with a real engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import open_registry
from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment
from tests.kd_engines.running_server import eventually
from tests.kd_magics.commands.test_models import CLUSTER, deployment, serving  # noqa: F401 - fixtures
from tests.kd_magics.running_notebook import Notebook

DOWN = [("http://127.0.0.1:9", TOKEN)]


def rows(notebook: Notebook, magic: str = "%deployments") -> list[dict[str, str]]:
    """Return the table as one dict a row, by the places of its columns."""
    text = notebook.good(magic).outputs[0]["text/plain"]
    header, dashes, *lines = text.split("\n\n")[0].splitlines()
    places, at = [], 0
    for dash in dashes.split():
        places.append((at, at + len(dash)))
        at += len(dash) + 2
    return [
        {header[a:b].strip(): line[a:b].strip() for a, b in places} for line in lines
    ]  # fmt: skip


def test_wanted_and_actual_stand_side_by_side(serving: Notebook) -> None:  # noqa: F811
    serving.good("%deploy good/1")
    serving.good("%alias good/1 champion")
    serving.run("%deploy broken/1")
    eventually(lambda: rows(serving)[-1].get("Aliases") == "champion")
    broken, good = rows(serving)
    assert (good["Model"], good["Wanted"], good["State"]) == ("good/1", "yes", "Ready")
    assert good["URL"].endswith("/good/1/predict")
    assert good["Since"]
    assert (broken["Model"], broken["State"]) == ("broken/1", "Failed")
    assert "not my weights" in broken["Reason"]
    serving.good("%alias good champion --delete")
    serving.good("%undeploy broken/1")
    assert [row["Model"] for row in rows(serving, f"%deployments --on {CLUSTER}")] == ["good/1"]


def test_models_that_are_not_deployed_say_so(serving: Notebook) -> None:  # noqa: F811
    serving.good("%deploy good/1")
    found = {(row["Name"], row["Version"]): row for row in rows(serving, "%models")}
    assert found["good", "1"]["State"] == "Ready"
    assert found["good", "2"]["State"] == "Not deployed"
    assert found["good", "2"]["Reason"] == "newer than 1, which is deployed"
    assert found["old", "2"]["State"] == "Not deployed"
    assert found["old", "2"]["Reason"] == ""
    assert "Metrics" not in found["old", "2"]  # no model has any: no empty column


def test_attachments_counts_models(serving: Notebook) -> None:  # noqa: F811
    serving.good("%deploy good/1")
    text = serving.good("%attachments").outputs[-1]["text/plain"]
    assert text.splitlines()[-1].split(maxsplit=2) == [CLUSTER, "answers", "1 ready"]


def test_a_cluster_that_is_down_and_one_without_models_are_sentences(
    empty_notebook: Notebook, surroundings: Path
) -> None:
    empty_notebook.attach({"deployment-engine-instance": DOWN})
    assert "does not answer." in empty_notebook.good("%deployments").text
    empty_notebook.attach({"training": DOWN})
    assert "No deployment cluster is connected" in empty_notebook.good("%deployments").text


def test_metrics_are_shown_in_short(empty_notebook: Notebook) -> None:
    metrics = '{"rmse": 5.123456, "folds": [1, 2], "mae": 3}'
    model = ModelConfig("taxi", "1", "models/x", "code/s.py").with_extra(metrics=metrics)
    open_registry().register(model)
    open_registry().register(
        ModelConfig("taxi", "2", "models/x", "code/s.py").with_extra(metrics="no JSON")
    )
    first, second = rows(empty_notebook, "%models")
    assert first["Metrics"] == "rmse 5.123, mae 3"
    assert second["Metrics"] == ""


@pytest.fixture
def second(tmp_path: Path) -> Iterator[RunningDeployment]:
    """An engine that serves nothing."""
    folder = tmp_path / "second"
    folder.mkdir()
    engine = RunningDeployment(folder)
    yield engine
    engine.stop()


def test_one_that_is_down_does_not_hide_the_others(
    serving: Notebook,  # noqa: F811
    second: RunningDeployment,
    deployment: RunningDeployment,  # noqa: F811
) -> None:
    serving.good("%deploy good/1")
    serving.attach(
        {
            CLUSTER: [(deployment.url, TOKEN)],
            "down-deploy": DOWN,
            "idle-deploy": [(second.url, TOKEN)],
        }
    )
    text = serving.good("%deployments").outputs[0]["text/plain"]
    assert "good/1" in text
    assert "down-deploy does not answer." in text
    assert "idle-deploy has no model. %deploy NAME/VERSION --to idle-deploy adds one." in text
