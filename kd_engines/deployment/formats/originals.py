"""Models as their own libraries load them: what is served where nothing faster equals it."""

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_engines.deployment.formats.columns import Columns
from kd_pipeline import model_formats as known
from kd_pipeline.model_formats import Known

_NO_NAME = re.compile(r"Column_\d+|f\d+")  # as LightGBM and XGBoost name what has no name


class CannotServe(Exception):
    """A model that cannot be served without a scoring script; says why."""


@dataclass(frozen=True)
class Original:
    """A loaded model. ``predict`` takes a matrix of numbers and returns an array, one a row.

    ``model`` is what is converted; ``why_not`` says why it cannot be. ``of_rows`` predicts rows
    that are no numbers, in a table with the names of its columns.
    """

    model: Any
    columns: Columns
    predict: Callable[[NDArray[Any]], NDArray[Any]]
    kind: type[np.floating[Any]]
    why_not: str = ""
    of_rows: Callable[[Sequence[Any]], list[Any]] | None = None

    def values(self, rows: Sequence[Any]) -> list[Any]:
        """Return a prediction for each row of a request; raises WrongRow."""
        if self.of_rows:
            return self.of_rows(rows)
        plain: list[Any] = self.predict(self.columns.matrix(rows, self.kind)).tolist()
        return plain


def load(one: Known, example: Sequence[str]) -> Original:
    """Load a model of a known format; ``example`` are the columns of its example, if it has one.

    Raises CannotServe, and what the library raises.
    """
    loaders = {
        known.XGBOOST: _xgboost,
        known.LIGHTGBM: _lightgbm,
        known.SKLEARN: _pickled,
        known.SKOPS: _skops,
    }
    return loaders[one.format](one.path, one.names or tuple(example))


def needed(module: str, package: str) -> Any:
    """Import a library; raises CannotServe, which says how to have it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise CannotServe(
            f"{package} is not installed beside this engine; install it there, such as with "
            f"pip install {package}"
        ) from None


def _xgboost(path: Path, names: tuple[str, ...]) -> Original:
    booster = needed("xgboost", "xgboost-cpu").Booster(model_file=str(path))
    booster.set_param({"nthread": 1})
    try:
        best = booster.best_iteration
    except AttributeError:
        best = None
    if best is not None and best + 1 < booster.num_boosted_rounds():
        booster = booster[: best + 1]  # as its scikit-learn interface predicts
        booster.set_param({"nthread": 1})
    own = tuple(booster.feature_names or ())
    own = () if all(map(_NO_NAME.fullmatch, own)) else own
    columns = _columns(own or names, booster.num_features())
    why_not = ""
    if "c" in (booster.feature_types or ()):
        why_not = "it has categorical columns"
    return Original(booster, columns, booster.inplace_predict, np.float32, why_not)


def _lightgbm(path: Path, names: tuple[str, ...]) -> Original:
    booster = needed("lightgbm", "lightgbm").Booster(model_file=str(path))
    if booster.pandas_categorical:
        raise CannotServe("it was trained on columns of categories; write a scoring script")
    own = tuple(booster.feature_name())
    own = () if all(map(_NO_NAME.fullmatch, own)) else own

    def predict(matrix: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(booster.predict(matrix, num_threads=1))

    return Original(booster, _columns(own or names, booster.num_feature()), predict, np.float64)


def _pickled(path: Path, names: tuple[str, ...]) -> Original:
    return _estimator(needed("joblib", "scikit-learn").load(path), names)


def _skops(path: Path, names: tuple[str, ...]) -> Original:
    io = needed("skops.io", "skops")
    unknown = io.get_untrusted_types(file=path)
    if unknown:
        raise CannotServe(
            f"skops does not know {', '.join(unknown[:5])} to be harmless; write a scoring script "
            "that trusts what you know"
        )
    return _estimator(io.load(path), names)


def _estimator(model: Any, names: tuple[str, ...]) -> Original:
    """Return an estimator with scikit-learn's interface, or a booster that was pickled."""
    if not callable(getattr(model, "predict", None)):
        raise CannotServe(f"it holds a {type(model).__name__}, which has no method predict")
    own = getattr(model, "feature_names_in_", None)
    own = tuple(own) if own is not None else ()
    width = getattr(model, "n_features_in_", None) or len(own or names)
    if not width:
        raise CannotServe(
            "how many columns it has is not known; give the key 'example' an object with them"
        )
    columns = _columns(own or names, int(width))
    of_table = _of_table(model, columns) if own else None

    def predict(matrix: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(model.predict(of_table(matrix) if of_table else matrix))

    probe = np.linspace(0.1, 0.9, columns.width, dtype=np.float64)[None, :]
    try:
        predict(probe)
    except Exception as error:
        if not own:
            raise
        why_not = f"it takes other values than numbers ({type(error).__name__})"
        return Original(model, columns, predict, np.float64, why_not, _of_rows(model, columns))
    try:
        predict(probe * np.nan)
        missing = True
    except Exception:
        missing = False
    columns = Columns(columns.names, columns.width, missing)
    return Original(model, columns, predict, np.float64)


def _of_table(model: Any, columns: Columns) -> Callable[[Any], Any]:
    pandas = needed("pandas", "pandas")
    return lambda values: pandas.DataFrame(values, columns=list(columns.names))


def _of_rows(model: Any, columns: Columns) -> Callable[[Sequence[Any]], list[Any]]:
    as_table = _of_table(model, columns)

    def predict(rows: Sequence[Any]) -> list[Any]:
        plain: list[Any] = np.asarray(model.predict(as_table(columns.table(rows)))).tolist()
        return plain

    return predict


def _columns(names: Sequence[str], width: int) -> Columns:
    return Columns(tuple(names) if len(names) == width else (), width)
