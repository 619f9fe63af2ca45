"""Let the models that a script has loaded predict once, so that no client pays for that.

A first prediction imports what libraries put off, starts their threads and fills their caches. A
script's own code may have effects: it is asked with the example, or what another version was asked,
alone. Where there is neither, the libraries' models that its ``load`` returned, or that it has as
global variables, are asked with a made-up row, by the methods that the script names. One that holds
an object or a function of somebody else, as a pipeline may, is left alone.
"""

import itertools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import CodeType
from typing import Any

LIBRARIES = frozenset({"catboost", "lightgbm", "onnxruntime", "sklearn", "xgboost"})
METHODS = ("predict", "predict_proba", "decision_function", "transform", "inplace_predict")
MOST_MODELS, MOST_PARTS = 8, 10_000
# What libraries' models consist of, beside each other.
MADE_OF = LIBRARIES | frozenset(
    {"builtins", "collections", "ctypes", "joblib", "numpy", "pandas", "pyarrow", "scipy"}
)


def warm_up(loaded: Any, names: dict[str, Any], code: CodeType) -> None:
    """Ask the models among ``loaded``, what it holds, and a script's global variables, once each.

    ``code`` is the script's. What they raise is nobody's failure: a made-up row need not be one for
    them.
    """
    found: dict[int, Any] = {}
    held = itertools.islice(_held_by(loaded), MOST_PARTS)  # it may be a table of millions
    for value in (loaded, *held, *list(names.values())):
        if _library_of(value) in LIBRARIES and len(found) < MOST_MODELS and _is_theirs(value):
            found[id(value)] = value
    mentioned = set(_mentioned(code))
    for model in found.values():
        with suppress(BaseException), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _ask(model, mentioned)


def _mentioned(code: CodeType) -> Iterator[str]:
    """Yield the names that a script uses, in its functions too."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _mentioned(inner)


def _held_by(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, type) or type(value).__module__ != "__main__":
        return ()
    return list(getattr(value, "__dict__", {}).values())


def _is_theirs(model: Any) -> bool:
    """Tell whether all that a model is made of is the libraries' own, or plain."""
    waiting, seen = [model], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen or value is None or isinstance(value, str | bytes | int | float):
            continue
        seen.add(id(value))
        if len(seen) > MOST_PARTS:
            return False
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset):
            waiting += value
        elif getattr(value, "dtype", None) == "O":  # an array, as of a forest's trees
            waiting += value.ravel().tolist()
        elif _origin(value) not in MADE_OF:
            return False
        else:
            waiting += getattr(value, "__dict__", {}).values()
    return True


def _origin(value: Any) -> str:
    """Return the top module of a class or function, or of the class of anything else."""
    named = isinstance(value, type) or (callable(value) and hasattr(value, "__module__"))
    module = getattr(value if named else type(value), "__module__", None)
    return str(module or type(value).__module__).partition(".")[0]


def _library_of(value: Any) -> str:
    return "" if isinstance(value, type) else type(value).__module__.partition(".")[0]


def _ask(model: Any, mentioned: set[str]) -> None:
    if _library_of(model) == "onnxruntime":
        _run(model)
        return
    for row in _rows(model):
        for ask in _questions(model, mentioned):
            with suppress(BaseException):
                ask(row)


def _run(session: Any) -> None:
    """Run an onnxruntime session with ones, in the shape that it wants."""
    import numpy as np

    kinds = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
    inputs = {}
    for one in session.get_inputs():
        shape = [size if isinstance(size, int) and size > 0 else 1 for size in one.shape]
        inputs[one.name] = np.ones(shape, kinds[one.type])
    session.run(None, inputs)


def _rows(model: Any) -> Iterator[Any]:
    """Yield a made-up row as a table with the model's names, and as a matrix."""
    import numpy as np

    names, width = _columns(model)
    matrix = np.ones((1, width), np.float32)
    if names and "pandas" in sys.modules:
        yield sys.modules["pandas"].DataFrame(matrix, columns=names)
    yield matrix


def _columns(model: Any) -> tuple[list[str], int]:
    """Return the names of a model's columns, if it has any, and their number."""
    names: Any = ()
    for attribute in ("feature_names_in_", "feature_names", "feature_name", "feature_names_"):
        with suppress(Exception):
            names = getattr(model, attribute)
            names = names() if callable(names) else names
            break
    names = [] if names is None else list(map(str, names))
    for attribute in ("n_features_in_", "num_features", "num_feature"):
        with suppress(Exception):
            width = getattr(model, attribute)
            return names, int(width() if callable(width) else width)
    return names, len(names)


def _questions(model: Any, mentioned: set[str]) -> Iterator[Callable[[Any], Any]]:
    asks = [name for name in METHODS if name in mentioned and hasattr(model, name)]
    for name in asks or ["predict"]:
        if name == "predict" and hasattr(model, "inplace_predict"):  # xgboost's booster
            yield lambda row: model.predict(sys.modules["xgboost"].DMatrix(row))
        else:
            yield getattr(model, name)
