"""The clients against a real deployment engine that serves both scoring scripts."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import query
import requests
from riders import Riders

from kd_pipeline.model_config import ModelConfig
from tests.configmeta import configmeta

# Two trainings come first; on a busy machine they take minutes.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
TOKEN = "5b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e"
RIDE = query.scoring_args(
    (40.7506, -73.9935), (40.6446, -73.7822), 16.6, query.moment("2009-01-20 08:30")
)
ASKED = ["--from", "40.7506,-73.9935", "--to", "40.6446,-73.7822"]
ASKED += ["--distance", "16.6", "--when", "2009-01-20 08:30", "--token-env", "TAXI_TOKEN"]


def model(name: str, version: str, script: str) -> dict:
    path, code = f"repo://project_repo/models/taxi/{version}", f"repo://project_repo/code/{script}"
    return ModelConfig(name, version, path, code).to_manifest()


MODELS = [
    model("taxi", "1", "score_taxi.py"),
    model("taxi", "2", "score_taxi.py"),
    model("taxi-of-2020", "1", "score_taxi_2020.py"),
]


@pytest.fixture(scope="module")
def engine(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[query.Deployment]:
    """Start a deployment engine with both scripts' models, and stop it at the end."""
    meta = tmp_path_factory.mktemp("guestconfig") / "configmeta.json"
    meta.write_text(json.dumps(configmeta("deployment", tokens=[TOKEN], models=MODELS)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "kd_engines.deployment", "--host", "127.0.0.1", "--port", str(port)],
        env={
            **os.environ,
            "KD_CONFIGMETA": str(meta),
            "KD_PROJECT_REPO": str(trained),
            "KD_QUERY_TOKEN": "true",
        },
    )
    deployment = query.Deployment(f"http://127.0.0.1:{port}", TOKEN)
    try:
        wait_until_ready(deployment)
        yield deployment
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_ready(deployment: query.Deployment) -> None:
    until = time.monotonic() + 120
    states: object = None
    while time.monotonic() < until:
        try:
            states = {m["state"] for m in deployment.call("GET", "models")["models"]}
        except query.QueryError as error:
            states = error
        if states == {"Ready"}:
            return
        time.sleep(0.1)
    pytest.fail(f"the deployment engine is not ready: {states}")


def client_of_2020(url: str, token: str, name: str, version: str, ride: dict) -> str:
    """Ask as the tutorial's script does: texts, "true", the token in header and URL."""
    body = {"use_scoring": "true", "scoring_args": {key: str(ride[key]) for key in ride}}
    answer = requests.post(
        f"{url}/{name}/{version}/predict?X-Auth-Token={token}",
        headers={"X-Auth-Token": token, "Content-Type": "application/json"},
        data=json.dumps(body),
        timeout=30,
    )
    return json.loads(answer.text)["output"].partition("\n")[0]


def test_both_scripts_predict_the_same(engine: query.Deployment) -> None:
    now = engine.predict("taxi", "1", RIDE)
    then = engine.predict("taxi-of-2020", "1", RIDE)
    assert np.float32(now) == np.float32(then)


def test_the_client_of_2020_runs_unmodified(engine: query.Deployment) -> None:
    then = client_of_2020(engine.url, TOKEN, "taxi-of-2020", "1", RIDE)
    sentence = re.fullmatch(r"The ride duration prediction is (\S+) seconds\.", then)
    now = client_of_2020(engine.url, TOKEN, "taxi", "1", RIDE)
    assert sentence
    assert np.float32(sentence[1]) == np.float32(now)


def test_the_client_prints_one_sentence(
    engine: query.Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAXI_TOKEN", TOKEN)
    assert query.main([*ASKED, "--url", engine.url]) == 0
    assert capsys.readouterr().out == query.sentence(engine.predict("taxi", "2", RIDE)) + "\n"
    assert query.main([*ASKED, "--url", engine.url, "--version", "1"]) == 0
    assert capsys.readouterr().out == query.sentence(engine.predict("taxi", "1", RIDE)) + "\n"


def test_the_engine_s_refusals_are_one_sentence(
    engine: query.Deployment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TAXI_TOKEN", TOKEN)
    for more in (["--version", "9"], ["--model", "bus"]):
        assert query.main([*ASKED, "--url", engine.url, *more]) == 1
        assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("TAXI_TOKEN", "another")
    assert query.main([*ASKED, "--url", engine.url]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "token" in said
    assert TOKEN not in said
    assert "another" not in said


def test_a_ride_that_is_none_does_not_fail_the_others(engine: query.Deployment) -> None:
    riders = Riders(engine, "taxi", "1", [RIDE], count=2).start()
    for _ in range(20):
        with pytest.raises(query.QueryError, match="hour is 99; it must be a number from 0 to 23"):
            engine.predict("taxi", "1", {**RIDE, "hour": 99})
    riders.wait_for(20)
    riders.stop()
    assert riders.failures == []


def test_riders_count_what_fails(engine: query.Deployment) -> None:
    riders = Riders(engine, "taxi", "1", [RIDE], count=2).start()
    riders.wait_for(10)
    riders.move_to("9")
    with pytest.raises(query.QueryError, match="taxi/9 gave 0 answers in 1 s"):
        riders.wait_for(1, deadline_s=1)
    with pytest.raises(query.QueryError, match="requests failed, such as: "):
        riders.stop()
    assert riders.answered["1"] >= 10
    assert str(riders).splitlines()[-1].endswith(f"{len(riders.failures)} failed")
