"""Compile a model to ONNX, and see that it predicts what the original does.

The rows to compare on are made: values at and around the thresholds of its trees, random ones, the
stored example, and missing values where the original takes them. Which output of the ONNX model is
the prediction (a label, a probability, all of them) is found by comparing, too.
"""

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_engines.deployment.formats.columns import WrongRow
from kd_engines.deployment.formats.onnx_model import OnnxModel, Take
from kd_engines.deployment.formats.originals import Original
from kd_engines.deployment.results import reason_of
from kd_pipeline.model_formats import LIGHTGBM, XGBOOST

ROWS = 512
LARGEST_FILE = 64 * 1024 * 1024
# Relative to the original's value, or to the median size of its values where that is larger:
# ONNX adds up the trees' values in 32 bits, in its own order.
TOLERANCE = 1e-4
SCALES = (1.0, 100.0, 0.01)


class NotEqual(Exception):
    """A compiled model that cannot be used; says why."""


@dataclass(frozen=True)
class Compiled:
    """A compiled model that equals the original; ``difference`` is the largest, relative one.

    ``takes_missing`` tells whether it does so on missing values as well.
    """

    content: bytes
    take: Take
    difference: float
    rows: int
    row_us: float  # microseconds that it takes for one row
    takes_missing: bool


def compile_checked(
    format_name: str, original: Original, example: Sequence[Any], size: int = 0
) -> Compiled:
    """Return a compiled model that predicts as the original on all that was tried.

    ``size`` is that of the model's file in bytes: converting takes time and memory by it.

    Raises NotEqual, and WrongRow where the example is no row of it.
    """
    if original.why_not:
        raise NotEqual(original.why_not)
    if size > LARGEST_FILE:
        raise NotEqual(f"its file has {size:,} bytes, {LARGEST_FILE:,} are the limit")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = _convert(format_name, original)
        compiled = OnnxModel(content, original.columns, [])
        matrix = _rows(_thresholds(content), original, example)
        whole = ~np.isnan(matrix).any(axis=1)
        wanted = original.predict(matrix.astype(original.kind))
        outputs = compiled.outputs(matrix)
        missing = original.columns.takes_missing
        try:
            take, difference = _same(outputs, wanted, slice(None))
        except NotEqual:
            take, difference = _same(outputs, wanted, whole)
            missing = False
    except (NotEqual, WrongRow):
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise NotEqual(f"{package} is not installed: see the extra 'formats'") from None
    except Exception as error:
        raise NotEqual(f"it cannot be converted to ONNX ({reason_of(error)[:200]})") from None
    model = OnnxModel(content, original.columns, [take])
    row_us = model.row_us(matrix[whole][0].tolist())
    if row_us is None:
        raise NotEqual("compiled, it does not take a row of the original")
    return Compiled(content, take, difference, len(matrix), row_us, missing)


def _convert(format_name: str, original: Original) -> bytes:
    model, width = original.model, original.columns.width
    library = type(model).__module__.partition(".")[0]
    if format_name == XGBOOST or library == "xgboost":
        booster = getattr(model, "get_booster", lambda: model)().copy()
        booster.feature_names = None  # the converter wants f0, f1, …
        if booster.attr("best_iteration"):
            booster.set_attr(best_iteration=None)
        return _by("onnxmltools", "convert_xgboost", booster, width)
    if format_name == LIGHTGBM or library == "lightgbm":
        return _by("onnxmltools", "convert_lightgbm", model, width, zipmap=False)
    from sklearn.base import is_classifier

    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    try:  # in 64 bits, as it computes itself; trees cannot
        content = _by("skl2onnx", "convert_sklearn", model, width, "Double", options=options)
        OnnxModel(content, original.columns, [])
        return content
    except Exception:
        return _by("skl2onnx", "convert_sklearn", model, width, options=options)


def _by(
    package: str, function: str, model: Any, width: int, bits: str = "Float", **options: Any
) -> bytes:
    place = "convert.common" if package == "onnxmltools" else "common"
    types = importlib.import_module(f"{package}.{place}.data_types")
    inputs = [("x", getattr(types, f"{bits}TensorType")([None, width]))]
    convert = getattr(importlib.import_module(package), function)
    content: bytes = convert(model, initial_types=inputs, **options).SerializeToString()
    return content


def _rows(
    thresholds: dict[int, NDArray[np.float64]], original: Original, example: Sequence[Any]
) -> NDArray[np.float64]:
    """Return rows that go each way through the model, the example first.

    They have the 64 bits that a request's numbers have.
    """
    rng, width = np.random.default_rng(0), original.columns.width
    parts = [rng.normal(size=(ROWS // 4, width)) * scale for scale in SCALES]
    known = original.columns.matrix(example, np.float64) if example else np.empty((0, width))
    for row in known:
        parts.append(row * rng.uniform(0.5, 1.5, size=(ROWS // 4, width)))
        parts.append(row + rng.normal(size=(ROWS // 4, width)))
    learned = _learned(original.model, width)
    if len(learned):
        parts.append(learned[rng.integers(len(learned), size=(ROWS, width)), np.arange(width)])
    matrix = np.concatenate([known, *parts, _around(thresholds, rng, width)])
    if original.columns.takes_missing:
        missing = rng.random(matrix.shape) < 0.5 / width
        missing[: len(known)] = False
        matrix[missing] = np.nan
    if original.kind is np.float32:
        matrix = matrix.astype(np.float32).astype(np.float64)
    return matrix


def _learned(model: Any, width: int) -> NDArray[np.float64]:
    """Return rows of what an estimator and its parts have learned by column.

    Means, and categories, which are told apart exactly.
    """
    found: list[NDArray[np.float64]] = []
    parts, seen = [model], set()
    while parts:
        part = parts.pop()
        if id(part) in seen or not hasattr(part, "get_params"):
            continue
        seen.add(id(part))
        for value in vars(part).values():
            parts += _parts_of(value)
        categories = getattr(part, "categories_", None)
        if isinstance(categories, list):
            found += _as_columns(categories, width)
        scale = getattr(part, "scale_", None)
        spread = scale if isinstance(scale, np.ndarray) else np.zeros(1)
        for name in ("mean_", "center_", "statistics_", "data_min_", "data_max_"):
            value = getattr(part, name, None)
            if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
                near = [np.ravel(value + steps * spread) for steps in np.linspace(-2, 2, 41)]
                found += _as_columns(list(np.stack(near, axis=1)), width)
    return np.concatenate(found) if found else np.empty((0, width))


def _parts_of(value: Any) -> list[Any]:
    """Return the estimators in an attribute, also in steps: (name, estimator, …)."""
    if isinstance(value, list | tuple):
        return [part for one in value[:1000] for part in _parts_of(one)]
    return [value] if hasattr(value, "get_params") else []


def _as_columns(values: list[NDArray[Any]], width: int) -> list[NDArray[np.float64]]:
    """Return values by column as rows; of fewer columns than the model has each fills them all."""
    numeric = [np.asarray(v, np.float64) for v in values if np.asarray(v).dtype.kind in "fiub"]
    if len(numeric) != len(values) or not numeric:
        return []
    if len(numeric) == width:
        most = max(map(len, numeric))
        return [np.stack([np.resize(column, most) for column in numeric], axis=1)]
    return [np.repeat(np.concatenate(numeric)[:, None], width, axis=1)]


def _thresholds(content: bytes) -> dict[int, NDArray[np.float64]]:
    """Return by column what the trees of an ONNX model compare with."""
    onnx = importlib.import_module("onnx")
    found: dict[int, list[NDArray[np.float64]]] = {}
    for node in onnx.load_from_string(content).graph.node:
        told = {one.name: one for one in node.attribute}
        if not {"nodes_featureids", "nodes_values", "nodes_modes"} <= told.keys():
            continue
        is_leaf = np.array([mode == b"LEAF" for mode in told["nodes_modes"].strings])
        columns = np.array(told["nodes_featureids"].ints)
        values = np.array(told["nodes_values"].floats, dtype=np.float64)
        for column in np.unique(columns[~is_leaf]):
            found.setdefault(int(column), []).append(values[~is_leaf & (columns == column)])
    return {column: np.concatenate(parts) for column, parts in found.items()}


def _around(
    thresholds: dict[int, NDArray[np.float64]], rng: np.random.Generator, width: int
) -> NDArray[Any]:
    """Return rows of values between the thresholds, from below the lowest to above the highest.

    They are as near to one as a thousandth of the range of all.
    """
    rows = rng.normal(size=(ROWS, width))
    for column, values in thresholds.items():
        if column < width:
            chosen = rng.choice(values, size=ROWS)
            step = np.ptp(values) or max(abs(values[0]), 1e-3)
            nearness = rng.choice([1e-1, 1e-2, 1e-3], size=ROWS)
            rows[:, column] = chosen + rng.uniform(-1, 1, size=ROWS) * nearness * step
    return rows


def _same(outputs: dict[str, Any], wanted: NDArray[Any], rows: Any) -> tuple[Take, float]:
    """Return which output is what was wanted of ``rows``, and by how much they differ."""
    nearest = np.inf
    for name, output in outputs.items():
        for part in ("value", "row", "last"):
            take = Take(name, part, wanted.dtype.kind if wanted.dtype.kind != "O" else "U")
            difference = _difference(output, take, wanted, rows)
            if difference <= TOLERANCE:
                return take, difference
            nearest = min(nearest, difference)
    if np.isinf(nearest):
        raise NotEqual("compiled, none of its outputs is the original's prediction")
    raise NotEqual(f"compiled, it differs from the original by {nearest:.1g}")


def _difference(output: Any, take: Take, wanted: NDArray[Any], rows: Any) -> float:
    """Return the largest relative difference of numbers, or the share of labels that differ."""
    if isinstance(output, list) or len(output) != len(wanted):
        return float("inf")
    found = take.array(output)
    if found.shape != wanted.shape:
        return float("inf")
    found, wanted = found[rows], wanted[rows]
    if wanted.dtype.kind not in "fiub" or found.dtype.kind not in "fiub":
        return float(np.mean(found.astype(str) != wanted.astype(str)))
    a, b = found.astype(np.float64), wanted.astype(np.float64)
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    a, b = a[~np.isnan(a)], b[~np.isnan(b)]
    if not a.size or wanted.dtype.kind in "iub":
        return float(np.mean(a != b)) if a.size else 0.0
    size = np.maximum(np.abs(b), np.median(np.abs(b)) + 1e-12)
    return float(np.max(np.abs(a - b) / size))
