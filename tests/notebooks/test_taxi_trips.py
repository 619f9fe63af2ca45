"""Both of TLC's layouts, the tutorial's filter, the features and the scores."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from taxi_trips import (
    FEATURES,
    TRIP_COLUMNS,
    ZONES_FILE,
    clean_trips,
    features,
    read_trips,
    score_table,
    scores,
)

HERE_AND_THERE = {
    "startstationlatitude": 40.75,
    "startstationlongitude": -73.99,
    "endstationlatitude": 40.64,
    "endstationlongitude": -73.78,
}


def trip(pickup: str = "2009-01-20 08:30:00", seconds: float = 600, miles: float = 2.0) -> dict:
    start = pd.Timestamp(pickup)
    end = start + pd.Timedelta(seconds=seconds)
    return {"pickup": start, "dropoff": end, "trip_distance": miles, **HERE_AND_THERE}


def zoned(sample: Path, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rewrite real trips in TLC's present layout: each end becomes the nearest zone's number."""
    old = pd.read_csv(sample).head(count)
    zones = pd.read_csv(sample.with_name(ZONES_FILE))
    centroids = zones[["pqlookup.long", "pqlookup.lat"]].to_numpy()

    def nearest(end: str) -> np.ndarray:
        points = old[[f"{end}_Lon", f"{end}_Lat"]].to_numpy()
        distance = ((points[:, None] - centroids[None]) ** 2).sum(axis=2)
        return zones["pqlookup.objectid"].to_numpy()[distance.argmin(axis=1)]

    new = pd.DataFrame(
        {
            "VendorID": 2,
            "tpep_pickup_datetime": pd.to_datetime(old["Trip_Pickup_DateTime"]),
            "tpep_dropoff_datetime": pd.to_datetime(old["Trip_Dropoff_DateTime"]),
            "trip_distance": old["Trip_Distance"],
            "PULocationID": nearest("Start"),
            "DOLocationID": nearest("End"),
        }
    )
    return new, zones.set_index("pqlookup.objectid")


def test_the_real_trips_and_how_many_the_filter_keeps(sample: Path) -> None:
    trips = read_trips(sample)
    assert list(trips.columns) == list(TRIP_COLUMNS)
    assert len(trips) == 14_998
    assert len(clean_trips(trips)) == 14_546


def test_the_present_layout_gives_the_same_table_with_the_zones_coordinates(
    sample: Path, tmp_path: Path
) -> None:
    new, zones = zoned(sample, 500)
    new.to_parquet(tmp_path / "new.parquet")
    read = read_trips(tmp_path / "new.parquet", zones=sample.with_name(ZONES_FILE))
    old = read_trips(sample).head(500)
    assert list(read.columns) == list(TRIP_COLUMNS)
    assert (read.pickup == old.pickup).all()
    assert (read.trip_distance == old.trip_distance).all()
    first = zones.loc[new.PULocationID[0]]
    assert read.startstationlatitude[0] == first["pqlookup.lat"]
    assert read.startstationlongitude[0] == first["pqlookup.long"]
    real = old.startstationlatitude.between(40.5, 41)
    assert (read.startstationlatitude - old.startstationlatitude)[real].abs().median() < 0.01


def test_the_zones_that_the_lookup_names_twice_are_told_apart(sample: Path, tmp_path: Path) -> None:
    new, _ = zoned(sample, 5)
    new["PULocationID"] = [56, 57, 103, 104, 105]
    assert _read(new, sample, tmp_path).startstationlongitude.nunique() == 5


def test_a_trip_from_an_unknown_zone_is_dropped(sample: Path, tmp_path: Path) -> None:
    new, _ = zoned(sample, 20)
    kept = len(clean_trips(_read(new, sample, tmp_path)))
    new.loc[0, "PULocationID"] = 264  # TLC's "unknown"
    assert len(clean_trips(_read(new, sample, tmp_path))) == kept - 1


def _read(table: pd.DataFrame, sample: Path, folder: Path) -> pd.DataFrame:
    table.to_parquet(folder / "trips.parquet")
    return read_trips(folder / "trips.parquet", zones=sample.with_name(ZONES_FILE))


def test_the_names_of_2014_with_their_leading_blanks(tmp_path: Path) -> None:
    file = tmp_path / "trips.csv"
    file.write_text(
        "vendor_id, pickup_datetime, dropoff_datetime, trip_distance, pickup_longitude,"
        " pickup_latitude, dropoff_longitude, dropoff_latitude\n"
        "CMT,2014-01-09 20:45:25,2014-01-09 20:52:31,0.7,-73.99,40.73,-73.98,40.75\n"
    )
    (row,) = clean_trips(read_trips(file)).to_dict("records")
    assert row["duration"] == 426
    assert (row["startstationlatitude"], row["endstationlongitude"]) == (40.73, -73.98)


@pytest.mark.parametrize("commas", [0, 1, 2])
def test_rows_that_end_in_more_commas_than_the_header(tmp_path: Path, commas: int) -> None:
    file = tmp_path / "yellow_2014-01.csv"
    file.write_text(
        "vendor_id, pickup_datetime, dropoff_datetime, trip_distance, pickup_longitude,"
        " pickup_latitude, dropoff_longitude, dropoff_latitude\n"
        "\n"
        "CMT,2014-01-09 20:45:25,2014-01-09 20:52:31,0.7,-73.99477,40.736828,-73.982227,40.73179"
        + ("," * commas + "\n")
    )
    (trip,) = clean_trips(read_trips(file)).to_dict("records")
    assert trip["pickup"] == pd.Timestamp("2014-01-09 20:45:25")
    assert trip["trip_distance"] == 0.7
    assert trip["startstationlongitude"] == -73.99477
    assert trip["duration"] == 426


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Trip_Pickup_DateTime": 1_230_812_000_000_000}, "no row has a time as its pickup"),
        (
            {"Trip_Dropoff_DateTime": "soon"},
            "no row has a time as its dropoff; the first has 'soon'",
        ),
        ({"Trip_Distance": "far"}, "no row has a number as its trip_distance"),
    ],
)
def test_a_column_that_holds_something_else_is_told(
    sample: Path, tmp_path: Path, change: dict, said: str
) -> None:
    file = tmp_path / "trips.csv"
    pd.read_csv(sample).head(5).assign(**change).to_csv(file, index=False)
    with pytest.raises(ValueError, match=f"trips.csv: {said}"):
        read_trips(file)


def test_times_as_new_york_s_open_data_writes_them(sample: Path, tmp_path: Path) -> None:
    old = pd.read_csv(sample).head(5)
    for column in ("Trip_Pickup_DateTime", "Trip_Dropoff_DateTime"):
        old.loc[1:, column] = pd.to_datetime(old[column][1:]).dt.strftime("%m/%d/%Y %I:%M:%S %p")
    old.to_csv(tmp_path / "trips.csv", index=False)
    pd.testing.assert_frame_equal(read_trips(tmp_path / "trips.csv"), read_trips(sample).head(5))


def test_one_bad_time_costs_one_trip_and_zones_may_be_text(sample: Path, tmp_path: Path) -> None:
    new, _ = zoned(sample, 5)
    new["tpep_pickup_datetime"] = new["tpep_pickup_datetime"].astype(str)
    new.loc[2, "tpep_pickup_datetime"] = "never"
    new["PULocationID"] = new["PULocationID"].astype(str)
    new.to_csv(tmp_path / "trips.csv", index=False)
    assert len(read_trips(tmp_path / "trips.csv", zones=sample.with_name(ZONES_FILE)).dropna()) == 4


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", b""), ("a.parquet", b"no"), ("a.csv", b"\xff\xfe\x00,")]
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        read_trips(tmp_path / name)


def test_an_unknown_layout_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(
        ValueError, match=r"other\.csv is in no layout .* pickup, .* columns a, b\.$"
    ):
        read_trips(tmp_path / "other.csv")


def test_zones_without_centroids_say_which_file_is_missing(sample: Path, tmp_path: Path) -> None:
    zoned(sample, 3)[0].to_parquet(tmp_path / "trips.parquet")
    with pytest.raises(ValueError, match=r"put taxi_zone_centroids\.csv beside the trips"):
        read_trips(tmp_path / "trips.parquet")


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"seconds": 20}, False),
        ({"seconds": 21}, True),
        ({"seconds": 10_799}, True),
        ({"seconds": 10_800}, False),
        ({"miles": 0.0}, False),
        ({"miles": 0.01}, True),
        ({"miles": 149.9}, True),
        ({"miles": 150.0}, False),
        ({"miles": float("nan")}, False),
    ],
)
def test_the_filters_limits(changed: dict, kept: bool) -> None:
    assert len(clean_trips(pd.DataFrame([trip(**changed)]))) == int(kept)


@pytest.mark.parametrize(
    ("pickup", "work", "weekday", "hour"),
    [
        ("2009-01-20 08:00", 1, 1, 8),  # a Tuesday
        ("2009-01-20 07:59", 0, 1, 7),
        ("2009-01-23 17:59", 1, 1, 17),
        ("2009-01-23 18:00", 0, 1, 18),
        ("2009-01-24 10:00", 0, 0, 10),  # a Saturday
    ],
)
def test_work_weekday_and_hour(pickup: str, work: int, weekday: int, hour: int) -> None:
    (row,) = features(pd.DataFrame([trip(pickup)]))
    named = dict(zip(FEATURES, row.tolist(), strict=True))
    assert (named["work"], named["weekday"], named["hour"]) == (work, weekday, hour)
    assert named["trip_distance"] == 2
    assert named["endstationlongitude"] == np.float32(-73.78)


def test_the_scores_of_known_errors() -> None:
    real, predicted = np.array([100.0, 200.0]), np.array([103.0, 196.0])
    found = scores(real, predicted)
    assert found["MAE"] == 3.5
    assert found["RMSE"] == pytest.approx(12.5**0.5, abs=1e-3)
    assert found["RMSLE"] == pytest.approx(0.025, abs=1e-3)


def test_the_score_table_lines_up() -> None:
    table = score_table(
        {"XGBoost": {"MAE": 158.0, "RMSLE": 0.4}, "the mean": {"MAE": 330.0, "RMSLE": 0.7}}
    )
    assert table.splitlines() == [
        "             XGBoost    the mean",
        "MAE (s)        158.0       330.0",
        "RMSLE          0.400       0.700",
    ]
