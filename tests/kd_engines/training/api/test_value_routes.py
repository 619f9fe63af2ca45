"""The routes to what a job keeps, and to run it once more; files are the truth behind them."""

import base64
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine


def data(text: str) -> str:
    """Return bytes as they stand in JSON."""
    return base64.b64encode(text.encode()).decode()


SWEEP = {
    "code": "from lib import f\nbest = f(lr) + x[0]\nprint(best, depth)",
    "name": "sweep",
    "user": "ann",
    "env": {"DEPTH": "6"},
    "timeout_s": 60,
    "origin": {"notebook": "a.ipynb"},
    "first_line": 2,
    "params": {"lr": 1, "depth": 3},
    "inputs": {"x": {"format": "json", "data": data("[10]"), "kind": "list"}},
    "outputs": ["best"],
    "files": {"lib.py": data("def f(x): return 2 * x")},
}
SAME = ("name", "user", "timeout_s", "origin", "inputs", "outputs", "files", "code_sha256")


def test_a_rerun_is_the_same_job_with_other_params(engine: RunningEngine) -> None:
    first = engine.submit(**SWEEP)
    first = engine.wait(first["id"])
    answer = engine.call("POST", f"/jobs/{first['id']}/rerun", json={"params": {"lr": 5}})
    assert answer.status_code == 201
    again = engine.wait(answer.json()["id"])
    assert (again["status"], again["rerun_of"]) == ("Finished", first["id"])
    assert again["params"] == {"lr": 5, "depth": 3}
    assert [again[key] for key in SAME] == [first[key] for key in SAME]
    assert engine.log(first["id"]) == "12 3\n"
    assert engine.log(again["id"]) == "20 3\n"
    assert engine.get(f"/jobs/{again['id']}/code") == {"code": SWEEP["code"], "first_line": 2}
    value = engine.get(f"/jobs/{again['id']}/values/best")
    assert (value["format"], value["data"], value["kind"]) == ("json", data("20"), "int")


def test_a_rerun_may_have_its_own_name_user_and_origin(engine: RunningEngine) -> None:
    first = engine.submit("pass", name="a", user="ann")
    body = {"name": "", "user": "bob", "origin": {"cell": "3"}}
    again = engine.call("POST", f"/jobs/{first['id']}/rerun", json=body).json()
    assert (again["name"], again["user"], again["origin"]) == ("", "bob", {"cell": "3"})
    assert again["params"] == {}


def test_a_rerun_with_a_key_is_one_job(engine: RunningEngine) -> None:
    first, other = (engine.submit(**SWEEP)["id"] for _ in range(2))
    body = {"params": {"lr": 2}, "idempotency_key": f"rerun of {first}"}
    answers = [engine.call("POST", f"/jobs/{first}/rerun", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    changed = {**body, "params": {"lr": 3}}
    assert engine.call("POST", f"/jobs/{first}/rerun", json=changed).status_code == 409
    assert engine.call("POST", f"/jobs/{other}/rerun", json=body).status_code == 409


def test_an_unknown_param_names_the_known_ones(engine: RunningEngine) -> None:
    job = engine.submit(**SWEEP)["id"]
    answer = engine.call("POST", f"/jobs/{job}/rerun", json={"params": {"rate": 1}})
    assert answer.status_code == 422
    assert "no param 'rate'; its params are depth, lr" in answer.json()["error"]["message"]
    alone = engine.submit("pass")["id"]
    answer = engine.call("POST", f"/jobs/{alone}/rerun", json={"params": {"rate": 1}})
    assert "it has none" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["values", "values/x", "failure", "code", "rerun"])
def test_what_names_no_job_is_not_found(engine: RunningEngine, path: str) -> None:
    for job in ("999999", "x", "%2e%2e"):
        method, options = ("POST", {"json": {}}) if path == "rerun" else ("GET", {})
        answer = engine.call(method, f"/jobs/{job}/{path}", **options)
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "NotFound"


@pytest.mark.parametrize(
    "name", ["y", "..%2fcode.py", "%2e%2e", "index.json", "0", "%00", "é" * 200]
)
def test_what_names_no_value_is_not_found(engine: RunningEngine, name: str) -> None:
    job, _ = engine.run("x = 1", outputs=["x"])
    assert engine.call("GET", f"/jobs/{job['id']}/values/{name}").status_code == 404


def test_a_running_job_says_that_its_values_are_not_there_yet(engine: RunningEngine) -> None:
    job = engine.submit("import time; time.sleep(600)", outputs=["x"])["id"]
    engine.wait(job, until="Running")
    assert "not ended yet (Running)" in engine.get(f"/jobs/{job}/values")["missing"]["x"]
    for path in ("values/x", "failure"):
        answer = engine.call("GET", f"/jobs/{job}/{path}")
        assert (answer.status_code, "not ended yet" in answer.text) == (404, True)
    engine.call("POST", f"/jobs/{job}/cancel")
    engine.wait(job)
    assert "ended as Cancelled" in engine.get(f"/jobs/{job}/values")["missing"]["x"]


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"params": {"a b": 1}}, 422, "params has the name 'a b'"),
        ({"inputs": {"x": {"format": "json", "data": "?"}}}, 422, "base64"),
        ({"inputs": {"x": {"format": "yaml", "data": ""}}}, 422, "yaml"),
        ({"files": {"../a.py": ""}}, 422, "files has the path"),
        ({"files": {"a.bin": data("x" * 33_600_000)}}, 413, "32 MiB"),
        ({"outputs": ["class"]}, 422, "outputs has the name"),
        ({"first_line": 0}, 422, "first_line"),
        ({"params": [1]}, 422, "params"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_limit(
    engine: RunningEngine, fields: dict[str, Any], status: int, told: str
) -> None:
    answer = engine.call("POST", "/jobs", json={"code": "pass", **fields})
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]


@pytest.mark.slow
def test_two_engines_and_a_restarted_one_tell_the_same(
    start_engine: Callable[..., RunningEngine],
) -> None:
    one = start_engine(KD_MAX_RUNNING="1")
    two = start_engine(repository=one.repository, KD_MAX_RUNNING="1")
    job = one.submit(**SWEEP)["id"]
    one.wait(job)
    failed, _ = one.run("x = 1\n1 / 0")
    paths = [f"/jobs/{job}/values", f"/jobs/{job}/values/best", f"/jobs/{job}/code"]
    paths.append(f"/jobs/{failed['id']}/failure")
    told = [one.get(path) for path in paths]
    assert [two.get(path) for path in paths] == told
    again = two.call("POST", f"/jobs/{job}/rerun", json={"params": {"lr": 4}}).json()
    assert two.wait(again["id"])["status"] == "Finished"
    assert one.log(again["id"]) == "18 3\n"
    one.stop(signal.SIGKILL)
    one.start()
    assert [one.get(path) for path in paths] == told


@pytest.mark.slow
def test_a_submission_with_values_survives_kills_of_its_engine(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine(KD_MAX_RUNNING="2")
    large = {"format": "json", "data": data('"' + "x" * 12_000_000 + '"'), "kind": "str"}
    jobs = []
    for attempt in range(6):
        body = {
            "code": "print(len(x), lib.ONE)",
            "inputs": {"x": large},
            "files": {"lib.py": data("ONE = 1")},
            "idempotency_key": f"cell-{attempt}",
        }
        body["code"] = "import lib\n" + str(body["code"])

        def send(body: dict[str, Any] = body) -> None:
            headers = {"X-Auth-Token": engine.token}
            try:
                requests.post(f"{engine.url}/jobs", json=body, headers=headers, timeout=30)
            except requests.RequestException:
                return

        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.05 * attempt)
        engine.stop(signal.SIGKILL)
        thread.join()
        engine.start()
        jobs.append(engine.submit(**body)["id"])
    for job in jobs:
        assert engine.wait(job)["status"] == "Finished"
        assert engine.log(job) == "12000000 1\n"
    listed = eventually(lambda: engine.get("/jobs?limit=100")["jobs"])
    assert sorted(job["id"] for job in listed) == sorted(jobs)
