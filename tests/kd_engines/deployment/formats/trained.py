"""Small models of every known format, trained here."""

import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
import skops.io
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NAMES = ["miles", "hour", "weekday", "passengers"]
ROWS = np.random.default_rng(1).uniform(0, 24, size=(600, 4))
MINUTES = ROWS @ [3.0, 0.4, 0.2, 0.01] + np.sin(ROWS[:, 1])
IS_LONG = np.median(MINUTES) < MINUTES
ROW = dict(zip(NAMES, [2.5, 17, 4, 1], strict=True))
TABLE = pd.DataFrame(ROWS, columns=NAMES)


def booster(objective: str = "reg:squarederror", **params: Any) -> xgboost.Booster:
    target = IS_LONG if objective.startswith("binary") else MINUTES
    if objective.startswith("multi"):
        target = np.digitize(MINUTES, [30, 50])
    matrix = xgboost.DMatrix(ROWS, target, feature_names=NAMES)
    settings = {"objective": objective, "max_depth": 4, "nthread": 1, **params}
    return xgboost.train(settings, matrix, 12)


def gbm(objective: str = "regression") -> lightgbm.Booster:
    target = {"regression": MINUTES, "binary": IS_LONG}.get(
        objective, np.digitize(MINUTES, [30, 50])
    )
    settings = {"objective": objective, "verbose": -1, "num_threads": 1}
    if objective == "multiclass":
        settings["num_class"] = 3
    data = lightgbm.Dataset(ROWS, target, feature_name=NAMES)
    return lightgbm.train(settings, data, 12)


def gbm_estimator() -> lightgbm.LGBMRegressor:
    """Return an estimator as MLflow saves it by skops."""
    return lightgbm.LGBMRegressor(n_estimators=12, n_jobs=1, verbose=-1).fit(TABLE, MINUTES)


def linear() -> LinearRegression:
    return LinearRegression().fit(TABLE, MINUTES)


def forest() -> RandomForestClassifier:
    labels = np.where(IS_LONG, "long", "short")
    return RandomForestClassifier(9, random_state=0).fit(TABLE, labels)


def histogram() -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=8).fit(ROWS, MINUTES)


def of_texts() -> Any:
    """Return a pipeline that takes a column of texts."""
    table = TABLE.assign(borough=np.where(ROWS[:, 2] > 12, "Queens", "Bronx"))
    encoder = make_column_transformer((OneHotEncoder(), ["borough"]), remainder=StandardScaler())
    return make_pipeline(encoder, LogisticRegression()).fit(table, IS_LONG)


def write(folder: Path) -> None:
    """Write a model of each format into a folder."""
    booster().save_model(folder / "trees.ubj")
    booster("binary:logistic").save_model(folder / "trees.json")
    gbm().save_model(folder / "trees.txt")
    joblib.dump(linear(), folder / "linear.joblib")
    (folder / "forest.pkl").write_bytes(pickle.dumps(forest()))
    joblib.dump(histogram(), folder / "histogram.joblib")
    joblib.dump(of_texts(), folder / "texts.joblib")
    skops.io.dump(linear(), folder / "linear.skops")
    skops.io.dump(gbm_estimator(), folder / "gbm.skops")
    (folder / "logistic.onnx").write_bytes(onnx_of(make_pipeline(LogisticRegression())))
    mlflow(folder / "registered", "xgboost: {data: model.ubj, model_class: xgboost.core.Booster}")
    booster().save_model(folder / "registered" / "model.ubj")


def onnx_of(model: Any) -> bytes:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    fitted = model.fit(ROWS, IS_LONG)
    options = {id(fitted): {"zipmap": False}}
    inputs = [("rows", FloatTensorType([None, 4]))]
    return bytes(convert_sklearn(fitted, initial_types=inputs, options=options).SerializeToString())


def mlflow(folder: Path, flavor: str) -> None:
    """Write a folder as MLflow does: an MLmodel with a flavor and a signature."""
    folder.mkdir(exist_ok=True)
    inputs = json.dumps([{"type": "double", "name": name, "required": True} for name in NAMES])
    (folder / "MLmodel").write_text(
        "artifact_path: model\nflavors:\n  python_function:\n    loader_module: mlflow.xgboost\n"
        f"  {flavor}\nsignature:\n  inputs: '{inputs}'\n  outputs: '[{{\"type\": \"double\"}}]'\n"
    )
