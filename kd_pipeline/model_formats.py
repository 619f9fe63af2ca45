"""Which format a model's file has: named in its ConfigMap, or found from the file.

A folder of MLflow is what its ``MLmodel`` says: one of the other formats within it; any other
folder is the one file in it that is a model. Sources: the
file formats of XGBoost (a JSON object, or UBJSON of one), LightGBM (a text that begins with
"tree"), pickles (their first byte), zip files of skops, MLflow's model format.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kd_pipeline.errors import InvalidModel

XGBOOST, LIGHTGBM, SKLEARN, SKOPS, ONNX, MLFLOW = FORMATS = (
    *("xgboost", "lightgbm", "sklearn"),
    *("skops", "onnx", "mlflow"),
)
# Reading them runs code that they hold.
WITH_CODE = frozenset({SKLEARN})
_BY_ENDING = {
    ".onnx": ONNX,
    ".ubj": XGBOOST,
    ".xgb": XGBOOST,
    ".lgb": LIGHTGBM,
    ".skops": SKOPS,
    ".joblib": SKLEARN,
    ".pkl": SKLEARN,
    ".pickle": SKLEARN,
}
# Of an MLmodel, in this order: the flavor, and where it names its file.
_FLAVORS = (
    (ONNX, "data"),
    (XGBOOST, "data"),
    (LIGHTGBM, "data"),
    (SKLEARN, "pickled_model"),
)
LARGEST_MLMODEL = 1 << 20
EXAMPLE = "input_example.json"  # may lie beside a model


class UnknownFormat(InvalidModel):
    """A model without a scoring script whose format is not known; says what is."""


@dataclass(frozen=True)
class Known:
    """A model of a known format: its file, and its columns' names where a signature has them.

    ``in_folder`` tells whether a whole folder was registered, the file being in it.
    """

    format: str
    path: Path
    names: tuple[str, ...] = ()
    in_folder: bool = False

    @property
    def has_code(self) -> bool:
        """Tell whether reading it runs code."""
        return self.format in WITH_CODE


def known(path: Path, named: str = "") -> Known:
    """Return which known format a model has; raises UnknownFormat, OSError."""
    wanted = named.strip().lower()
    if wanted and wanted not in FORMATS:
        raise UnknownFormat(f"The key 'format' is {named!r}; known are {', '.join(FORMATS)}.")
    if path.is_dir() and (wanted == MLFLOW or (path / "MLmodel").exists()):
        return _of_mlflow(path)
    file = _only_file(path, wanted) if path.is_dir() else path
    found = file and (wanted or _of_file(file))
    if not file or not found:
        raise UnknownFormat(
            f"{path.name!r} has no scoring script and is of no known format; name one of "
            f"{', '.join(FORMATS)} in the key 'format', or register it with a scoring script."
        )
    return Known(found, file, in_folder=file != path)


def _only_file(folder: Path, wanted: str) -> Path | None:
    """Return the one file of a folder that can be a model; None where that is not one."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name != EXAMPLE]
    fitting = files if wanted else [path for path in files if _of_file(path)]
    return fitting[0] if len(fitting) == 1 else None


def _of_file(path: Path) -> str:
    return _BY_ENDING.get(path.suffix.lower()) or _by_content(path)


def _by_content(path: Path) -> str:
    with path.open("rb") as file:
        begin = file.read(64)
    if begin.startswith(b"tree\n"):
        return LIGHTGBM
    if begin.startswith((b'{"learner"', b'{"version"', b"{L\0\0\0\0\0\0\0\x07learner")):
        return XGBOOST
    return SKLEARN if begin[:1] == b"\x80" else ""


def _of_mlflow(folder: Path) -> Known:
    try:
        with (folder / "MLmodel").open(encoding="utf-8") as file:
            told = yaml.safe_load(file.read(LARGEST_MLMODEL))
        flavors: dict[str, Any] = told["flavors"]
        for name, key in _FLAVORS:
            flavor = flavors.get(name)
            if isinstance(flavor, dict) and flavor.get(key):
                return _inner(folder, name, str(flavor[key]), _signature(told))
    except FileNotFoundError:
        raise UnknownFormat(
            f"The folder {folder.name!r} has no scoring script and no MLmodel, as a model of "
            "MLflow has; register it with a scoring script."
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError):
        raise UnknownFormat(f"The MLmodel of {folder.name!r} is not as MLflow writes it.") from None
    raise UnknownFormat(
        f"The MLmodel of {folder.name!r} has the flavors {', '.join(map(str, flavors))}; without a "
        "scoring script onnx, xgboost, lightgbm and sklearn are served."
    )


def _inner(folder: Path, flavor: str, data: str, names: tuple[str, ...]) -> Known:
    path = folder / data
    if folder.resolve() not in path.resolve().parents:
        raise UnknownFormat(f"The MLmodel of {folder.name!r} names a file outside of its folder.")
    is_pickle = path.suffix in (".pkl", ".pickle", ".joblib")
    if path.suffix == ".skops":
        return Known(SKOPS, path, names, True)
    return Known(SKLEARN if is_pickle else flavor, path, names, True)


def _signature(told: dict[str, Any]) -> tuple[str, ...]:
    inputs = json.loads((told.get("signature") or {}).get("inputs") or "[]")
    names = [one.get("name") for one in inputs if one.get("type") != "tensor"]
    return tuple(names) if all(isinstance(name, str) for name in names) else ()
