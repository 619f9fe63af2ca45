"""What is compiled predicts what the original does; what does not is not used."""

import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import xgboost

from kd_engines.deployment.formats import compiled as compiling
from kd_engines.deployment.formats.compiled import NotEqual, compile_checked
from kd_engines.deployment.formats.onnx_model import OnnxModel
from kd_engines.deployment.formats.originals import load
from kd_engines.deployment.worker.model_format import ModelFormat
from kd_pipeline.model_formats import Known, known
from tests.kd_engines.deployment.formats import trained


def both(one: Known) -> tuple[Any, OnnxModel]:
    original = load(one, ())
    found = compile_checked(one.format, original, [trained.ROW])
    assert 0 <= found.difference <= compiling.TOLERANCE
    assert found.rows > compiling.ROWS
    return original, OnnxModel(found.content, original.columns, [found.take])


def saved(path: Path, model: Any) -> Known:
    model.save_model(path)
    return known(path)


def check(original: Any, model: OnnxModel) -> None:
    rows = [*trained.ROWS.tolist(), trained.ROW]
    wanted, found = original.values(rows), model.values(rows)
    assert {type(one) for one in found} == {type(one) for one in wanted}
    if isinstance(wanted[0], float | list):
        np.testing.assert_allclose(found, wanted, rtol=1e-4)
    else:
        assert found == wanted


@pytest.mark.parametrize(
    "objective",
    ["reg:squarederror", "binary:logistic", "multi:softprob", "multi:softmax", "count:poisson"],
)
def test_xgboost(tmp_path: Path, objective: str) -> None:
    more = {"num_class": 3} if objective.startswith("multi") else {}
    check(*both(saved(tmp_path / "m.ubj", trained.booster(objective, **more))))


@pytest.mark.parametrize("objective", ["regression", "binary", "multiclass"])
def test_lightgbm(tmp_path: Path, objective: str) -> None:
    check(*both(saved(tmp_path / "m.txt", trained.gbm(objective))))


@pytest.mark.parametrize("make", [trained.linear, trained.forest])
def test_scikit_learn(tmp_path: Path, make: Any) -> None:
    joblib.dump(make(), tmp_path / "m.joblib")
    check(*both(known(tmp_path / "m.joblib")))


def test_a_forest_s_missing_values_are_left_to_the_original(tmp_path: Path) -> None:
    """Its conversion sends missing values another way than it does."""
    joblib.dump(trained.forest(), tmp_path / "m.joblib")
    model = ModelFormat(known(tmp_path / "m.joblib"), b"", 60)
    assert "rows with null are predicted by the original" in model.loaded.remark
    rows = [{**trained.ROW, "miles": None}, *[{**trained.ROW, "miles": m} for m in range(0, 24)]]
    table = pd.DataFrame(rows, dtype=float)
    assert model._batch(rows) == trained.forest().predict(table).tolist()
    assert model._batch(rows[1:]) == trained.forest().predict(table[1:]).tolist()


@pytest.mark.parametrize("kind", [xgboost.XGBRegressor, xgboost.XGBClassifier])
def test_a_pickled_booster(tmp_path: Path, kind: Any) -> None:
    target = trained.IS_LONG if kind is xgboost.XGBClassifier else trained.MINUTES
    joblib.dump(kind(n_estimators=6).fit(trained.TABLE, target), tmp_path / "m.joblib")
    check(*both(known(tmp_path / "m.joblib")))


def test_trees_after_the_best_do_not_count(tmp_path: Path) -> None:
    model = xgboost.XGBRegressor(n_estimators=50, early_stopping_rounds=2, learning_rate=1.0)
    noise = np.random.default_rng(2).normal(size=len(trained.MINUTES)) * 20
    split = 300
    model.fit(
        trained.ROWS[:split],
        (trained.MINUTES + noise)[:split],
        eval_set=[(trained.ROWS[split:], trained.MINUTES[split:])],
        verbose=False,
    )
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    original, compiled = both(saved(tmp_path / "m.ubj", model))
    check(original, compiled)
    found = compiled.values(trained.ROWS.tolist())
    np.testing.assert_allclose(found, model.predict(trained.ROWS), rtol=1e-4)


@pytest.mark.parametrize(
    ("objective", "more", "why"),
    [
        ("binary:logitraw", {}, "compiled, it differs from the original by"),
        ("reg:squarederror", {"booster": "gblinear"}, "it cannot be converted to ONNX (KeyError"),
    ],
)
def test_what_cannot_be_compiled_is_told(
    tmp_path: Path, objective: str, more: dict[str, Any], why: str
) -> None:
    one = saved(tmp_path / "m.ubj", trained.booster(objective, **more))
    with pytest.raises(NotEqual) as caught:
        compile_checked(one.format, load(one, ()), [])
    assert why in str(caught.value)


@pytest.mark.parametrize("missing", ["onnxruntime", "onnxmltools", "onnx"])
def test_without_the_extra_the_original_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    one = saved(tmp_path / "m.ubj", trained.booster())
    for name in [n for n in sys.modules if n.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    model = ModelFormat(one, b"", 60)
    assert f"not compiled: {missing} is not installed: see the extra 'formats'" in (
        model.loaded.remark
    )
    assert model._batch([trained.ROW]) == load(one, ()).values([trained.ROW])


def test_a_wrong_conversion_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One threshold of one tree is another one: that alone must be seen."""
    onnx = pytest.importorskip("onnx")
    convert = compiling._convert

    def slightly_wrong(format_name: str, original: Any) -> bytes:
        model = onnx.load_from_string(convert(format_name, original))
        for attribute in model.graph.node[0].attribute:
            if attribute.name == "nodes_values":
                attribute.floats[0] *= 1.05
        return bytes(model.SerializeToString())

    one = saved(tmp_path / "m.ubj", trained.booster())
    compile_checked(one.format, load(one, ()), [])
    monkeypatch.setattr(compiling, "_convert", slightly_wrong)
    with pytest.raises(NotEqual, match="differs from the original"):
        compile_checked(one.format, load(one, ()), [])
