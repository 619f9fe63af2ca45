from pathlib import Path

import pytest

from kd_pipeline.model_formats import UnknownFormat, known
from tests.kd_engines.deployment.formats import trained


def test_a_format_is_found_from_its_file(tmp_path: Path) -> None:
    trained.write(tmp_path)
    found = {path.name: known(path).format for path in tmp_path.iterdir()}
    assert found == {
        "trees.ubj": "xgboost",
        "trees.json": "xgboost",
        "trees.txt": "lightgbm",
        "linear.joblib": "sklearn",
        "forest.pkl": "sklearn",
        "histogram.joblib": "sklearn",
        "texts.joblib": "sklearn",
        "linear.skops": "skops",
        "gbm.skops": "skops",
        "logistic.onnx": "onnx",
        "registered": "xgboost",
    }
    one = known(tmp_path / "registered")
    assert (one.path.name, one.names, one.has_code) == ("model.ubj", tuple(trained.NAMES), False)
    assert known(tmp_path / "forest.pkl").has_code
    for name, format_ in (("trees.ubj", "xgboost"), ("trees.json", "xgboost")):
        (tmp_path / name).rename(tmp_path / "7")  # as a version is named
        assert known(tmp_path / "7").format == format_
    assert known(tmp_path / "linear.joblib", " ONNX ").format == "onnx"  # what is named counts


@pytest.mark.parametrize(
    ("mlmodel", "why"),
    [
        ("flavors: {spark: {}}", "has the flavors spark"),
        ("flavors: {onnx: {data: ../../etc/passwd}}", "outside of its folder"),
        ("flavors: [", "not as MLflow writes it"),
        ("flavors: 3", "not as MLflow writes it"),
        ("just text", "not as MLflow writes it"),
        ("a: 1", "not as MLflow writes it"),
        ("{flavors: {onnx: {data: m}}, signature: {inputs: '{'}}", "not as MLflow writes it"),
    ],
)
def test_a_folder_of_mlflow_that_is_none(tmp_path: Path, mlmodel: str, why: str) -> None:
    (tmp_path / "MLmodel").write_text(mlmodel)
    with pytest.raises(UnknownFormat, match=why):
        known(tmp_path)


def test_what_is_not_known_is_told(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    with pytest.raises(UnknownFormat, match=r"'model.bin' has no scoring script .* name one of"):
        known(tmp_path / "model.bin")
    with pytest.raises(UnknownFormat, match="The key 'format' is 'tensorflow'; known are xgboost"):
        known(tmp_path / "model.bin", "tensorflow")
    with pytest.raises(UnknownFormat, match="no scoring script"):
        known(tmp_path)
    with pytest.raises(UnknownFormat, match="no MLmodel"):
        known(tmp_path, "mlflow")


def test_a_folder_may_hold_one_model(tmp_path: Path) -> None:
    (tmp_path / "input_example.json").write_text('{"learner": 1}')
    (tmp_path / "notes.md").write_text("trained on Monday")
    (tmp_path / "model.onnx").write_bytes(b"...")
    assert known(tmp_path).path == tmp_path / "model.onnx"
    (tmp_path / "second.joblib").write_bytes(b"...")
    with pytest.raises(UnknownFormat, match="no scoring script"):
        known(tmp_path)
