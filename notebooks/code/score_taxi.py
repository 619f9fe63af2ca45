"""Scoring script for a ride's duration: the deployment engine loads the model once, then asks.

A row is an object with the eight values of the 2020 tutorial (numbers, or texts of numbers); the
answer is the duration in seconds.
"""

import math
from pathlib import Path

import numpy as np
import xgboost

FEATURES = (
    "work",
    "startstationlatitude",
    "startstationlongitude",
    "endstationlatitude",
    "endstationlongitude",
    "trip_distance",
    "weekday",
    "hour",
)
LIMITS = {
    "work": (0, 1),
    "startstationlatitude": (-90, 90),
    "startstationlongitude": (-180, 180),
    "endstationlatitude": (-90, 90),
    "endstationlongitude": (-180, 180),
    "trip_distance": (0, 150),
    "weekday": (0, 1),
    "hour": (0, 23),
}


def load(path):
    """Load the model that the training job wrote into the folder ``path``."""
    model = xgboost.Booster(model_file=str(Path(path) / "model.ubj"))
    model.set_param({"nthread": 1})  # a row is too small to share among threads
    return model


def predict_batch(model, rows):
    """Return the duration in seconds for each row; raises ValueError for a row that is no ride."""
    values = np.array([_numbers(row) for row in rows], dtype=np.float32)
    return model.inplace_predict(values).tolist() if len(values) else []


def _numbers(row):
    if not isinstance(row, dict):
        raise ValueError("A ride is an object with the values " + ", ".join(FEATURES) + ".")
    return [_number(row, name) for name in FEATURES]


def _number(row, name):
    lowest, highest = LIMITS[name]
    try:
        number = float(row[name])
    except KeyError:
        raise ValueError(f"{name} is missing; a ride needs {', '.join(FEATURES)}.") from None
    except (TypeError, ValueError):
        number = math.nan
    if not lowest <= number <= highest:
        given = repr(row[name])[:60]
        raise ValueError(f"{name} is {given}; it must be a number from {lowest} to {highest}.")
    return number
