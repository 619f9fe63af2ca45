"""How long a prediction may take: as long as it needs, but for what operator and model say."""

import asyncio
import json
import math
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from kd_engines.deployment import served_model
from kd_engines.deployment.limits import Limits, time_limit
from kd_engines.deployment.served_model import ServedModel
from kd_engines.deployment.wire import Spec
from kd_engines.deployment.worker_group import WorkerGroup
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


def ask(
    engine: RunningDeployment, label: str, args: Any, timeout: float, query: str = ""
) -> requests.Response:
    body = {"use_scoring": True, "scoring_args": args}
    return engine.call("POST", f"/{label}/predict{query}", json=body, timeout=timeout)


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


@pytest.mark.parametrize("path", ["", "?x=1"])  # the second one is for ASGI
def test_who_has_gone_holds_up_no_stop(
    start_deployment: Callable[..., RunningDeployment], tmp_path: Path, path: str
) -> None:
    engine = start_deployment()
    label = engine.serve("given-up", "1", SLEEPS)
    with pytest.raises(requests.ReadTimeout):
        ask(engine, label, {"s": 600, "pid": str(tmp_path / "pid")}, 1, path)
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("source", [SLEEPS, SLEEPS_2020], ids=["function", "2020"])
def test_what_nobody_waits_for_does_not_keep_others_waiting(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        monkeypatch.setattr(served_model, "PING_S", 0.5)
        served = await loaded(source, tmp_path)
        gone = [served.ask(args(300, tmp_path)) for _ in range(os.cpu_count() or 1)]
        for pending in gone:
            pending.leave()
        waits = asyncio.create_task(served.predict(args(0, tmp_path)))
        await asyncio.sleep(1)
        assert not waits.done()
        await served.ping()
        answer = await asyncio.wait_for(waits, 20)
        assert (answer.failure, answer.result) == (None, b'"done"')
        await served.end()

    asyncio.run(main())


def args(seconds: float, folder: Path) -> bytes:
    return json.dumps({"s": seconds, "pid": str(folder / "pid")}).encode()


async def loaded(source: str, folder: Path) -> ServedModel:
    """Return a model that runs, of an engine that is this process."""
    script = folder / "score.py"
    script.write_text(source)
    (folder / "model").write_text("none")

    async def unchanged() -> None:
        return

    spec = Spec(str(script), script.read_bytes(), str(folder / "model"), str(folder), math.inf)
    group = WorkerGroup(folder / "configmeta.json")
    served = ServedModel("given-up/1", spec, group, 100, unchanged)
    await served.parse()
    await served.load(30)
    return served


def test_a_version_is_let_in_that_takes_longer_than_the_one_before(
    start_deployment: Callable[..., RunningDeployment], tmp_path: Path
) -> None:
    engine = start_deployment(KD_LOAD_TIMEOUT_S="2")
    quick = {"s": 0, "pid": str(tmp_path / "pid")}
    label = engine.serve("slower", "1", SLEEPS)
    assert engine.predict(label, quick) == "done"
    label = engine.serve("slower", "2", SLEEPS.replace('args["s"]', 'args["s"] or 600'))
    # What it was asked to warm up is not in the way of its first client.
    assert engine.predict(label, {**quick, "s": 0.01}) == "done"


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
