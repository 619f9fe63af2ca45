"""Models as their own libraries load them: what is served where nothing faster equals it."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_engines.deployment.formats.columns import Columns
from kd_pipeline import model_formats as known
from kd_pipeline.model_formats import Known


class CannotServe(Exception):
    """A model that cannot be served without a scoring script; says why."""


# What skops does not know, and MLflow saves by it: their state is a text that their library reads.
HARMLESS = frozenset(
    {
        "collections.OrderedDict",
        *("lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier"),
        *("lightgbm.sklearn.LGBMRanker", "lightgbm.sklearn.LGBMRegressor"),
        *("xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"),
        *("xgboost.sklearn.XGBRanker", "xgboost.sklearn.XGBRegressor"),
    }
)


@dataclass(frozen=True)
class Original:
    """A loaded model. ``predict`` takes a matrix of numbers and returns an array, one a row.

    ``model`` is what is converted; ``why_not`` says why it cannot be. ``of_rows`` predicts rows of
    any values, in a table with the names of its columns.
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
    columns = _columns(booster.feature_names or (), names, booster.num_features(), "f{}")
    why_not = ""
    if "c" in (booster.feature_types or ()):
        why_not = "it has categorical columns"
    return Original(booster, columns, booster.inplace_predict, np.float32, why_not)


def _lightgbm(path: Path, names: tuple[str, ...]) -> Original:
    booster = needed("lightgbm", "lightgbm").Booster(model_file=str(path))
    if booster.pandas_categorical:
        raise CannotServe("it was trained on columns of categories; write a scoring script")
    columns = _columns(booster.feature_name(), names, booster.num_feature(), "Column_{}")

    def predict(matrix: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(booster.predict(matrix, num_threads=1))

    return Original(booster, columns, predict, np.float64)


def _pickled(path: Path, names: tuple[str, ...]) -> Original:
    return _estimator(needed("joblib", "scikit-learn").load(path), names)


def _skops(path: Path, names: tuple[str, ...]) -> Original:
    io = needed("skops.io", "skops")
    trusted = [name for name in io.get_untrusted_types(file=path) if name in HARMLESS]
    unknown = [name for name in io.get_untrusted_types(file=path) if name not in HARMLESS]
    if unknown:
        raise CannotServe(
            f"skops does not know {', '.join(unknown[:5])} to be harmless; write a scoring script "
            "that trusts what you know"
        )
    return _estimator(io.load(path, trusted=trusted), names)


def _estimator(model: Any, names: tuple[str, ...]) -> Original:
    """Return an estimator with scikit-learn's interface, or a booster that was pickled."""
    if not callable(getattr(model, "predict", None)):
        raise CannotServe(f"it holds a {type(model).__name__}, which has no method predict")
    own = getattr(model, "feature_names_in_", None)
    own = tuple(map(str, own)) if own is not None else ()
    width = getattr(model, "n_features_in_", None) or len(own or names)
    if not width:
        raise CannotServe(
            "how many columns it has is not known; give the key 'example' an object with them"
        )
    columns = _columns(own, names, int(width))
    of_table = _of_table(model, columns) if own else None

    def predict(matrix: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(model.predict(of_table(matrix) if of_table else matrix))

    why_not = _why_not_numbers(model, columns, predict, bool(own))
    # Who was trained on a table is asked with one, of the values as they were sent.
    of_rows = _of_rows(model, columns) if own else None
    if why_not and own:
        return Original(model, columns, predict, np.float64, why_not, of_rows)
    try:
        predict(np.full((1, columns.width), np.nan))
        missing = True
    except Exception:
        missing = bool(why_not)  # nothing is known of it
    columns = Columns(columns.names, columns.width, missing)
    return Original(model, columns, predict, np.float64, why_not, of_rows)


def _why_not_numbers(
    model: Any, columns: Columns, predict: Callable[[Any], NDArray[Any]], has_names: bool
) -> str:
    """Say why a model cannot be fed with a matrix of numbers alone; "" where it can."""
    numbers = np.arange(1, columns.width + 1)[None, :]
    try:
        of_floats = predict(numbers.astype(np.float64))
    except Exception as error:
        return f"it takes other values than numbers ({type(error).__name__})"
    missing = getattr(model, "missing", np.nan)
    if not (isinstance(missing, float) and np.isnan(missing)):
        return f"{missing!r} is a missing value for it"
    if has_names and not np.array_equal(of_floats, predict(numbers)):
        return "it distinguishes whole numbers from others"
    return ""


def _of_table(model: Any, columns: Columns) -> Callable[[Any], Any]:
    pandas = needed("pandas", "pandas")
    return lambda values: pandas.DataFrame(values, columns=list(columns.names))


def _of_rows(model: Any, columns: Columns) -> Callable[[Sequence[Any]], list[Any]]:
    as_table = _of_table(model, columns)

    def predict(rows: Sequence[Any]) -> list[Any]:
        table = [[np.nan if v is None else v for v in row] for row in columns.table(rows)]
        plain: list[Any] = np.asarray(model.predict(as_table(table))).tolist()
        return plain

    return predict


def _columns(own: Sequence[str], others: Sequence[str], width: int, made_up: str = "") -> Columns:
    """Return columns by the model's own names, else by others.

    ``made_up`` is how a library names what has no name.
    """
    if list(own) == [made_up.format(number) for number in range(width)]:
        if len(others) != width:
            return Columns(tuple(own), width, made_up=True)
        own = ()
    names = tuple(own or others)
    return Columns(names if len(names) == width else (), width)
