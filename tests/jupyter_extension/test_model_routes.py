"""The routes of models, registration and deployments: bodies, errors, and paths of any kind."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.jupyter_extension.running_jupyter import LOGIN, RunningJupyter
from tests.kd_engines.running_server import eventually

MODEL = {
    **{"name": "taxi", "path": "models/taxi", "scoring_path": "code/score.py"},
    "metrics": '{"rmse": 5}',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningJupyter]:
    """Return a Jupyter server with a registry and a repository of its own, and no engine."""
    home = tmp_path_factory.mktemp("jupyter")
    for name in ("repo/models/taxi", "repo/code", "manifests"):
        (home / name).mkdir(parents=True)
    (home / "repo/models/taxi/model.bin").write_text("weights")
    (home / "repo/code/score.py").write_text("print(1)")
    (home / "repo/models/out").symlink_to(home)
    running = RunningJupyter(
        home, KD_REGISTRY=str(home / "manifests"), KD_PROJECT_REPO=str(home / "repo")
    )
    for version in ("1", "2"):
        body = {**MODEL, "version": version}
        assert running.ask("POST", "models", json=body).status_code == 201
    yield running
    running.stop()
    assert "mistake in kd-magics" not in running.log()


def error_of(answer: requests.Response) -> dict[str, Any]:
    """Return an answer's error, which has the one shape of all."""
    assert set(answer.json()) == {"error"}, answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"type", "message", "request_id", "hint", "field"}
    assert error["message"]
    assert "\n" not in error["message"]
    return error


def test_models_are_listed_shown_and_compared(server: RunningJupyter) -> None:
    found = server.get("models")
    assert [model["version"] for model in found["models"]] == ["2", "1"]
    assert server.get("models/taxi/1")["metrics"] == {"rmse": 5}
    assert "cmType: model" in server.get("models/taxi/1/yaml")["yaml"]
    rows = server.get("diff?one=taxi/1&other=taxi/2")["rows"]
    assert {row["key"] for row in rows} - {"created"} == {"model-version"}
    changed = server.ask("PUT", "models/taxi/1/description", json={"description": "old"})
    assert changed.json()["description"] == "old"


def test_models_that_are_known_are_not_sent_again(server: RunningJupyter) -> None:
    def settled() -> str | None:
        tag = str(server.get("models")["tag"])
        answer = server.ask("GET", "models", params={"known": tag})
        return tag if (answer.status_code, answer.content) == (204, b"") else None

    tag = eventually(settled)  # once the files have been looked at
    server.ask("PUT", "models/taxi/2/description", json={"description": "another"})
    answer = server.ask("GET", "models", params={"known": tag})
    assert answer.status_code == 200
    assert answer.json()["tag"] != tag
    assert "another" in [model["description"] for model in answer.json()["models"]]


def test_a_version_is_deleted(server: RunningJupyter) -> None:
    server.ask("POST", "models", json={**MODEL, "version": "9"})
    assert server.ask("PUT", "aliases/taxi/old", json={"version": "9"}).json()["aliases"] == ["old"]
    answer = server.ask("DELETE", "models/taxi/9")
    assert (answer.status_code, error_of(answer)["type"]) == (409, "Conflict")
    assert server.ask("DELETE", "aliases/taxi/old").status_code == 204
    answer = server.ask("DELETE", "models/taxi/9")
    assert (answer.status_code, answer.text) == (204, "")
    assert error_of(server.ask("GET", "models/taxi/9"))["type"] == "ModelNotFound"


def test_the_repository_is_shown(server: RunningJupyter) -> None:
    assert [e["name"] for e in server.get("repository")["entries"]] == ["code", "models"]
    assert [e["path"] for e in server.get("repository?path=models")["entries"]] == ["models/taxi"]
    for path, status in {"models/out": 422, "models/none": 404, "models/%252e": 422}.items():
        answer = server.ask("GET", f"repository?path={path}")
        assert answer.status_code == status
        error_of(answer)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "models", b"{", 422),
        ("POST", "models", b'{"name": "a"}', 422),
        ("POST", "registration/check", b'{"name": "a", "token": "b"}', 422),
        ("PUT", "aliases/taxi/champion", b'{"version": 1}', 422),
        ("PUT", "models/taxi/1/description", b"x" * 2_000_000, 413),
        ("PUT", "models/taxi/7/description", b'{"description": ""}', 404),
        ("GET", "diff?one=taxi/1", b"", 422),
        ("GET", "diff?one=taxi/1&other=taxi/8", b"", 404),
        ("GET", "models?limit=1", b"", 422),
        ("GET", "registration/draft?job=nowhere/1", b"", 503),
        ("POST", "deployments", b'{"name": "a", "app": "b"}', 422),
        ("PUT", "deployments/none/members", b'{"members": 2}', 404),
        ("PUT", "deployments/none/members", b'{"members": "2"}', 422),
        ("PUT", "deployments/none/models/taxi/1", b"", 404),
        ("DELETE", "deployments/none/models/taxi/1", b"", 404),
        ("POST", "deployments/none/models/taxi/1/predict", b'{"scoring_args": {}}', 503),
        ("PATCH", "models", b"", 405),
    ],
)
def test_each_error_has_its_status_and_one_sentence(
    server: RunningJupyter, method: str, path: str, body: bytes, status: int
) -> None:
    answer = server.ask(method, path, data=body)
    assert answer.status_code == status, answer.text
    error_of(answer)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "Taxi!"}, "name"),
        ({"path": "../out"}, "path"),
        ({"scoring_path": "code/none.py"}, "scoring_path"),
        ({"metrics": "[1]"}, "metrics"),
        ({"job": "nine"}, "job"),
    ],
)
def test_a_refused_registration_names_the_field(
    server: RunningJupyter, changed: dict[str, str], field: str
) -> None:
    answer = server.ask("POST", "models", json={**MODEL, "version": "88", **changed})
    assert error_of(answer)["field"] == field


ODD = st.text(min_size=1, max_size=20)  # never with half a pair of surrogates
SEGMENTS = st.one_of(ODD, st.sampled_from(["..", ".", "../..", "%2e%2e", "a/b", "\0", "~", "taxi"]))


def escaped(text: str) -> str:
    return quote(text, safe="").replace(".", "%2e")


def raw(server: RunningJupyter, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Send a path as it is, as other clients would resolve its dots; return the JSON answer."""
    split = urlsplit(server.url)
    connection = HTTPConnection(str(split.hostname), split.port, timeout=30)
    headers = {"Authorization": f"token {LOGIN}"}
    connection.request(method, split.path + path, body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


@settings(max_examples=60, deadline=None)
@given(name=SEGMENTS, version=SEGMENTS, method=st.sampled_from(["GET", "DELETE", "PUT"]))
def test_no_name_or_version_of_a_path_is_a_way_out(
    server: RunningJupyter, name: str, version: str, method: str
) -> None:
    path = f"models/{escaped(name)}/{escaped(version)}"
    status, error = raw(server, method, path, b"{}")
    assert (400 <= status < 500, set(error)) == (True, {"error"})
    status, error = raw(server, "POST", f"deployments/engine/{path}/predict", b"{}")
    assert (400 <= status <= 503, set(error)) == (True, {"error"})


@settings(max_examples=80, deadline=None)
@given(path=st.one_of(ODD, st.lists(SEGMENTS, max_size=5).map("/".join)))
def test_no_path_of_the_repository_is_a_way_out(server: RunningJupyter, path: str) -> None:
    answer = server.ask("GET", "repository", params={"path": path})
    if answer.status_code != 200:
        assert answer.status_code in (400, 404, 422), answer.text
        error_of(answer)
        return
    names = {entry["name"] for entry in answer.json()["entries"]}
    assert names <= {"code", "models", "taxi", "model.bin", "score.py"}
