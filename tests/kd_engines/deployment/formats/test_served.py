"""Models of known formats on a live engine: without a script, or with one that prepares rows."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import psutil
import pytest

from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.formats import trained
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually

FILES = [
    ("trees.ubj", "xgboost", True),
    ("trees.json", "xgboost", True),
    ("trees.txt", "lightgbm", True),
    ("linear.joblib", "sklearn", False),
    ("forest.pkl", "sklearn", False),
    ("linear.skops", "skops", True),
    ("gbm.skops", "skops", True),
    ("logistic.onnx", "onnx", True),
    ("registered", "xgboost", True),
]


@pytest.fixture(scope="module")
def folder(engine: RunningDeployment) -> Path:
    folder = engine.repository / "models" / "formats"
    folder.mkdir()
    trained.write(folder)
    return folder


def connect(engine: RunningDeployment, name: str, file: str, **extra: str) -> str:
    script = extra.pop("script", None)
    scoring = engine.script(f"{name}.py", script) if script else ""
    path = f"repo://project_repo/models/formats/{file}"
    engine.models[f"{name}/1"] = (
        ModelConfig(name, "1", path, scoring).with_extra(**extra).to_manifest()
    )
    engine.write_configmeta()
    return f"{name}/1"


def wanted(file: str, row: dict[str, Any]) -> Any:
    """Return what the model's own library says."""
    values = np.array([list(row.values())])
    found = {
        "trees.ubj": lambda: trained.booster().inplace_predict(values),
        "registered": lambda: trained.booster().inplace_predict(values),
        "trees.json": lambda: trained.booster("binary:logistic").inplace_predict(values),
        "trees.txt": lambda: trained.gbm().predict(values),
        "linear.joblib": lambda: trained.linear().predict(values),
        "linear.skops": lambda: trained.linear().predict(values),
        "gbm.skops": lambda: trained.gbm_estimator().predict(values),
        "forest.pkl": lambda: trained.forest().predict(values),
    }
    return found[file]()[0]


@pytest.mark.parametrize(("file", "format_", "here"), FILES)
def test_a_model_needs_no_script(
    engine: RunningDeployment, folder: Path, file: str, format_: str, here: bool
) -> None:
    label = connect(engine, file.replace(".", "-"), file)
    status = engine.wait(label)
    assert (status["kind"], status["format"]) == ("model", format_)
    assert "ONNX" in status["served_by"]
    # What holds no code and is quick is served by the engine itself.
    assert (status["pid"] == engine.process.pid) is here
    eventually(lambda: len(engine.workers()) == (0 if here else 1))
    found = engine.predict(label, trained.ROW)
    if format_ == "onnx":
        assert list(found) == ["label", "probabilities"]
        assert sum(found["probabilities"]) == pytest.approx(1)
    elif isinstance(found, str):
        assert found == wanted(file, trained.ROW)
    else:
        assert found == pytest.approx(float(wanted(file, trained.ROW)), rel=1e-4)
    if format_ not in ("onnx", "sklearn") and file != "linear.skops":
        backwards = dict(reversed(trained.ROW.items()))
        assert engine.predict(label, backwards) == found  # columns have names
    many = engine.predict(label, [trained.ROW] * 200 + [list(trained.ROW.values())])
    assert many == [found] * 201
    engine.disconnect(label)
    eventually(lambda: engine.state(label) == {})


def test_its_rows_are_looked_at(engine: RunningDeployment, folder: Path) -> None:
    label = connect(engine, "looked-at", "trees.ubj")
    engine.wait(label)
    for args, told in (
        ({"miles": 1}, "'hour', 'weekday', 'passengers' are missing; the columns are 'miles', 'h"),
        ({**trained.ROW, "miles": "far"}, "'miles' is 'far', which is not a number"),
        ([trained.ROW, {"miles": 1}], "row 2 of 2: 'hour', 'weekday'"),
        ([[1, 2]], "the row has 2 values, the model has 4 columns"),
        ([trained.ROW] * 500 + [[1]], "row 501 of 501: the row has 1 values"),
    ):
        assert told in sentence(engine.ask(label, args), 422)
    assert engine.predict(label, {**trained.ROW, "hour": None}) == pytest.approx(
        float(wanted("trees.ubj", {**trained.ROW, "hour": np.nan})), rel=1e-4
    )
    assert engine.predict(label, " ".join(map(str, trained.ROW.values()))) == engine.predict(
        label, trained.ROW
    )
    assert engine.predict(label, []) == []


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("histogram.joblib", "not compiled: it cannot be converted to ONNX"),
        ("texts.joblib", "not compiled: it takes other values than numbers"),
    ],
)
def test_what_cannot_be_compiled_is_served_by_the_original(
    engine: RunningDeployment, folder: Path, file: str, why: str
) -> None:
    label = connect(engine, file.replace(".", "-"), file)
    status = engine.wait(label)
    assert why in status["served_by"]
    assert status["served_by"].endswith("; the original serves")
    row: dict[str, Any] = dict(trained.ROW)
    if file == "texts.joblib":
        row["borough"] = "Queens"
        assert engine.predict(label, row) is bool(
            trained.of_texts().predict(trained.pd.DataFrame([row]))[0]
        )
        assert "'borough' is missing" in sentence(engine.ask(label, trained.ROW), 422)
    else:
        found = trained.histogram().predict(np.array([list(row.values())]))[0]
        assert engine.predict(label, row) == pytest.approx(found)


def test_a_script_may_only_prepare_rows(engine: RunningDeployment, folder: Path) -> None:
    script = """
    import datetime
    def prepare(row):
        begin = datetime.datetime.fromisoformat(row["begin"])
        return {"miles": row["km"] / 1.609344, "hour": begin.hour,
                "weekday": begin.weekday(), "passengers": 1}
    """
    trip = {"km": 2.5 * 1.609344, "begin": "2019-03-01T17:12:00"}
    label = connect(
        engine, "prepared", "trees.ubj", script=script, example='{"km": 1, "begin": "2019-03-01"}'
    )
    status = engine.wait(label)
    assert (status["kind"], status["format"]) == ("model", "xgboost")
    assert "compiled to ONNX" in status["served_by"]
    assert status["pid"] != engine.process.pid  # it holds code
    assert engine.predict(label, trip) == pytest.approx(
        float(wanted("trees.ubj", {**trained.ROW, "weekday": 4})), rel=1e-4
    )
    assert "KeyError: 'begin'" in sentence(engine.ask(label, {"km": 1}), 500)


@pytest.mark.parametrize(
    ("file", "extra", "why"),
    [
        ("weights.bin", {}, "'weights.bin' has no scoring script and is of no known format"),
        ("weights.bin", {"format": "pytorch"}, "The key 'format' is 'pytorch'; known are xgboost"),
        ("weights.bin", {"format": "xgboost"}, "XGBoostError"),
        ("weights.bin", {"format": "onnx"}, "Error parsing message with type 'onnx.ModelProto'"),
        ("weights.bin", {"format": "skops"}, "File is not a zip file"),
        ("trees.ubj", {"example": '{"miles": 1}'}, "The example is not a row for this model"),
        ("object.joblib", {}, "it holds a dict, which has no method predict"),
    ],
)
def test_what_cannot_be_served_says_why(
    engine: RunningDeployment, folder: Path, file: str, extra: dict[str, str], why: str
) -> None:
    (folder / "weights.bin").write_bytes(b"weights")
    joblib.dump({"a": 1}, folder / "object.joblib")
    label = connect(engine, "unserved", file, **extra)
    reason = engine.wait(label, "Failed")["reason"]
    assert why in reason
    assert "Traceback" not in reason


def test_a_new_version_takes_over_and_the_process_ends(
    engine: RunningDeployment, folder: Path
) -> None:
    """From a script to no script and back, each in place of the other."""
    label = connect(engine, "turns", "trees.ubj", script="def predict(model, args): return 1")
    worker = engine.wait(label)["pid"]
    assert engine.predict(label, trained.ROW) == 1
    connect(engine, "turns", "trees.ubj")
    assert engine.wait(label)["pid"] == engine.process.pid
    assert engine.predict(label, trained.ROW) != 1
    eventually(lambda: not psutil.pid_exists(worker))
    shutil.copy(folder / "trees.json", folder / "trees2.json")
    connect(engine, "turns", "trees2.json")
    engine.wait(label)
    assert 0 <= engine.predict(label, trained.ROW) <= 1


def test_an_engine_without_models_of_formats_imports_no_library(
    engine: RunningDeployment,
) -> None:
    """So that engines for scripts need neither numpy nor onnxruntime."""
    code = "import kd_engines.deployment.app, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"numpy", "onnxruntime", "onnx"}.isdisjoint(done.stdout.split())
