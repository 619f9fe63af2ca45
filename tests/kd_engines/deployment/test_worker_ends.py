"""A worker that is dead or stuck is noticed and replaced; nothing that it started outlives it."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kd_pipeline.errors import LoadFailed, ModelNotReady, PredictTimeout, ScoringFailed
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.deployment.served_here import served
from tests.kd_engines.running_server import eventually, runs

# One child in the worker's group, a daemon of its own session, a fork that never calls exec.
STARTS = """
import os, subprocess, sys, time
def load(path):
    plain = subprocess.Popen(["sleep", "300"])
    daemon = subprocess.Popen(["sleep", "300"], start_new_session=True, close_fds=False)
    fork = os.fork()
    if fork == 0:
        os.setsid()
        time.sleep(300)
        os._exit(0)
    return [plain.pid, daemon.pid, fork]
def predict(model, args):
    return model
"""


@pytest.mark.parametrize("end", ["worker", "model", "engine", "killed engine"])
def test_what_load_started_ends_with(
    start_deployment: Callable[..., RunningDeployment], end: str
) -> None:
    engine = start_deployment()
    label = engine.serve("starts", "1", STARTS)
    pids = engine.predict(label, {})
    assert runs(pids[0])
    if end == "worker":
        os.kill(engine.state(label)["pid"], signal.SIGKILL)
    elif end == "model":
        engine.disconnect(label)
    elif end == "engine":
        engine.stop()
    else:
        engine.stop(signal.SIGKILL)
        engine.start()
    eventually(lambda: not any(map(runs, pids)), 5)
    if end in ("worker", "killed engine"):
        assert set(engine.predict(label, {})).isdisjoint(pids)


@pytest.mark.parametrize("kind", ["function", "script"])
def test_a_request_has_one_deadline_whatever_its_worker_does(
    engine: RunningDeployment, kind: str
) -> None:
    source = "def predict(model, args): return 1" if kind == "function" else "print(1)"
    label = engine.serve(f"stopped-{kind}", "1", source, **{"timeout-s": "1.5"})
    pid = engine.state(label)["pid"]
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: engine.ask(label, {}), range(4)))
    for answer in answers:
        assert "gave no answer within 1.5 s" in sentence(answer, 504)
        assert answer.elapsed.total_seconds() < 3
    eventually(lambda: engine.state(label)["pid"] not in (pid, None), 3)
    assert engine.predict(label, {}) == 1


def test_a_late_answer_before_it_does_not_hide_a_stuck_worker(engine: RunningDeployment) -> None:
    source = "import time\ndef predict(model, args):\n    time.sleep(args['s'])\n    return 1"
    label = engine.serve("stuck-later", "1", source, **{"timeout-s": "1.5"})
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(engine.ask, label, {"s": 0.6})
        time.sleep(0.2)
        stuck = pool.submit(engine.ask, label, {"s": 300})
        assert first.result().status_code == 200
        assert stuck.result().status_code == 504
    time.sleep(1)
    began = time.monotonic()
    assert engine.predict(label, {"s": 0}) == 1
    assert time.monotonic() - began < 1


def test_its_state_says_when_it_does_not_answer(engine: RunningDeployment) -> None:
    source = "import time\ntime.sleep(1.5)\ndef predict(model, args):\n    return 1"
    label = engine.serve("comes-back", "1", source)
    os.kill(engine.state(label)["pid"], signal.SIGKILL)
    told = eventually(lambda: (s := engine.state(label))["state"] == "Loading" and s)
    assert told["reason"].startswith("Its process ")  # how it ended is known a moment later
    known = "Its process ended with signal SIGKILL; it is started again."
    eventually(lambda: engine.state(label)["reason"] == known)
    assert engine.wait(label)["reason"] is None


@pytest.mark.parametrize("source", ["def predict(model, args): return 1", "print(1)"])
def test_an_idle_worker_that_is_stuck_is_noticed(tmp_path: Path, source: str) -> None:
    async def run() -> None:
        async with served(tmp_path, source, 0.5) as model:
            await model.ping()
            assert model.restarts == 0
            pid = model.worker_pid
            os.kill(pid, signal.SIGSTOP)
            await model.ping()
            async with asyncio.timeout(5):
                while model.pid in (pid, None):  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.02)
            assert (await model.predict(b"{}")).result == b"1"

    asyncio.run(run())


def test_nobody_waits_for_a_pause_before_a_restart(tmp_path: Path) -> None:
    """Deaths without a request are spaced; a request ends the pause."""

    async def run() -> None:
        async with served(tmp_path, "def predict(model, args): return 1", 20) as model:
            for _ in range(6):
                os.kill(model.worker_pid, signal.SIGKILL)
                await asyncio.sleep(0.3)
                began = time.monotonic()
                assert (await model.predict(b"{}")).result == b"1"
                assert time.monotonic() - began < 2

    asyncio.run(run())


HOLDS = """
import time
def predict(model, args):
    time.sleep(args.get("s", 0))
    return 1
"""


def test_a_worker_that_closes_its_connection_and_goes_on_is_replaced(tmp_path: Path) -> None:
    source = (
        "import os, time\ndef predict(model, args):\n    if args:\n"
        "        os.closerange(3, 65536)\n        time.sleep(300)\n    return 1"
    )

    async def run() -> None:
        async with served(tmp_path, source, 5) as model:
            with pytest.raises(ScoringFailed, match="failed on this request twice"):
                await model.predict(b'{"a": 1}')
            assert (await model.predict(b"{}")).result == b"1"

    asyncio.run(run())


@pytest.mark.parametrize("trouble", [RuntimeError("no thread"), LoadFailed("it is another file")])
def test_one_that_cannot_be_started_again_says_so_and_costs_nothing(
    tmp_path: Path, trouble: Exception
) -> None:
    well = False

    async def check() -> None:
        if not well:
            raise trouble

    async def run() -> None:
        nonlocal well
        async with served(tmp_path, HOLDS, 0.5, check=check) as model:
            asked = asyncio.create_task(model.predict(b'{"s": 60}'))
            await asyncio.sleep(0.1)
            os.kill(model.worker_pid, signal.SIGKILL)
            with pytest.raises(ModelNotReady, match=str(trouble)):
                await asked
            began = time.process_time()
            await asyncio.sleep(1)
            assert time.process_time() - began < 0.3
            well = True
            async with asyncio.timeout(10):
                while model.failure:  # noqa: ASYNC110 - there is no event for it
                    await asyncio.sleep(0.05)
            assert (await model.predict(b"{}")).failure is None

    asyncio.run(run())


def test_a_deadline_without_a_worker_costs_nothing(tmp_path: Path) -> None:
    slow = "import os, time\nif os.path.exists('dead'):\n    time.sleep(2)\n" + HOLDS

    async def run() -> None:
        async with served(tmp_path, slow, 0.4) as model:
            (tmp_path / "dead").touch()
            os.kill(model.worker_pid, signal.SIGKILL)
            await asyncio.sleep(0.1)
            with pytest.raises(PredictTimeout):
                await model.predict(b"{}")
            began = time.process_time()
            await asyncio.sleep(1)
            assert time.process_time() - began < 0.3

    asyncio.run(run())
