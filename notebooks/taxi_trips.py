"""Taxi trips as the model sees them: both of TLC's layouts become one table, then features.

New York's Taxi and Limousine Commission (TLC) wrote coordinates until mid 2016
(``Start_Lon``, later ``pickup_longitude``) and writes zone numbers since (``PULocationID``), which
the zones' centroids turn back into coordinates. The notebook and the training job both read trips
with this module: the notebook copies it to ``repo://project_repo/code``.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

# The order is the model's: the scoring scripts build their rows by it.
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
COORDINATES = FEATURES[1:5]
TRIP_COLUMNS = ("pickup", "dropoff", "trip_distance", *COORDINATES)
TIMES = ("pickup", "dropoff")
US_TIMES = "%m/%d/%Y %I:%M:%S %p"  # as New York's open data exports them
SHORTEST_S, LONGEST_S = 20, 10_800  # seconds; both excluded, as in the tutorial
FARTHEST_MILES = 150
ZONES_FILE = "taxi_zone_centroids.csv"

# TLC's names of one column over the years, in lower case.
_NAMES = {
    "pickup": (
        "trip_pickup_datetime",
        "pickup_datetime",
        "tpep_pickup_datetime",
        "lpep_pickup_datetime",
    ),
    "dropoff": (
        "trip_dropoff_datetime",
        "dropoff_datetime",
        "tpep_dropoff_datetime",
        "lpep_dropoff_datetime",
    ),
    "trip_distance": ("trip_distance",),
    "startstationlatitude": ("start_lat", "pickup_latitude"),
    "startstationlongitude": ("start_lon", "pickup_longitude"),
    "endstationlatitude": ("end_lat", "dropoff_latitude"),
    "endstationlongitude": ("end_lon", "dropoff_longitude"),
    "start_zone": ("pulocationid",),
    "end_zone": ("dolocationid",),
}


def read_trips(*paths: Path | str, zones: Path | str | None = None) -> pd.DataFrame:
    """Read trips of any TLC layout (.csv or .parquet) into one table with ``TRIP_COLUMNS``.

    ``zones`` names the zones' centroids; by default the file of that name beside the trips. Times
    are New York's, distances miles, coordinates degrees. Raises ValueError, which names the file,
    for what is no layout of TLC's.
    """
    return pd.concat([_one_table(Path(path), zones) for path in paths], ignore_index=True)


def clean_trips(trips: pd.DataFrame) -> pd.DataFrame:
    """Add ``duration`` in seconds and keep the trips that the tutorial keeps, none with a gap."""
    duration = (trips["dropoff"] - trips["pickup"]).dt.total_seconds()
    possible = duration.between(SHORTEST_S, LONGEST_S, inclusive="neither")
    possible &= trips["trip_distance"].between(0, FARTHEST_MILES, inclusive="neither")
    return trips.assign(duration=duration)[possible].dropna().reset_index(drop=True)


def features(trips: pd.DataFrame) -> np.ndarray:
    """Return the trips as rows of float32 in the order of ``FEATURES``."""
    pickup = trips["pickup"].dt
    weekday = pickup.day_of_week < 5
    calendar = {
        "work": weekday & pickup.hour.between(8, 17),  # as the tutorial: 8:00 to 17:59
        "weekday": weekday,
        "hour": pickup.hour,
    }
    return trips.assign(**calendar)[list(FEATURES)].to_numpy(dtype=np.float32)


def scores(real: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Return MAE and RMSE in seconds and RMSLE (no unit), each rounded to 3 digits."""
    error = predicted - real
    log_error = np.log1p(np.clip(predicted, 0, None)) - np.log1p(real)
    return {
        "MAE": round(float(np.abs(error).mean()), 3),
        "RMSE": round(float(np.sqrt((error**2).mean())), 3),
        "RMSLE": round(float(np.sqrt((log_error**2).mean())), 3),
    }


def score_table(columns: dict[str, dict[str, float]]) -> str:
    """Return the scores side by side as text: one column for each predictor, one row a score."""
    names = list(next(iter(columns.values())))
    widths = {title: max(len(title), 10) for title in columns}
    lines = [" " * 10 + "  ".join(title.rjust(widths[title]) for title in columns)]
    for name in names:
        unit = "" if name == "RMSLE" else " (s)"
        cells = (
            f"{values[name]:.3f}" if not unit else f"{values[name]:.1f}"
            for values in columns.values()
        )
        row = "  ".join(
            cell.rjust(widths[title]) for cell, title in zip(cells, columns, strict=True)
        )
        lines.append(f"{name + unit:<10}{row}")
    return "\n".join(lines)


def read_file(path: Path) -> pd.DataFrame:
    """Return a file of TLC's as it is; raises ValueError, which names it, where it is no table.

    In some years each row of the CSV files ends in one or two commas more than the header.
    """
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)  # of those commas
            return pd.read_csv(path, index_col=False)
    except (ValueError, OSError) as error:  # what both readers raise for what they cannot read
        raise ValueError(f"{path} cannot be read as a table: {error}") from error


def _one_table(path: Path, zones: Path | str | None) -> pd.DataFrame:
    raw = read_file(path)
    found = {str(column).strip().lower(): column for column in raw.columns}
    trips = pd.DataFrame(
        {
            ours: raw[found[theirs]]
            for ours, names in _NAMES.items()
            for theirs in names
            if theirs in found
        }
    )
    if "start_zone" in trips:
        trips = _with_coordinates(trips, Path(zones or path.parent / ZONES_FILE))
    missing = [column for column in TRIP_COLUMNS if column not in trips]
    if missing:
        raise ValueError(
            f"{path} is in no layout of TLC's trips: {', '.join(missing)} cannot be read from its "
            f"columns {_shortened(found)}."
        )
    for column in TRIP_COLUMNS:
        as_it_was = trips[column]
        try:
            trips[column] = _times(as_it_was) if column in TIMES else _numbers(as_it_was)
        except ValueError as error:  # such as times of several zones
            raise ValueError(f"{path}: {column} cannot be read: {error}") from error
        if column not in COORDINATES and len(trips) and trips[column].isna().all():
            kind = "a time" if column in TIMES else "a number"
            raise ValueError(
                f"{path}: no row has {kind} as its {column}; the first has {as_it_was.iloc[0]!r}."
            )
    return trips[list(TRIP_COLUMNS)]


def _times(values: pd.Series) -> pd.Series:
    """Return times; what is none, as a number is, is a gap."""
    if pd.api.types.is_numeric_dtype(values):
        return pd.Series(pd.NaT, index=values.index)
    found = pd.to_datetime(values, errors="coerce", format="ISO8601")
    others = found.isna() & values.notna()
    if others.any():
        found[others] = pd.to_datetime(values[others], errors="coerce", format=US_TIMES)
    return found


def _numbers(values: pd.Series) -> pd.Series:
    return pd.to_numeric(values, errors="coerce")


def _with_coordinates(trips: pd.DataFrame, zones: Path) -> pd.DataFrame:
    """Join the zones' centroids; a trip from or to an unknown zone (264, 265) keeps a gap."""
    if not zones.is_file():
        raise ValueError(
            f"Trips with zone numbers need the zones' centroids, and {zones} is missing; "
            f"put {ZONES_FILE} beside the trips."
        )
    # Not by location_i, which has 56 twice, 103 three times and neither 57, 104 nor 105.
    centroids = pd.read_csv(zones).set_index("pqlookup.objectid")
    for end in ("start", "end"):
        for ours, theirs in (("latitude", "lat"), ("longitude", "long")):
            zone = _numbers(trips[f"{end}_zone"])
            trips[f"{end}station{ours}"] = zone.map(centroids[f"pqlookup.{theirs}"])
    return trips


def _shortened(names: Iterable[str], longest: int = 200) -> str:
    text = ", ".join(names)
    return text if len(text) <= longest else text[:longest] + "…"
