"""The calls of the 2020 product, as its notebooks and clients make them."""

import json

import requests

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

KEYS = {"id", "input", "log_url", "node", "output", "pid", "request_url", "status"}


def train(engine: RunningEngine, code: str) -> str:
    """Send code as the 2020 client does; return the answer's request_url."""
    body = json.dumps({"training_code": code, "calledBy": "ann"})
    headers = {"Content-Type": "application/json"}
    answer = engine.call("POST", "/train", data=body, headers=headers)
    assert answer.status_code == 200
    return str(answer.json()["request_url"])


def finished(engine: RunningEngine, request_url: str) -> dict[str, object]:
    """Follow a request_url until the request has ended."""

    def ended() -> dict[str, object] | None:
        answer = requests.get(request_url, headers={"X-Auth-Token": engine.token}, timeout=10)
        [found] = answer.json()  # "some calls from other apps expect an array"
        return found if found["status"] not in ("Queued", "Running") else None

    return dict(eventually(ended))


def test_a_job_has_the_contracts_shape_from_train_to_logs(engine: RunningEngine) -> None:
    request_url = train(engine, "print('mean fare 11.2')")
    number = int(request_url.rpartition("/")[2])
    assert request_url == f"{engine.url}/history/{number}"
    found = finished(engine, request_url)
    assert found.keys() >= KEYS
    assert found["id"] == number
    assert found["input"] == "print('mean fare 11.2')"
    assert found["output"] == "mean fare 11.2\n"
    assert found["status"] == "Finished"
    assert found["request_url"] == request_url
    assert isinstance(found["pid"], int)
    log = requests.get(str(found["log_url"]), headers={"X-Auth-Token": engine.token}, timeout=10)
    assert log.json() == {"id": number, "logs": "mean fare 11.2\n"}


def test_a_job_that_raises_has_failed(engine: RunningEngine) -> None:
    found = finished(engine, train(engine, "1/0"))
    assert found["status"] == "Failed"
    assert "ZeroDivisionError" in str(found["output"])


def test_history_has_every_request_newest_first(engine: RunningEngine) -> None:
    first, second = (int(train(engine, "pass").rpartition("/")[2]) for _ in range(2))
    listed = engine.get("/history")
    assert [entry["id"] for entry in listed][:2] == [second, first]
    assert all(entry.keys() >= KEYS for entry in listed)


def test_urls_name_the_host_that_was_asked(engine: RunningEngine) -> None:
    headers = {"Host": f"localhost:{engine.port}"}
    body = {"training_code": "pass", "calledBy": ""}
    answer = engine.call("POST", "/train", json=body, headers=headers).json()
    assert answer["request_url"].startswith(f"http://localhost:{engine.port}/history/")


def test_a_token_in_the_url_is_refused_unless_switched_on(engine: RunningEngine) -> None:
    url = f"{engine.url}/history?X-Auth-Token={engine.token}"
    assert requests.get(url, timeout=10).status_code == 401


def test_a_long_log_is_cut_at_its_beginning_and_says_so(engine: RunningEngine) -> None:
    job, _ = engine.run("for i in range(20_000): print('line', i)")
    output = engine.get(f"/history/{job['id']}")[0]["output"]
    first, _, rest = output.partition("\n")
    assert f"bytes before this are at /jobs/{job['id']}/log" in first
    assert rest.endswith("line 19999\n")
    assert len(engine.get(f"/logs/{job['id']}")["logs"]) == job["log_size"]


def test_code_of_another_shape_is_refused_with_a_sentence(engine: RunningEngine) -> None:
    answer = engine.call("POST", "/train", json={"code": "pass"})
    assert answer.status_code == 422
    assert "training_code" in answer.json()["error"]["message"]
