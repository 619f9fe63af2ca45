import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment, sentence
from tests.kd_engines.running_server import eventually

DOUBLE = "def predict(model, args): return args['a'] * 2"


@pytest.fixture(scope="module")
def double(engine: RunningDeployment) -> str:
    return engine.serve("double", "1", DOUBLE)


def test_the_answer_has_the_contracts_keys(engine: RunningDeployment, double: str) -> None:
    answer = engine.ask(double, {"a": 21}).json()
    host = f"127.0.0.1:{engine.port}"
    number = answer["id"]
    assert answer == {
        "id": number,
        "input": {"a": 21},
        "log_url": f"{host}/logs/{number}",
        "node": answer["node"],
        "output": "42",
        "pid": engine.state(double)["pid"],
        "request_url": f"{host}/history/{number}",
        "status": "Finished",
        "model": "double",
        "version": "1",
        "result": 42,
    }
    assert isinstance(number, int)
    assert answer["node"]


def test_a_client_of_2020_is_understood(engine: RunningDeployment, double: str) -> None:
    """It sends the flag as a text and no content type, and takes the output's first line."""
    body = json.dumps({"use_scoring": "true", "scoring_args": {"a": 4}, "mode": "batch"})
    answer = engine.call("POST", f"/{double}/predict", data=body)
    assert answer.json()["output"].splitlines()[0] == "8"


def test_a_published_name_has_capitals_and_an_underscore(engine: RunningDeployment) -> None:
    label = engine.serve("Taxi_Duration", "1", DOUBLE)
    assert engine.predict(label, {"a": 2}) == 4


def test_a_result_is_read_later_where_the_mode_is_batch(engine: RunningDeployment) -> None:
    source = (
        "import time\n"
        "def predict(model, args):\n"
        "    time.sleep(args['s'])\n"
        "    return {'slept': args['s']} if args['s'] else 1 / 0\n"
    )
    label = engine.serve("sleeps", "1", source)
    path, headers = f"/{label}/predict?mode=batch", {"X-Auth-Token": TOKEN}
    began = time.monotonic()
    slow, fails = (
        engine.call("POST", path, json={"use_scoring": True, "scoring_args": {"s": s}}).json()
        for s in (1, 0)
    )
    assert time.monotonic() - began < 0.9
    for begun in (slow, fails):
        assert (begun["status"], begun["output"]) == ("Running", "")

    def ended(begun: dict[str, Any]) -> Any:
        url = f"http://{begun['request_url']}"
        [found] = requests.get(url, headers=headers, timeout=5).json()
        assert (found["id"], found["input"]) == (begun["id"], begun["input"])
        return found if found["status"] != "Running" else None

    assert engine.get("/history")[0]["status"] == "Running"
    assert eventually(lambda: ended(slow))["output"] == '{"slept":1}'
    assert eventually(lambda: ended(fails))["status"] == "Failed"
    assert engine.ask(label, {"s": 0.1}).json()["output"] == '{"slept":0.1}'
    refused = engine.call("POST", "/none/1/predict?mode=batch", json={"scoring_args": {}})
    assert refused.status_code == 404


def test_a_token_in_the_url_counts_where_it_is_switched_on(
    engine: RunningDeployment, double: str, start_deployment: Callable[..., RunningDeployment]
) -> None:
    body = {"use_scoring": "true", "scoring_args": {"a": 1}}
    url = f"{engine.url}/{double}/predict?X-Auth-Token={TOKEN}"
    assert requests.post(url, json=body, timeout=5).status_code == 401

    old = start_deployment(KD_QUERY_TOKEN="1")
    old.serve("double", "1", DOUBLE)
    url = f"{old.url}/double/1/predict?X-Auth-Token="
    assert requests.post(url + TOKEN, json=body, timeout=5).json()["output"] == "2"
    assert requests.post(url + "wrong", json=body, timeout=5).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"X-Auth-Token": "wrong"}, {"Authorization": "Bearer x"}])
@pytest.mark.parametrize("path", ["/models", "/history", "/logs/1", "/double/1", "/openapi.json"])
def test_no_route_answers_without_the_token(
    engine: RunningDeployment, double: str, headers: dict[str, str], path: str
) -> None:
    assert requests.get(engine.url + path, headers=headers, timeout=5).status_code == 401
    predict = requests.post(f"{engine.url}/{double}/predict", headers=headers, json={}, timeout=5)
    assert predict.status_code == 401


def test_many_rows_are_one_request(engine: RunningDeployment, double: str) -> None:
    assert engine.predict(double, [{"a": 1}, {"a": 2}, {"a": 3}]) == [2, 4, 6]
    assert engine.predict(double, []) == []


def test_a_text_is_split_as_a_shell_would(engine: RunningDeployment) -> None:
    label = engine.serve("arguments", "1", "def predict(model, args): return args")
    assert engine.predict(label, "--from 'Times Square' 3") == ["--from", "Times Square", "3"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"scoring_args": {"a": 1}, "use_scoring": False}, "use_scoring must be true"),
        ({"scoring_args": 7}, "scoring_args must be an object, a list of objects or a string"),
        ({"scoring_args": "it's"}, "cannot be split"),
        ({"scoring_args": {}, "mode": "stream"}, "mode is 'stream'"),
        ([1], "JSON is not as it must be"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(
    engine: RunningDeployment, double: str, body: object, names: str
) -> None:
    answer = engine.call("POST", f"/{double}/predict", json=body)
    assert names in sentence(answer, 422)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "JSON is not as it must be"),
        (b"{", "JSON is not as it must be"),
        (b'{"scoring_args": {"a": }}', "JSON is not as it must be"),
        (b"[" * 9999, "JSON is not as it must be"),
        (b"\xff\xfe", "not UTF-8 text (byte 0 is 0xFF)"),
        (
            b'{"scoring_args": {"a": "\xff"}}',
            "not UTF-8 text (byte 24 is 0xFF); encode it as UTF-8",
        ),
        (
            b'{"scoring_args": {"a": NaN}}',
            "has NaN or Infinity, which JSON does not have; send null",
        ),
        (b'{"scoring_args": {"a": "\\ud83d"}}', "half of a surrogate pair"),
        (b"\x1f\x8b\x08", "is compressed (gzip)"),
    ],
)
@pytest.mark.parametrize("kind", ["function", "script"])
def test_a_body_that_is_no_json_is_refused_in_words_and_not_kept(
    engine: RunningDeployment, double: str, body: bytes, told: str, kind: str
) -> None:
    label = double
    if kind == "script":
        label = "no-json-script/1"
        if not engine.state(label):
            engine.serve("no-json-script", "1", "import sys\nprint(sys.argv)")
    before = engine.get("/history")
    answer = engine.call("POST", f"/{label}/predict", data=body)
    assert told in sentence(answer, 422)
    assert engine.get("/history") == before
    assert engine.predict(double, {"a": 1}) == 2


def test_another_method_and_a_slash_at_the_end(engine: RunningDeployment, double: str) -> None:
    answer = engine.call("GET", f"/{double}/predict")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    body = {"scoring_args": {"a": 4}}
    assert engine.call("POST", f"/{double}/predict/", json=body).json()["result"] == 8


def test_a_long_string_of_arguments_is_refused_and_delays_nobody(
    engine: RunningDeployment, double: str
) -> None:
    label = engine.serve("long-arguments", "1", "def predict(model, args): return len(args)")
    assert engine.predict(label, " ".join(["word"] * 5000)) == 5000
    answer = engine.ask(label, "x" * 40_000)
    assert "32,768 are the limit; send an object" in sentence(answer, 413)


def test_a_body_over_the_limit_is_refused(engine: RunningDeployment, double: str) -> None:
    answer = engine.ask(double, {"a": "x" * (5 << 20)})
    assert "4,194,304 bytes" in sentence(answer, 413)


def test_an_unknown_model_or_version_is_named_with_what_is_there(
    engine: RunningDeployment, double: str
) -> None:
    assert "has no version '9' here, but has 1" in sentence(engine.ask("double/9", {}), 404)
    assert "double/1" in sentence(engine.ask("triple/1", {}), 404)


def test_history_and_logs_have_the_prediction(engine: RunningDeployment, double: str) -> None:
    number = engine.ask(double, {"a": 5}).json()["id"]
    told = engine.get(f"/history/{number}")[0]
    assert (told["id"], told["input"], told["output"]) == (number, {"a": 5}, "10")
    assert engine.get("/history")[0] == told
    assert engine.get(f"/logs/{number}") == {"id": number, "logs": ""}
    assert "last 1,000" in sentence(engine.call("GET", "/history/999999"), 404)


def test_a_large_input_is_answered_but_not_kept(engine: RunningDeployment) -> None:
    label = engine.serve("length", "1", "def predict(model, args): return len(args['a'])")
    answer = engine.ask(label, {"a": "x" * 100_000}).json()
    assert answer["result"] == 100_000
    assert "bytes are left out" in engine.get(f"/history/{answer['id']}")[0]["input"]


def test_the_openapi_document_names_every_route(engine: RunningDeployment) -> None:
    paths = engine.get("/openapi.json")["paths"]
    assert {"/{name}/{version}/predict", "/models", "/history/{id}", "/logs/{id}"} <= paths.keys()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('{"use_scoring":true,"scoring_args":{"a":"caf\xe9"}}'.encode("latin-1"), "is 0xE9"),
        (b'{"use_scoring":true,"scoring_args":{"a":"\xed\xa0\xbd"}}', "is 0xED"),
        (b'{"use_scoring":true,"scoring_args":{"a":1e400}}', "out of range"),
    ],
)
def test_a_body_that_is_no_json_is_refused_and_not_kept(
    engine: RunningDeployment, body: bytes, told: str
) -> None:
    label = engine.serve("strict", "1", "def predict(model, args): return args['a']")
    before = engine.get("/history")
    answer = engine.call("POST", f"/{label}/predict", data=body)
    assert told in sentence(answer, 422)
    assert engine.get("/history") == before
