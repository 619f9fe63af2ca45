"""What was compiled is there at the next start, unless anything of it has changed."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from kd_engines.deployment import compiled_cache
from kd_engines.deployment.compiled_cache import CompiledCache
from kd_engines.deployment.wire import CompiledModel, Loaded
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually

LOADED = Loaded("xgboost", "compiled", ("a", "b"), 2, CompiledModel(b"onnx", True, True, [], 5.0))
SUM = "5e" * 32


def test_an_entry_comes_back_and_another_sum_has_none(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache")
    assert cache.get(SUM) is None
    cache.put(SUM, LOADED)
    assert CompiledCache(tmp_path / "cache").get(SUM) == LOADED
    assert cache.get("00" * 32) is None
    [entry] = (tmp_path / "cache").iterdir()
    assert entry.stat().st_mode & 0o077 == 0


def test_another_version_of_what_compiles_finds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CompiledCache(tmp_path).put(SUM, LOADED)
    real = compiled_cache.metadata.version
    monkeypatch.setattr(
        compiled_cache.metadata,
        "version",
        lambda name: "0.0.1" if name == "onnxruntime" else real(name),
    )
    assert CompiledCache(tmp_path).get(SUM) is None


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-1], lambda c: b"", lambda c: c[:40] + b"x" + c[41:]]
)
def test_a_damaged_entry_is_none_and_goes(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache = CompiledCache(tmp_path)
    cache.put(SUM, LOADED)
    [entry] = tmp_path.iterdir()
    entry.write_bytes(damage(entry.read_bytes()))
    assert cache.get(SUM) is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    cache = CompiledCache(tmp_path)
    cache.put(SUM, LOADED)
    assert list(tmp_path.iterdir()) == []
    assert cache.get(SUM) is None


def test_a_folder_that_cannot_be_made_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = CompiledCache(tmp_path / "file" / "cache")
    cache.put(SUM, LOADED)
    assert cache.get(SUM) is None


def test_what_has_not_been_used_for_longest_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "MOST_ENTRIES", 3)
    monkeypatch.setattr(compiled_cache, "PRUNE_EVERY", 1)
    cache = CompiledCache(tmp_path)
    for number in range(3):
        cache.put(f"{number}", LOADED)
        [new] = [path for path in tmp_path.iterdir() if path.stat().st_mtime > 10]
        os.utime(new, (number, number))
    assert cache.get("0") == LOADED  # used now
    cache.put("3", LOADED)
    found = [cache.get(f"{number}") is not None for number in range(4)]
    assert found == [True, False, True, True]


def test_what_a_killed_engine_has_left_goes(tmp_path: Path) -> None:
    left = tmp_path / f".x.kdm.{'0' * 12}.tmp"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    CompiledCache(tmp_path)
    assert list(tmp_path.iterdir()) == []


def serve(engine: RunningDeployment, version: str, slope: float) -> str:
    """Connect a model that is an XGBoost file, and return its label once it serves."""
    rows = np.random.default_rng(0).random((200, 2), np.float32)
    booster = xgb.train({"max_depth": 2}, xgb.DMatrix(rows, rows[:, 0] * slope), 5)
    booster.save_model(engine.repository / "models" / "trees.ubj")
    config = ModelConfig("trees", version, "repo://project_repo/models/trees.ubj", "")
    engine.models[f"trees/{version}"] = config.to_manifest()
    engine.write_configmeta()
    engine.wait(f"trees/{version}")
    return f"trees/{version}"


def test_a_restarted_engine_compiles_nothing_that_it_has_compiled(
    start_deployment: Callable[..., RunningDeployment], tmp_path: Path
) -> None:
    engine = start_deployment(KD_COMPILED_CACHE=str(tmp_path / "cache"))
    label = serve(engine, "1", 10)
    before = engine.predict(label, [[0.9, 0.1], [0.1, 0.9]])
    told = engine.state(label)
    engine.stop()
    engine.start()
    eventually(lambda: engine.state(label).get("state") == "Ready")
    assert not engine.workers()
    assert engine.predict(label, [[0.9, 0.1], [0.1, 0.9]]) == before
    after = engine.state(label)
    for key in ("format", "served_by", "sha256", "running_sha256", "kind"):
        assert after[key] == told[key], key
    engine.stop()
    for entry in (tmp_path / "cache").iterdir():  # whole, but nothing that could be loaded
        content = compiled_cache._encode(
            Loaded("xgboost", "", ("a",), 2, CompiledModel(b"no model", True, True, [], 5.0))
        )
        entry.write_bytes(hashlib.sha256(content).digest() + content)
    engine.start()
    eventually(lambda: engine.state(label).get("state") == "Ready")
    assert engine.predict(label, [[0.9, 0.1], [0.1, 0.9]]) == before
    engine.stop()
    # The file is another now: nothing of the old one may answer.
    rows = np.random.default_rng(0).random((200, 2), np.float32)
    booster = xgb.train({"max_depth": 2}, xgb.DMatrix(rows, rows[:, 0] * -50), 5)
    booster.save_model(engine.repository / "models" / "trees.ubj")
    engine.start()
    eventually(lambda: engine.state(label).get("state") == "Ready")
    assert engine.predict(label, [[0.9, 0.1]])[0] < 0 < before[0]
