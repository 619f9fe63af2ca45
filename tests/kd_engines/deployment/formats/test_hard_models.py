"""Models on which a compiled one easily differs from the original, or a row is easily misread."""

import sys
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import onnx
import pandas as pd
import pytest
import xgboost
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from kd_engines.deployment.formats.originals import CannotServe
from kd_engines.deployment.wire import Ask
from kd_engines.deployment.worker.model_format import ModelFormat
from kd_pipeline.model_formats import known

RNG = np.random.default_rng(3)


def served(path: Path, example: bytes = b"") -> ModelFormat:
    return ModelFormat(known(path), example, 60)


def dumped(folder: Path, model: Any) -> ModelFormat:
    joblib.dump(model, folder / "m.joblib")
    return served(folder / "m.joblib")


def answers(model: ModelFormat, rows: list[Any]) -> list[Any]:
    return model._batch(rows)


def test_times_that_32_bits_do_not_tell_apart(tmp_path: Path) -> None:
    times = RNG.uniform(1.7e9, 1.7e9 + 2e5, 3000)[:, None]
    hours = times[:, 0] // 3600 % 24
    data = lightgbm.Dataset(times, hours)
    lightgbm.train({"verbose": -1, "num_leaves": 200}, data, 60).save_model(tmp_path / "m.txt")
    model = served(tmp_path / "m.txt")
    original = lightgbm.Booster(model_file=tmp_path / "m.txt").predict(times)
    np.testing.assert_allclose(answers(model, times.tolist()), original, atol=1e-3)


@pytest.mark.parametrize(
    "encoder", [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder(), StandardScaler()]
)
@pytest.mark.parametrize("last", [LinearRegression(), RandomForestRegressor(5, random_state=0)])
def test_numbers_beyond_32_bits(tmp_path: Path, encoder: Any, last: Any) -> None:
    ids = RNG.choice(np.arange(20_000_000, 20_000_060), size=(800, 2))
    target = ids.sum(axis=1) % 7
    fitted = make_pipeline(encoder, last).fit(ids, target)
    found = answers(dumped(tmp_path, fitted), ids.tolist())
    np.testing.assert_allclose(found, fitted.predict(ids), atol=1e-3)


def test_a_value_that_stands_for_missing(tmp_path: Path) -> None:
    rows = RNG.uniform(0, 9, size=(500, 2))
    rows[::3, 0] = -999
    fitted = xgboost.XGBRegressor(n_estimators=5, missing=-999.0).fit(rows, rows.sum(axis=1))
    model = dumped(tmp_path, fitted)
    assert "not compiled: -999.0 is a missing value for it" in model.loaded.remark
    np.testing.assert_allclose(answers(model, rows.tolist()), fitted.predict(rows), rtol=1e-5)


def test_names_in_another_order_than_their_numbers(tmp_path: Path) -> None:
    rows = RNG.normal(size=(500, 2))
    matrix = xgboost.DMatrix(rows, rows[:, 0] - rows[:, 1], feature_names=["f2", "f1"])
    xgboost.train({}, matrix, 20).save_model(tmp_path / "m.ubj")
    model = served(tmp_path / "m.ubj")
    one, two = answers(model, [{"f2": 1, "f1": -1}, {"f1": -1, "f2": 1}])
    assert one == two > 0


def test_names_that_a_library_made_up(tmp_path: Path) -> None:
    rows = RNG.normal(size=(500, 2))
    lightgbm.train(
        {"verbose": -1}, lightgbm.Dataset(rows, rows[:, 0] - 3 * rows[:, 1]), 20
    ).save_model(tmp_path / "m.txt")
    model = served(tmp_path / "m.txt")
    one = answers(model, [{"a": 1, "b": -1}, [1, -1], {"Column_1": -1, "Column_0": 1}])
    assert len(set(one)) == 1


def test_names_with_spaces(tmp_path: Path) -> None:
    table = pd.DataFrame(RNG.normal(size=(500, 2)), columns=["trip miles", "hour"])
    data = lightgbm.Dataset(table, table["hour"])
    lightgbm.train({"verbose": -1}, data, 5).save_model(tmp_path / "m.txt")
    model = served(tmp_path / "m.txt")
    one, two = answers(model, [{"hour": 1, "trip miles": 2}, {"trip_miles": 2, "hour": 1}])
    assert one == two


def texts_of_whole_numbers(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(str)


def test_a_pipeline_that_tells_whole_numbers_from_others(tmp_path: Path) -> None:
    table = pd.DataFrame({"zip": RNG.choice([10001, 10002, 11201], 300)})
    target = table["zip"] % 7
    encoder = OneHotEncoder(handle_unknown="ignore")
    fitted = make_pipeline(FunctionTransformer(texts_of_whole_numbers), encoder, Ridge(0.01))
    sys.modules["__main__"].texts_of_whole_numbers = texts_of_whole_numbers  # type: ignore[attr-defined]
    model = dumped(tmp_path, fitted.fit(table, target))
    assert "not compiled" in model.loaded.remark
    rows = [{"zip": 10001}, {"zip": 11201}]
    np.testing.assert_allclose(answers(model, rows), fitted.predict(pd.DataFrame(rows)))

    class Sent:
        def __init__(self) -> None:
            self.frames = b""

        def sendall(self, data: bytes) -> None:
            self.frames += data

    # Another client's null makes other numbers of the whole column, so it is no part of the batch.
    alone, together = Sent(), Sent()
    first = Ask(1, b'{"zip": 10001}')
    model._answer_all([first], alone)  # type: ignore[arg-type]
    model._answer_all([first, Ask(2, b'{"zip": null}')], together)  # type: ignore[arg-type]
    assert alone.frames in together.frames


def test_a_text_that_is_missing(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": RNG.normal(size=60), "b": ["x", "y", np.nan] * 20})
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
    columns = make_column_transformer((texts, ["b"]), remainder="passthrough")
    fitted = make_pipeline(columns, LinearRegression()).fit(table, table["a"])
    model = dumped(tmp_path, fitted)
    assert answers(model, [{"a": 1, "b": None}]) == pytest.approx([1.0])


def test_an_encoder_that_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    rows = RNG.choice([100, 200], size=(60, 2))
    fitted = make_pipeline(OneHotEncoder(), LinearRegression()).fit(rows, rows.sum(axis=1))
    found = answers(dumped(tmp_path, fitted), rows.tolist())
    np.testing.assert_allclose(found, fitted.predict(rows))


# ONNX models as anybody may write them.


def onnx_file(
    path: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], initial: Any = ()
) -> Path:
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initial))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path


def value(name: str, kind: int, shape: list[Any]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def test_columns_of_whole_numbers_are_exact(tmp_path: Path) -> None:
    columns = [value("a", TensorProto.INT64, ["n", 1]), value("b", TensorProto.DOUBLE, ["n", 1])]
    outputs = [value("c", TensorProto.INT64, ["n", 1]), value("d", TensorProto.DOUBLE, ["n", 1])]
    nodes = [helper.make_node("Identity", [i], [o]) for i, o in (("a", "c"), ("b", "d"))]
    model = served(onnx_file(tmp_path / "m.onnx", nodes, columns, outputs))
    rows = [{"a": 2**53 + 1, "b": 1700000050.25}, {"a": "-3", "b": 0}]
    assert answers(model, rows) == [{"c": 2**53 + 1, "d": 1700000050.25}, {"c": -3, "d": 0.0}]
    for wrong in (None, 1.7, 2**63, "x", [1]):
        with pytest.raises(Exception, match=r"'a' is .*(whole number|not a number)"):
            answers(model, [{"a": wrong, "b": 0}])


def test_an_output_whose_rows_are_not_in_front_is_asked_one_by_one(tmp_path: Path) -> None:
    table, out = value("x", TensorProto.FLOAT, ["n", 2]), value("y", TensorProto.FLOAT, [2, "n"])
    node = helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])
    model = served(onnx_file(tmp_path / "m.onnx", [node], [table], [out]))
    assert answers(model, [[1, 2], [3, 4]]) == [[[1.0], [2.0]], [[3.0], [4.0]]]
    fixed = value("x", TensorProto.FLOAT, [1, 2])
    same = value("y", TensorProto.FLOAT, [1, 2])
    node = helper.make_node("Identity", ["x"], ["y"])
    model = served(onnx_file(tmp_path / "f.onnx", [node], [fixed], [same]))
    assert answers(model, [[1, 2], [3, 4]]) == [[1.0, 2.0], [3.0, 4.0]]
    assert model.loaded.compiled
    assert not model.loaded.compiled.batches


def test_what_may_take_long_keeps_its_own_process(tmp_path: Path) -> None:
    counter = value("i", TensorProto.INT64, [])
    condition, more = value("c", TensorProto.BOOL, []), value("more", TensorProto.BOOL, [])
    inside, after = value("s", TensorProto.FLOAT, None), value("t", TensorProto.FLOAT, None)
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["c"], ["more"]),
            helper.make_node("Add", ["s", "s"], ["t"]),
        ],
        *("body", [counter, condition, inside], [more, after]),
    )
    times = helper.make_tensor("times", TensorProto.INT64, [], [3])
    loop = helper.make_node("Loop", ["times", "", "x"], ["y"], body=body)
    table, out = value("x", TensorProto.FLOAT, ["n", 1]), value("y", TensorProto.FLOAT, ["n", 1])
    model = served(onnx_file(tmp_path / "m.onnx", [loop], [table], [out], [times]))
    assert answers(model, [[1]]) == [8.0]
    assert model.loaded.compiled is None


def test_weights_in_other_files(tmp_path: Path) -> None:
    table, out = value("x", TensorProto.FLOAT, ["n", 2]), value("y", TensorProto.FLOAT, ["n", 2])
    weights = helper.make_tensor(
        *("w", TensorProto.FLOAT, [1, 2], np.array([3, 4], np.float32).tobytes()), raw=True
    )
    node = helper.make_node("Mul", ["x", "w"], ["y"])
    path = onnx_file(tmp_path / "m.onnx", [node], [table], [out], [weights])
    onnx.save_model(
        onnx.load(path),
        path,
        **{"save_as_external_data": True, "location": "w.bin", "size_threshold": 0},
    )
    assert (tmp_path / "w.bin").exists()
    with pytest.raises(CannotServe, match=r"\(w.bin\): register the folder"):
        served(path)
    model = served(tmp_path)  # the folder, whose files are what is registered
    assert answers(model, [[1, 1]]) == [[3.0, 4.0]]
    assert model.loaded.compiled is None
    told = onnx.load(path, load_external_data=False)
    told.graph.initializer[0].external_data[0].value = "../secret.bin"
    path.write_bytes(told.SerializeToString())
    with pytest.raises(CannotServe, match="outside of its folder"):
        served(tmp_path)
