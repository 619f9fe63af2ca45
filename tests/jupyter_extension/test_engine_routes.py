"""The sidebar's engines: a real Jupyter server over a real training engine."""

from tests.jupyter_extension.running_jupyter import RunningJupyter
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine


def test_about_tells_where_everything_is(server: RunningJupyter, engine: RunningEngine) -> None:
    about = server.get("about")
    assert about["cluster"] == "jupyter-notebook"
    assert about["project_repository"] == str(engine.repository)
    assert about["registry"] == str(server.home)
    assert about["notices"] == []


def test_each_engine_has_its_state_and_the_reason(server: RunningJupyter) -> None:
    found = server.get("engines")
    training = {one["name"]: one for one in found["training"]}
    assert training[CLUSTER]["state"] == "Answers"
    assert training[CLUSTER]["magic"] == "trainingengineinstance"
    assert training[CLUSTER]["queue"]["limit"] >= 1
    assert training[CLUSTER]["answered"].endswith("Z")
    assert (training["down"]["state"], training["down"]["queue"]) == ("Down", None)
    assert "does not answer" in training["down"]["reason"]
    (serving,) = found["deployment"]
    assert (serving["name"], serving["state"], serving["members"]) == ("deploy-down", "Down", 1)


def test_an_engine_tells_its_packages(server: RunningJupyter) -> None:
    found = server.get(f"engines/{CLUSTER}")
    assert found["cluster"] == CLUSTER
    assert "msgspec" in found["packages"]


def test_an_unknown_cluster_is_named_in_the_error(server: RunningJupyter) -> None:
    answer = server.ask("GET", "engines/nowhere")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["type"] == "UnknownCluster"
    assert "nowhere" in error["message"]
