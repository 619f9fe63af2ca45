"""Many models at once are compiled by forks of one process, each as it would be by its own."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from kd_engines.deployment import compilers
from kd_engines.deployment.turns import Turns
from kd_engines.deployment.wire import Spec
from kd_engines.deployment.worker_group import WorkerGroup
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually

MANY = 24


def trees(path: Path, slope: float) -> Path:
    """Write a model that predicts about ``slope`` times its first column."""
    rows = np.random.default_rng(0).random((200, 2), np.float32)
    xgb.train({"max_depth": 3}, xgb.DMatrix(rows, rows[:, 0] * slope), 20).save_model(path)
    return path


def test_many_models_are_compiled_by_few_processes(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment()
    for number in range(MANY):
        name = f"m{number}"
        trees(engine.repository / "models" / f"{name}.ubj", number)
        path = f"repo://project_repo/models/{name}.ubj"
        config = ModelConfig(name, "1", path, "").with_extra(example=json.dumps([[0.5, 0.5]]))
        engine.models[f"{name}/1"] = config.to_manifest()
    (engine.repository / "models" / "broken.ubj").write_bytes(b"{L\x00\x00")
    broken = ModelConfig("broken", "1", "repo://project_repo/models/broken.ubj", "")
    engine.models["broken/1"] = broken.to_manifest()
    wrong = ModelConfig("wrong", "1", "repo://project_repo/models/m3.ubj", "")
    engine.models["wrong/1"] = wrong.with_extra(example="[[1, 2, 3]]").to_manifest()
    engine.write_configmeta()

    seen: set[int] = set()

    def settled() -> bool:
        own = engine.process.pid
        seen.update(process.pid for process in engine.workers() if process.ppid() == own)
        states = [model["state"] for model in engine.get("/models")["models"]]
        return states.count("Ready") == MANY and states.count("Failed") == 2

    eventually(settled, 120)
    assert len(seen) < MANY / 2
    for number in range(MANY):
        [found] = engine.predict(f"m{number}/1", [[0.5, 0.5]])
        assert found == pytest.approx(number / 2, abs=0.05 * number + 0.01)
    assert "xgboost" in engine.state("broken/1")["reason"].lower()
    assert "3" in engine.state("wrong/1")["reason"]
    eventually(lambda: not engine.workers(), 30)


def test_few_are_left_to_their_own_workers_and_a_process_that_died_is_started_again(
    tmp_path: Path,
) -> None:
    spec = Spec("", b"", str(trees(tmp_path / "m.ubj", 2)), str(tmp_path), 10.0)

    async def run() -> None:
        found = compilers.Compilers(WorkerGroup(tmp_path), str(tmp_path))
        async with found.place():
            assert await found.compiled("xgboost", spec, Turns(), 30) is None
            async with found.place(), found.place():
                for _ in range(2):
                    loaded = await found.compiled("xgboost", spec, Turns(), 30)
                    assert loaded
                    assert loaded.compiled
                    [process] = [task.result() for task in found._processes.values()]
                    process.kill()
                    while not process.gone:  # noqa: ASYNC110 - there is no event for it
                        await asyncio.sleep(0.02)
        await found.close()

    asyncio.run(run())


def test_an_end_does_not_wait_for_what_is_still_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    (slow / "xgboost.py").write_text("import time\ntime.sleep(30)\n")
    monkeypatch.setenv("PYTHONPATH", str(slow))
    spec = Spec("", b"", str(tmp_path / "m.ubj"), str(tmp_path), 10.0)

    async def run() -> None:
        found = compilers.Compilers(WorkerGroup(tmp_path), str(tmp_path))
        async with found.place(), found.place(), found.place():
            asking = asyncio.create_task(found.compiled("xgboost", spec, Turns(), 30))
            await asyncio.sleep(1)
            began = time.monotonic()
            await found.close()
            assert time.monotonic() - began < 5
            asking.cancel()

    asyncio.run(run())


def test_who_loads_for_long_holds_up_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilers, "MOST_BEGUN", 1)
    monkeypatch.setattr(compilers, "PLACE_S", 0.1)

    async def run() -> None:
        found = compilers.Compilers(WorkerGroup(tmp_path), str(tmp_path))
        async with found.place() as has_turn:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3), found.place():
                    pass
            has_turn()
            async with asyncio.timeout(3), found.place():
                pass
        async with asyncio.timeout(3), found.place():  # it was given back once
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3), found.place():
                    pass

    asyncio.run(run())


def test_what_a_fork_cannot_compile_is_left_to_a_worker_which_says_why(tmp_path: Path) -> None:
    async def run() -> None:
        found = compilers.Compilers(WorkerGroup(tmp_path), str(tmp_path))
        spec = Spec("", b"", str(tmp_path / "none.ubj"), str(tmp_path), 10.0)
        async with found.place(), found.place(), found.place():
            assert await found.compiled("xgboost", spec, Turns(), 30) is None
        await found.close()

    asyncio.run(run())
