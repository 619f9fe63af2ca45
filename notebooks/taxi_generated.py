"""A generated sample of taxi trips, for places without real ones: TLC's 2009 layout, labelled.

Every row says ``GENERATED`` in ``vendor_name`` and the file's name begins with ``generated_``.
Speeds follow the hour and the day as New York's do, and some rows are broken as real ones are, so
that a model has something to learn and the filter something to drop.
"""

from pathlib import Path

import numpy as np
import pandas as pd

GENERATED_FILE = "generated_tripdata_2009-01.csv"
VENDOR = "GENERATED"
_AIRPORTS = np.array([[-73.790, 40.645], [-73.873, 40.772]])  # JFK, La Guardia
# Miles an hour by hour of a working day; free roads at night, a standstill at noon.
_NIGHT, _DAY = [17, 18, 19, 20, 20, 19, 16, 12], [10, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 10]
_SPEED = np.array([*_NIGHT, *_DAY, 10.5, 10, 10, 11, 12.5, 13.5, 14, 15.5])
_MILES_PER_DEGREE = np.array([52.3, 69.0])  # longitude, latitude at 40.7° north


def write_generated_trips(path: Path, trips: int = 15_000, seed: int = 2009) -> Path:
    """Write ``trips`` generated rows of January 2009 to ``path``; a seed gives the same bytes."""
    table = _trips(np.random.default_rng(seed), trips)
    table.to_csv(path, index=False, float_format="%.6f")
    return path


def _trips(random: np.random.Generator, count: int) -> pd.DataFrame:
    pickup = _pickups(random, count)
    start, end = _points(random, count), _points(random, count)
    miles = np.abs((end - start) * _MILES_PER_DEGREE).sum(axis=1) * random.uniform(1, 1.25, count)
    speed = np.where(pickup.day_of_week < 5, _SPEED[pickup.hour], _SPEED[pickup.hour] * 0.4 + 8.5)
    seconds = miles / (speed + miles * 0.9) * 3600 * random.lognormal(0, 0.25, count) + 75
    broken = random.random(count)
    miles[broken < 0.015] = 0
    seconds[(broken >= 0.015) & (broken < 0.025)] = 5
    for points in (start, end):
        points[(broken >= 0.025) & (broken < 0.035)] = 0  # the meter had no satellite
    dropoff = pickup + pd.to_timedelta(np.round(seconds), unit="s")
    return pd.DataFrame(
        {
            "vendor_name": VENDOR,
            "Trip_Pickup_DateTime": pickup.strftime("%Y-%m-%d %H:%M:%S"),
            "Trip_Dropoff_DateTime": dropoff.strftime("%Y-%m-%d %H:%M:%S"),
            "Trip_Distance": miles.round(2),
            "Start_Lon": start[:, 0],
            "Start_Lat": start[:, 1],
            "End_Lon": end[:, 0],
            "End_Lat": end[:, 1],
        }
    )


def _pickups(random: np.random.Generator, count: int) -> pd.DatetimeIndex:
    """Return pickup times over January; evenings are busiest, the hours before dawn empty."""
    busy = 1.2 + np.sin((np.arange(24) - 12) / 24 * 2 * np.pi)
    hours = random.choice(24, count, p=busy / busy.sum())
    seconds = (
        random.integers(0, 31, count) * 86_400 + hours * 3600 + random.integers(0, 3600, count)
    )
    return pd.Timestamp("2009-01-01") + pd.to_timedelta(seconds, unit="s")


def _points(random: np.random.Generator, count: int) -> np.ndarray:
    """Return longitudes and latitudes: along Manhattan, and one in twenty at an airport."""
    along = random.normal(0.5, 0.22, count)
    across = random.normal(0, 0.006, count)
    points = np.column_stack((-74.010 + along * 0.055 + across, 40.705 + along * 0.095))
    at_airport = random.random(count) < 0.05
    points[at_airport] = _AIRPORTS[random.integers(0, 2, at_airport.sum())]
    return points
