"""Our own routes: what is taken, what is refused and how, lists, outputs, environment, tokens."""

import json
import os
import time
from collections.abc import Callable

import pytest
import requests

from tests.kd_engines.out_of import file_handles
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine


def test_a_submitted_job_finishes_and_tells_all_about_itself(engine: RunningEngine) -> None:
    job, log = engine.run("print('done')", name="taxi", user="ann", origin={"notebook": "a.ipynb"})
    assert log == "done\n"
    assert (job["status"], job["exit_code"], job["signal"]) == ("Finished", 0, None)
    assert (job["name"], job["user"], job["cluster"]) == ("taxi", "ann", CLUSTER)
    assert job["origin"] == {"notebook": "a.ipynb"}
    assert job["submitted"] <= job["started"] <= job["ended"]
    assert job["log_size"] == 5
    assert job["log_url"] == f"{engine.url}/logs/{job['id']}"


def test_the_same_key_and_body_is_the_same_job(engine: RunningEngine) -> None:
    body = {"code": "pass", "idempotency_key": "cell-1"}
    first, again = (engine.call("POST", "/jobs", json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_the_same_key_with_another_body_is_a_conflict(engine: RunningEngine) -> None:
    engine.submit("pass", idempotency_key="cell-2")
    answer = engine.call("POST", "/jobs", json={"code": "1", "idempotency_key": "cell-2"})
    assert answer.status_code == 409
    assert "cell-2" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"code": " \n"}, 422, "empty"),
        ({"code": "#" * 5_000_000}, 413, "4,194,304"),
        ({"code": "pass", "timeout_s": 0}, 422, "timeout_s"),
        ({"code": "pass", "name": "x" * 201}, 422, "200"),
        ({"code": "pass", "user": "a\nb"}, 422, "user"),
        ({"code": "pass", "idempotency_key": ""}, 422, "idempotency_key"),
        ({"code": "pass", "env": {"KD_CONFIGMETA": "x"}}, 422, "KD_CONFIGMETA"),
        ({"code": "pass", "env": {"A": "x" * 70_000}}, 413, "env"),
        ({"code": "pass", "colour": "red"}, 422, "colour"),
        ({"code": 3}, 422, "code"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_its_limit(
    engine: RunningEngine, body: dict[str, object], status: int, told: str
) -> None:
    answer = engine.call("POST", "/jobs", json=body)
    assert answer.status_code == status
    assert told in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 422),
        (b'{"code": ', "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b"[" * 100_000, "application/json", 422),
        (b'{"code": "pass"}', "text/plain", 415),
        (b" " * 80_000_000, "application/json", 413),
    ],
)
def test_what_is_no_json_is_refused(
    engine: RunningEngine, body: bytes, content_type: str, status: int
) -> None:
    headers = {"Content-Type": content_type}
    answer = engine.call("POST", "/jobs", data=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("job", ["999999", "0", "-1", "1.0", "x", "9" * 30, "%2e%2e", "%D9%A1"])
def test_what_names_no_job_is_not_found(engine: RunningEngine, job: str) -> None:
    for path in (f"/jobs/{job}", f"/jobs/{job}/log", f"/jobs/{job}/outputs", f"/history/{job}"):
        answer = engine.call("GET", path)
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "NotFound"
    assert engine.call("POST", f"/jobs/{job}/cancel").status_code == 404


@pytest.mark.parametrize(
    "query", ["wait=x", "wait=-1", "wait=nan", "wait=inf", "wait=61", "wait=1e999"]
)
def test_a_wait_out_of_its_limits_is_refused(engine: RunningEngine, query: str) -> None:
    job = engine.submit("pass")["id"]
    assert engine.call("GET", f"/jobs/{job}?{query}").status_code == 422


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=x", "status=Done", "limit=-5"])
def test_a_list_out_of_its_limits_is_refused(engine: RunningEngine, query: str) -> None:
    assert engine.call("GET", f"/jobs?{query}").status_code == 422


def test_lists_come_in_pages_newest_first(engine: RunningEngine) -> None:
    mine = [engine.submit("pass", user="pager")["id"] for _ in range(5)]
    pages, before = [], ""
    while True:
        page = engine.get(f"/jobs?user=pager&limit=2{before}")
        pages.append([job["id"] for job in page["jobs"]])
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert pages == [[mine[4], mine[3]], [mine[2], mine[1]], [mine[0]]]


def test_lists_choose_by_status(engine: RunningEngine) -> None:
    failed, _ = engine.run("1/0", user="chooser")
    engine.run("pass", user="chooser")
    listed = engine.get("/jobs?status=Failed&user=chooser")["jobs"]
    assert [job["id"] for job in listed] == [failed["id"]]
    assert failed["id"] not in [job["id"] for job in engine.get("/jobs?status=Running")["jobs"]]


def test_a_long_poll_returns_when_the_status_changes(engine: RunningEngine) -> None:
    job = engine.submit("import time; time.sleep(0.3)")["id"]
    eventually(lambda: engine.get(f"/jobs/{job}")["status"] == "Running")
    answer = engine.call("GET", f"/jobs/{job}?wait=20&known=Running")
    assert answer.json()["status"] == "Finished"
    assert 0.05 < answer.elapsed.total_seconds() < 5


def test_outputs_are_read_on_from_the_answer_before(engine: RunningEngine) -> None:
    code = "class A:\n def _repr_html_(self): return '<b>1</b>'\nprint('x')\ndisplay(A())\nA()"
    job, _ = engine.run(code)
    whole = engine.get(f"/jobs/{job['id']}/outputs")
    assert [o["output"]["output_type"] for o in whole["outputs"]] == [
        "display_data",
        "execute_result",
    ]
    assert [o["offset"] for o in whole["outputs"]] == [2, 2]
    after = engine.get(f"/jobs/{job['id']}/outputs?after={whole['next']}")
    assert after == {"outputs": [], "next": whole["next"]}
    assert engine.call("GET", f"/jobs/{job['id']}/outputs?after=3").status_code == 422


def test_an_ended_job_stays_as_it_is_when_cancelled(engine: RunningEngine) -> None:
    job, _ = engine.run("pass")
    answer = engine.call("POST", f"/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "Finished")
    assert not (engine.job_folder(job["id"]) / "cancel.json").exists()


def test_the_environment_tells_packages_and_the_queue(engine: RunningEngine) -> None:
    found = engine.get("/environment")
    assert found["packages"]["msgspec"]
    assert found["cpus"] >= 1
    assert found["memory_bytes"] > 0
    assert found["cluster"] == CLUSTER
    assert found["queue"]["limit"] == 2


def test_the_openapi_document_names_every_route(engine: RunningEngine) -> None:
    document = engine.get("/openapi.json")
    for path in ("/train", "/history/{id}", "/jobs", "/jobs/{id}/log", "/environment"):
        assert path in document["paths"]
    assert "SubmitJob" in document["components"]["schemas"]


def test_no_route_answers_without_the_token(engine: RunningEngine) -> None:
    document = engine.get("/openapi.json")
    for path, operations in document["paths"].items():
        for method in operations:
            url = engine.url + path.replace("{id}", "1")
            for headers in ({}, {"X-Auth-Token": "wrong"}, {"X-Auth-Token": ""}):
                answer = requests.request(method, url, headers=headers, timeout=10)
                expected = 200 if path.startswith("/health/") else 401
                assert answer.status_code == expected, (method, path, headers)


def test_a_page_of_another_site_may_not_submit(engine: RunningEngine) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert engine.call("POST", "/jobs", json={"code": "1"}, headers=headers).status_code == 403


def test_a_new_token_counts_as_soon_as_configmeta_has_it(engine: RunningEngine) -> None:
    engine.write_tokens(["new-token"])
    old = {"X-Auth-Token": engine.token}
    new = {"X-Auth-Token": "new-token"}

    def status(headers: dict[str, str]) -> int:
        return requests.get(f"{engine.url}/history", headers=headers, timeout=10).status_code

    try:
        eventually(lambda: status(new) == 200)
        assert status(old) == 401
        engine.configmeta_path.write_text("{")  # half-written: the last good state stays
        assert status(new) == 200
    finally:
        engine.write_tokens([engine.token])
        eventually(lambda: status(old) == 200)


def test_a_job_sees_no_token_and_no_configmeta(engine: RunningEngine) -> None:
    code = "import os\nfor k, v in os.environ.items(): print(k, v)\nprint(os.getcwd())"
    job, log = engine.run(code, env={"DEPTH": "6"})
    assert engine.token not in log
    assert "KD_CONFIGMETA" not in log
    assert "DEPTH 6\n" in log
    assert f"KD_JOB_ID {job['id']}\n" in log
    assert f"KD_CLUSTER {CLUSTER}\n" in log
    assert log.endswith(f"{engine.repository.resolve()}\n")


def test_a_moment_without_file_handles_ends_no_following(engine: RunningEngine) -> None:
    with file_handles(engine.process.pid):
        engine.write_tokens([engine.token, "second"])
        time.sleep(2.5)
    engine.write_tokens([engine.token, "third"])
    asked = {"headers": {"X-Auth-Token": "third"}}
    eventually(lambda: engine.call("GET", "/history", **asked).status_code == 200)


@pytest.mark.timeout(60)
def test_a_pipe_in_a_file_s_place_stops_no_engine(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine()
    job = engine.submit("import time\nprint('well', flush=True)\ntime.sleep(60)")["id"]
    engine.wait(job, until="Running")
    folder = engine.job_folder(job)
    eventually((folder / "log").exists)
    for name in ("log", "outputs.jsonl", "code.py", "log-times.jsonl", "usage.json", "exit.json"):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    found = engine.get(f"/jobs/{job}")
    assert (found["status"], found["ended"]) == ("Running", None)  # as its runner lives
    assert engine.log(job) == ""
    assert engine.get(f"/jobs/{job}/outputs")["outputs"] == []
    assert engine.get("/jobs")["jobs"][0]["id"] == job
    assert engine.get("/history")
    assert engine.get(f"/logs/{job}")["logs"] == ""
    for path in ("code", f"log?since={found['submitted']}", "failure", "values"):
        assert engine.call("GET", f"/jobs/{job}/{path}").status_code < 500, path
    other, log = engine.run("print('beside')")
    assert (other["status"], log) == ("Finished", "beside\n")
    engine.call("POST", f"/jobs/{job}/cancel")
    assert engine.wait(job)["status"] == "Cancelled"
    assert engine.call("GET", f"/jobs/{job}/log?follow=1").text == ""
    engine.stop()
    assert engine.process.returncode == 0


def test_the_ml_engine_is_that_of_the_engine_s_kdapp(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine()
    assert engine.get("/environment")["ml_engine"] == "python"
    meta = json.loads(engine.configmeta_path.read_text())
    meta["nodegroups"]["1"]["config_metadata"] = {"ml_engine": "spark"}
    engine.stop()
    engine.configmeta_path.write_text(json.dumps(meta))
    engine.start()
    assert engine.get("/environment")["ml_engine"] == "spark"
    refused = engine.call("POST", "/jobs", json={"code": "val x = 1"})
    assert refused.status_code == 422
    assert "runs Python, and its kdapp calls it 'spark'" in refused.json()["error"]["message"]
