"""Where trips are found, in which order, and what reaches the project repository."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import taxi_source
from taxi_generated import GENERATED_FILE, write_generated_trips
from taxi_source import FIRST, NEW, TEST, download, find_trips, lay_out, new_trips_arrive
from taxi_trips import clean_trips, read_trips

from kd_pipeline.errors import InvalidInput, PathNotFound, Unavailable
from kd_pipeline.project_repository import ProjectRepository


@pytest.fixture
def nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty ``data/``, with no trips anywhere else."""
    monkeypatch.setattr(taxi_source, "SHARED_DATA", tmp_path / "shared")
    monkeypatch.delenv("KD_TAXI_TRIPS", raising=False)
    monkeypatch.setenv("KD_TAXI_DOWNLOAD", "no")
    data = tmp_path / "data"
    data.mkdir()
    return data


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve a folder over HTTP: its URL and the folder."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None: ...

    folder = tmp_path / "web"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


def test_generated_trips_say_so_everywhere(nothing_there: Path) -> None:
    source = find_trips(nothing_there)
    assert source.generated
    assert source.path.name == GENERATED_FILE
    assert "GENERATED trips, not real ones" in str(source)
    assert set(pd.read_csv(source.path)["vendor_name"]) == {"GENERATED"}


def test_generated_trips_are_the_same_each_time_and_need_the_filter(tmp_path: Path) -> None:
    first = write_generated_trips(tmp_path / "a.csv", trips=2_000)
    second = write_generated_trips(tmp_path / "b.csv", trips=2_000)
    assert first.read_bytes() == second.read_bytes()
    trips = read_trips(first)
    assert len(trips) == 2_000
    assert 1_900 < len(clean_trips(trips)) < 2_000


def test_the_order_of_looking(nothing_there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, named = nothing_there.parent / "shared", nothing_there.parent / "mine.csv"
    shared.mkdir()
    write_generated_trips(shared / "yellow_tripdata_2009-01.csv", 10)
    write_generated_trips(named, 10)
    assert find_trips(nothing_there).origin == "shared data"
    assert find_trips(nothing_there).origin == "found in the project repository"
    monkeypatch.setenv("KD_TAXI_TRIPS", str(named))
    assert find_trips(nothing_there).path == nothing_there / "mine.csv"


def test_a_named_file_that_is_not_there(
    nothing_there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_TAXI_TRIPS", "/nowhere/trips.csv")
    with pytest.raises(PathNotFound, match=r"KD_TAXI_TRIPS names '/nowhere/trips\.csv'"):
        find_trips(nothing_there)


def test_the_sample_is_downloaded_where_that_may_be(
    nothing_there: Path, web: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = web
    file = write_generated_trips(folder / "sample.csv", 10)
    monkeypatch.delenv("KD_TAXI_DOWNLOAD")
    monkeypatch.setattr(taxi_source, "SAMPLE_URL", f"{url}/sample.csv")
    monkeypatch.setattr(taxi_source, "SAMPLE_SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    source = find_trips(nothing_there)
    assert (source.origin, source.generated) == ("downloaded", False)
    assert source.path.read_bytes() == file.read_bytes()


def test_a_month_of_tlc_is_downloaded_with_its_zones(
    nothing_there: Path, web: tuple[str, Path], sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = web
    zones = folder / "zones.csv"
    zones.write_bytes(sample.with_name("taxi_zone_centroids.csv").read_bytes())
    pickup = pd.date_range("2024-01-01", periods=100, freq="h")
    pd.DataFrame(
        {
            "tpep_pickup_datetime": pickup,
            "tpep_dropoff_datetime": pickup + pd.Timedelta(minutes=9),
            "trip_distance": 1.5,
            "PULocationID": 161,
            "DOLocationID": 132,
        }
    ).to_parquet(folder / "2024-01.parquet")
    monkeypatch.setattr(taxi_source, "MONTH_URL", url + "/{month}.parquet")
    monkeypatch.setattr(taxi_source, "ZONES_URL", f"{url}/zones.csv")
    monkeypatch.setenv("KD_TAXI_DOWNLOAD", "2024-01")
    repository = ProjectRepository(nothing_there.parent)
    lay_out(repository)
    assert len(clean_trips(read_trips(repository.root / FIRST))) == 50


@pytest.mark.parametrize("wish", ["2024-13", "yes", "../x"])
def test_a_wish_that_is_no_month(
    nothing_there: Path, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    monkeypatch.setenv("KD_TAXI_DOWNLOAD", wish)
    with pytest.raises(InvalidInput, match="give 'no' or a month such as 2024-01"):
        find_trips(nothing_there)


def test_a_download_that_fails_leaves_nothing(tmp_path: Path, web: tuple[str, Path]) -> None:
    url, folder = web
    (folder / "file").write_bytes(b"other")
    target = tmp_path / "target"
    with pytest.raises(Unavailable, match="could not be downloaded"):
        download(f"{url}/missing", target)
    with pytest.raises(InvalidInput, match="holds other data than expected"):
        download(f"{url}/file", target, "0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["web"]


def test_without_a_network_the_trips_are_generated(
    nothing_there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KD_TAXI_DOWNLOAD")
    monkeypatch.setattr(taxi_source, "SAMPLE_URL", "http://127.0.0.1:9/sample.csv")
    source = find_trips(nothing_there)
    assert source.generated
    assert "could not be downloaded" in source.origin


def test_the_repository_gets_the_first_half_then_the_new_ones(sample: Path, tmp_path: Path) -> None:
    repository = ProjectRepository(tmp_path)
    source = lay_out(repository)
    assert {p.name for p in (tmp_path / "code").iterdir()} == {
        "taxi_trips.py",
        "score_taxi.py",
        "score_taxi_2020.py",
    }
    assert not (tmp_path / NEW).exists()
    new_trips_arrive(source, repository)
    parts = [read_trips(tmp_path / name) for name in (FIRST, NEW, TEST)]
    assert [len(part) for part in parts] == [7_499, 5_249, 2_250]
    assert parts[0].pickup.max() <= parts[1].pickup.min()
    assert parts[1].pickup.max() <= parts[2].pickup.min()
    assert sum(len(clean_trips(part)) for part in parts) == 14_546


def test_a_second_run_writes_nothing(sample: Path, tmp_path: Path) -> None:
    repository = ProjectRepository(tmp_path)
    lay_out(repository)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    lay_out(repository)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == before
