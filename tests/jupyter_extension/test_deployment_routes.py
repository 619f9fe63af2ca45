"""Models come and go on the real engines of `kd up`, through a real Jupyter server."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.jupyter_extension.running_jupyter import RunningJupyter
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, RunningHome
from tests.kd_engines.running_server import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SCRIPT = """
def load(path):
    return float(open(path).read())
def predict(model, args):
    if args.get("fail"):
        print("looks for it")
        raise ValueError("no such street")
    return model * args["miles"]
"""
ON = f"deployments/{DEPLOYMENT}/models"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHome]:
    """Return a running `kd up` with a deployment engine."""
    running = RunningHome(tmp_path_factory.mktemp("kd") / "home", deployment=True)
    running.up()
    yield running
    running.kd("down")


@pytest.fixture(scope="module")
def server(home: RunningHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningJupyter]:
    """Return a Jupyter server in that home's notebook; it never shows a token."""
    running = RunningJupyter(
        tmp_path_factory.mktemp("jupyter"),
        KD_HOME=str(home.path),
        KD_CONFIGMETA=str(home.folder(NOTEBOOK) / "configmeta.json"),
        KD_PROJECT_REPO=str(home.repository),
        KD_REGISTRY="",
    )
    yield running
    running.stop()
    assert not any(token in running.log() for token in home.secrets())


@pytest.fixture(scope="module", autouse=True)
def versions(server: RunningJupyter, home: RunningHome) -> None:
    """Register two versions of a model with the form's route."""
    (home.repository / "code/half.py").write_text(SCRIPT)
    for version, factor in (("1", "0.5"), ("2", "0.25")):
        path = home.repository / "models/half" / version
        path.parent.mkdir(exist_ok=True)
        path.write_text(factor)
        wanted = {
            "name": "half",
            "version": version,
            "path": f"models/half/{version}",
            "scoring_path": "code/half.py",
            "example": '{"miles": 3}',
        }
        check = server.ask("POST", "registration/check", json=wanted)
        assert (check.status_code, check.json()["problems"]) == (200, [])
        assert server.ask("POST", "models", json=wanted).status_code == 201
        assert server.ask("POST", "models", json=wanted).status_code == 200


def deployment(server: RunningJupyter, name: str = DEPLOYMENT) -> dict[str, Any]:
    found = server.get("deployments")["deployments"]
    return next(dict(one) for one in found if one["name"] == name)


def states(server: RunningJupyter, name: str = DEPLOYMENT) -> dict[str, str]:
    models = deployment(server, name)["models"]
    return {f"{model['name']}/{model['version']}": model["state"] for model in models}


def refused(answer: Any, status: int, kind: str) -> str:
    """Return the sentence of an error of a status and a kind."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error = answer.json()["error"]
    assert (error["type"], set(error)) == (kind, {"type", "message", "request_id", "hint", "field"})
    return str(error["message"])


def test_a_model_is_connected_asked_and_taken_off(
    server: RunningJupyter, home: RunningHome
) -> None:
    before = deployment(server)
    assert (before["connected"], before["state"], before["members"]) == (True, "configured", 1)
    put = server.ask("PUT", f"{ON}/half/1")
    assert put.status_code == 200
    assert [m["wanted"] for m in put.json()["models"]] == [True]
    eventually(lambda: states(server) == {"half/1": "Ready"}, 60)
    (model,) = deployment(server)["models"]
    assert model["url"].endswith("/half/1/predict")
    assert (model["has_example"], model["since"] != "") == (True, True)
    assert server.get("models/half/1")["deployed_on"] == [DEPLOYMENT]
    assert "NewerThanDeployed" in server.get("models/half/2")["flags"]

    form = server.get(f"{ON}/half/1/form")
    assert form["source"] == "example"
    assert form["fields"] == [
        {"name": "miles", "type": "integer", "value": 3, "description": ""},
    ]
    asked = {"scoring_args": {"miles": 4}}
    answer = server.ask("POST", f"{ON}/half/1/predict", json=asked)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["answer"]["result"], found["answer"]["status"]) == (2.0, "Finished")
    assert 0 < found["seconds"] < 30
    assert found["magic"] == f'%predict half/1 {{"miles": 4}} --on {DEPLOYMENT}'
    assert "$TOKEN" in found["curl"]
    assert 'os.environ["TOKEN"]' in found["python"]
    assert not any(token in answer.text for token in home.secrets())
    failed = server.ask("POST", f"{ON}/half/1/predict", json={"scoring_args": {"fail": True}})
    answer = failed.json()["answer"]
    assert (failed.status_code, answer["status"], answer["result"]) == (200, "Failed", None)
    assert "no such street" in answer["error"]["message"]
    assert "looks for it" in failed.json()["log"]
    (model,) = deployment(server)["models"]
    assert model["traffic"]["failed"] == 1
    assert 0 < model["traffic"]["per_second"] <= 2 / 30
    assert 0 < model["traffic"]["p50_ms"] <= model["traffic"]["p99_ms"] < 30_000
    number = server.ask("POST", f"{ON}/half/1/predict", json={"scoring_args": 5})
    refused(number, 422, "BadOptions")

    assert server.ask("DELETE", "models/half/1").status_code == 409
    assert server.ask("DELETE", f"{ON}/half/1").status_code == 200
    eventually(lambda: states(server) == {}, 60)
    gone = server.ask("POST", f"{ON}/half/1/predict", json=asked)
    assert "No model 'half' is connected" in refused(gone, 404, "NotFound")


def test_an_alias_is_asked_and_moves(server: RunningJupyter) -> None:
    def champion() -> Any:
        asked = {"scoring_args": {"miles": 4}}
        answer = server.ask("POST", f"{ON}/half/champion/predict", json=asked)
        return answer.json()["answer"]["result"] if answer.ok else None

    for version in ("1", "2"):
        assert server.ask("PUT", f"{ON}/half/{version}").status_code == 200
    target = {"version": "1"}
    assert server.ask("PUT", "aliases/half/champion", json=target).json()["version"] == "1"
    eventually(lambda: champion() == 2.0, 60)
    assert server.get(f"{ON}/half/champion/form")["example"] == {"miles": 3}
    server.ask("PUT", "aliases/half/champion", json={"version": "2"})
    eventually(lambda: champion() == 1.0, 60)
    needed = server.ask("DELETE", f"{ON}/half/2")
    assert "move the alias first" in refused(needed, 409, "Conflict")
    assert server.ask("DELETE", "aliases/half/champion").status_code == 204
    refused(server.ask("DELETE", "aliases/half/champion"), 404, "NotFound")
    for version in ("1", "2"):
        assert server.ask("DELETE", f"{ON}/half/{version}").status_code == 200
    eventually(lambda: states(server) == {}, 60)


def test_a_model_that_cannot_be_loaded_says_why(server: RunningJupyter, home: RunningHome) -> None:
    (home.repository / "code/broken.py").write_text(
        "def load(path):\n    raise RuntimeError('not my weights')\n"
        "def predict(model, args):\n    return 0\n"
    )
    wanted = {
        **{"name": "broken", "version": "1", "path": "models/half/1"},
        "scoring_path": "code/broken.py",
    }
    assert server.ask("POST", "models", json=wanted).status_code == 201
    server.ask("PUT", f"{ON}/broken/1")
    eventually(lambda: states(server) == {"broken/1": "Failed"}, 60)
    assert "not my weights" in deployment(server)["models"][0]["reason"]
    server.ask("DELETE", f"{ON}/broken/1")
    eventually(lambda: states(server) == {}, 60)
    assert server.ask("DELETE", "models/broken/1").status_code == 204


def test_a_new_deployment_serves_and_grows(server: RunningJupyter, home: RunningHome) -> None:
    wanted = {"name": "canary", "app": "deployment-engine", "models": ["half/2"]}
    made = server.ask("POST", "deployments", json=wanted)
    assert (made.status_code, made.json()["name"]) == (201, "canary")
    refused(server.ask("POST", "deployments", json=wanted), 409, "Conflict")
    eventually(lambda: states(server, "canary") == {"half/2": "Ready"}, 90)
    found = deployment(server, "canary")
    assert (found["connected"], found["state"], found["reason"]) == (True, "configured", "")
    asked = {"scoring_args": {"miles": 4}}
    answer = server.ask("POST", "deployments/canary/models/half/2/predict", json=asked)
    assert answer.json()["answer"]["result"] == 1.0
    grown = server.ask("PUT", "deployments/canary/members", json={"members": 2})
    assert grown.json()["members_wanted"] == 2
    eventually(lambda: deployment(server, "canary")["members"] == 2, 90)
    assert deployment(server, "canary")["state"] == "configured"
