"""A worker that is dead or stuck is noticed and replaced; nothing that it started outlives it."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from kd_engines.deployment.served_model import ServedModel
from kd_engines.deployment.wire import Spec
from kd_engines.deployment.worker_group import WorkerGroup
from kd_pipeline.errors import PredictTimeout
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually

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


def is_gone(pids: list[int]) -> bool:
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            continue
    return True


@pytest.mark.parametrize("end", ["worker", "model", "engine", "killed engine"])
def test_what_load_started_ends_with(
    start_deployment: Callable[..., RunningDeployment], end: str
) -> None:
    engine = start_deployment()
    label = engine.serve("starts", "1", STARTS)
    pids = engine.predict(label, {})
    assert not is_gone(pids[:1])
    if end == "worker":
        os.kill(engine.state(label)["pid"], signal.SIGKILL)
    elif end == "model":
        engine.disconnect(label)
    elif end == "engine":
        engine.stop()
    else:
        engine.stop(signal.SIGKILL)
        engine.start()
    eventually(lambda: is_gone(pids), 5)
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
    assert told["reason"] == "Its process ended with signal SIGKILL; it is started again."
    assert engine.wait(label)["reason"] is None


def served(tmp_path: Path, source: str, timeout_s: float) -> ServedModel:
    script = tmp_path / "score.py"
    script.write_text(source)
    spec = Spec(str(script), source.encode(), str(script), str(tmp_path), timeout_s)

    async def renew() -> Spec:
        return spec

    return ServedModel("m/1", spec, WorkerGroup(tmp_path), 10, renew)


@pytest.mark.parametrize("source", ["def predict(model, args): return 1", "print(1)"])
def test_an_idle_worker_that_is_stuck_is_noticed(tmp_path: Path, source: str) -> None:
    async def run() -> None:
        model = served(tmp_path, source, 0.5)
        await model.parse()
        await model.load(20)
        await model.ping()
        assert model.restarts == 0
        pid = model.worker_pid
        os.kill(pid, signal.SIGSTOP)
        await model.ping()
        async with asyncio.timeout(5):
            while model.pid in (pid, None):  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.02)
        assert (await model.predict(b"{}")).result == b"1"
        await model.end()

    asyncio.run(run())


def test_nobody_waits_for_a_pause_before_a_restart(tmp_path: Path) -> None:
    """Deaths without a request are spaced; a request ends the pause."""

    async def run() -> None:
        model = served(tmp_path, "def predict(model, args): return 1", 20)
        await model.parse()
        await model.load(20)
        for _ in range(6):
            os.kill(model.worker_pid, signal.SIGKILL)
            await asyncio.sleep(0.3)
            began = time.monotonic()
            assert (await model.predict(b"{}")).result == b"1"
            assert time.monotonic() - began < 2
        await model.end()

    asyncio.run(run())


HOLDS = """
import os, time
def predict(model, args):
    time.sleep(args.get("s", 0))
    if args.get("die"):
        os._exit(9)
    return os.getpid()
"""


def test_suspects_are_held_apart(tmp_path: Path) -> None:
    """None of those that were with a dead worker dies with another one that kills it."""

    async def run() -> None:
        model = served(tmp_path, HOLDS, 20)
        await model.parse()
        await model.load(20)
        asked = [b'{"s": 0.3}', b'{"die": 1}', b'{"die": 2}', b'{"die": 3}', b'{"die": 4}', b"{}"]
        began = time.monotonic()
        good_after = []

        async def good() -> None:
            await model.predict(b'{"s": 0.01}')
            good_after.append(time.monotonic())

        answers = asyncio.gather(*map(model.predict, asked), return_exceptions=True)
        last = asyncio.create_task(good())
        await asyncio.sleep(0.1)
        late = asyncio.create_task(model.predict(b'{"s": 0}'))
        told = await answers
        assert [isinstance(one, Exception) for one in told] == [False, *[True] * 4, False]
        assert model.restarts == 5  # once together, then each killer once
        assert good_after[-1] - began < 3  # nobody waits for the pauses between restarts
        assert isinstance(await late, type(told[0]))
        await last
        await model.end()

    asyncio.run(run())


def test_what_arrives_goes_in_between_suspects(tmp_path: Path) -> None:
    async def run() -> None:
        model = served(tmp_path, HOLDS, 20)
        await model.parse()
        await model.load(20)
        slow = [asyncio.create_task(model.predict(b'{"s": 0.5}')) for _ in range(6)]
        killer = asyncio.create_task(model.predict(b'{"die": 1}'))
        await asyncio.sleep(0.1)
        os.kill(model.worker_pid, signal.SIGKILL)
        await asyncio.sleep(0.4)  # a suspect is alone with the next worker now
        began = time.monotonic()
        await model.predict(b"{}")
        assert time.monotonic() - began < 1.5  # and not after all six
        assert not all(task.done() for task in slow)
        await asyncio.gather(*slow, killer, return_exceptions=True)
        await model.end()

    asyncio.run(run())


def test_a_timed_out_request_fails_alone(tmp_path: Path) -> None:
    async def run() -> None:
        model = served(tmp_path, HOLDS, 1.5)
        await model.parse()
        await model.load(20)
        stuck = asyncio.create_task(model.predict(b'{"s": 60}'))
        await asyncio.sleep(0.8)
        behind = asyncio.create_task(model.predict(b"{}"))
        with pytest.raises(PredictTimeout):
            await stuck
        assert (await behind).failure is None
        await model.end()

    asyncio.run(run())
