"""How long a prediction may take: as long as it needs, but for what operator and model say."""

import math
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from kd_engines.deployment.limits import Limits, time_limit
from kd_pipeline.errors import InvalidInput
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually, runs

SLEEPS = """
import os, sys, time
def predict(model, args):
    open(args["pid"], "w").write(str(os.getpid()))
    time.sleep(args["s"])
    return "done"
"""
SLEEPS_2020 = """
import json, sys, time
time.sleep(json.loads(sys.argv[1])["s"])
print("done")
"""


def ask(engine: RunningDeployment, label: str, args: Any, timeout: float) -> requests.Response:
    body = {"use_scoring": True, "scoring_args": args}
    return engine.call("POST", f"/{label}/predict", json=body, timeout=timeout)


@pytest.mark.parametrize(
    ("engine_s", "own_s", "limit_s"),
    [("", "", math.inf), ("5", "", 5), ("", "7", 7), ("5", "3", 3), ("5", "600", 600)],
)
def test_a_models_own_limit_is_shorter_or_longer(
    engine_s: str, own_s: str, limit_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_PREDICT_TIMEOUT_S", engine_s)
    model = ModelConfig("taxi", "1", "/m", "/s", extra={"timeout-s": own_s})
    assert time_limit(model, Limits.from_environment()) == limit_s


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon", "86400"])
def test_a_limit_is_a_number_of_seconds(text: str) -> None:
    model = ModelConfig("taxi", "1", "/m", "/s", extra={"timeout-s": text})
    with pytest.raises(InvalidInput, match=f"timeout-s is '{text}'; it must be a positive number"):
        time_limit(model, Limits())


def test_the_answer_says_which_limit_is_over(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment(KD_PREDICT_TIMEOUT_S="1")
    short = engine.serve("short", "1", SLEEPS_2020)
    longer = engine.serve("longer", "1", SLEEPS_2020, **{"timeout-s": "20"})
    told = sentence(engine.ask(short, {"s": 30}), 504)
    assert "within 1 s, the limit of its ConfigMap's key timeout-s or, without that key" in told
    assert "of the engine's KD_PREDICT_TIMEOUT_S." in told
    assert engine.predict(longer, {"s": 1.5}) == "done"


@pytest.mark.slow
def test_without_a_limit_a_prediction_of_over_a_minute_has_its_answer(
    engine: RunningDeployment, tmp_path: Path
) -> None:
    own = engine.serve("sleeps", "1", SLEEPS)
    old = engine.serve("sleeps-2020", "1", SLEEPS_2020)
    idle = engine.serve("hangs", "1", "def predict(model, args): return 1")
    hangs = engine.state(idle)["pid"]
    os.kill(hangs, signal.SIGSTOP)
    args = {"s": 62, "pid": str(tmp_path / "pid")}
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(ask, engine, label, args, 90) for label in (own, old)]
        assert [answer.result().json()["result"] for answer in answers] == ["done", "done"]
    # Nobody asked it but the engine, which wants to have an answer within a minute.
    eventually(lambda: not runs(hangs))
    assert engine.predict(idle, {}) == 1


def test_what_nobody_waits_for_holds_no_process_of_a_model_that_is_taken_off(
    engine: RunningDeployment, tmp_path: Path
) -> None:
    label = engine.serve("given-up", "1", SLEEPS)
    pid = tmp_path / "pid"
    with pytest.raises(requests.ReadTimeout):
        ask(engine, label, {"s": 600, "pid": str(pid)}, 1)
    process = int(pid.read_text())
    assert runs(process)
    engine.disconnect(label)
    eventually(lambda: not runs(process))


def test_a_model_that_hangs_on_its_example_is_not_let_in(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment(KD_LOAD_TIMEOUT_S="1.5")
    source = "import time\ndef predict(model, args):\n    time.sleep(args['s'])"
    engine.connect("hangs", "1", source, example='{"s": 600}')
    state = engine.wait("hangs/1", "Failed")
    assert state["reason"] == (
        "Its first prediction was not done within 1.5 s (KD_LOAD_TIMEOUT_S)."
    )
