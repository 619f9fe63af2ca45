"""Where the trips come from, and how they reach the project repository.

Looked at in turn: the file that ``KD_TAXI_TRIPS`` names; the repository's ``data/``;
``../shared/data`` beside the checkout (tests and CI); a download; and where nothing can be
downloaded, a generated sample that says so. ``KD_TAXI_DOWNLOAD`` is ``no``, or a month such as
``2024-01`` of TLC's present files (50 MB); unset means the tutorial's sample of 2009 (2.7 MB).
"""

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import requests
from taxi_generated import GENERATED_FILE, write_generated_trips
from taxi_trips import ZONES_FILE, read_file, read_trips

from kd_pipeline.atomic import write_atomic
from kd_pipeline.errors import InvalidInput, PathNotFound, TooLarge, Unavailable
from kd_pipeline.project_repository import ProjectRepository

HERE = Path(__file__).resolve().parent
SHARED_DATA = HERE.parents[1] / "shared" / "data"
CODE = (HERE / "taxi_trips.py", *sorted((HERE / "code").glob("*.py")))
FIRST, NEW, TEST = "data/taxi-1.csv", "data/taxi-2.csv", "data/taxi-test.csv"
FIRST_SHARE, TEST_SHARE = 0.5, 0.15  # of the trips, by time; the new ones lie between
MOST_TRIPS = 60_000  # of a month with millions; the demo is to take seconds

# The public demo data of the tutorial of 2020, at one commit and with its checksums.
_TUTORIAL = (
    "https://raw.githubusercontent.com/bluedatainc/solutions/"
    "cd1e3e620335486dc3c3a9fc69906f5297a232c2/MLOps/examples/NYCTaxi/Taxi%20Datasets/"
)
SAMPLE_URL = _TUTORIAL + "TensorFlow%20Demo%20Data/small_yellow_tripdata_2009-01.csv"
SAMPLE_SHA256 = "1ce3831e2ea887a80ef7b663d0997bf626707548afc83eca0fb80ced7405565a"
ZONES_URL = _TUTORIAL + "lookup-ipyheader.csv"
ZONES_SHA256 = "688e18691ded0b8255c1ae5b47418696d7921a16bb58ced7f6f82e6e8883987c"
MONTH_URL = "https://d37ci6vzurychx.cloudfront.net/trip-data/yellow_tripdata_{month}.parquet"
TIMEOUTS_S = (3.05, 20)  # to connect, and between two pieces
LARGEST_DOWNLOAD = 1 << 30


@dataclass(frozen=True)
class TripSource:
    """A file of trips in the project repository, and what it is."""

    path: Path
    origin: str

    @property
    def generated(self) -> bool:
        """Whether no taxi ever drove these trips."""
        return self.path.name.startswith("generated_")

    def __str__(self) -> str:
        kind = "GENERATED trips, not real ones" if self.generated else "TLC trips"
        return f"{self.path.name}: {kind} ({self.origin})"


def find_trips(data: Path) -> TripSource:
    """Return the trips in the folder ``data``, after bringing them there where they are not.

    Raises PathNotFound where ``KD_TAXI_TRIPS`` names no file, Unavailable where the month of
    ``KD_TAXI_DOWNLOAD`` cannot be downloaded.
    """
    named, wish = os.environ.get("KD_TAXI_TRIPS"), os.environ.get("KD_TAXI_DOWNLOAD", "")
    if named:
        if not Path(named).is_file():
            raise PathNotFound(f"KD_TAXI_TRIPS names {named!r}, which is not a file.")
        return _copied(Path(named), data, "named by KD_TAXI_TRIPS")
    if wish not in ("", "no"):
        return _month(data, wish)
    for folder, origin in ((data, "found in the project repository"), (SHARED_DATA, "shared data")):
        found = [*folder.glob("*tripdata*.csv"), *folder.glob("*tripdata*.parquet")]
        if found:  # real ones first
            found.sort(key=lambda path: (path.name.startswith("generated_"), path.name))
            return _copied(found[0], data, origin)
    try:
        return _sample(data, allowed=wish != "no")
    except Unavailable as why:
        return TripSource(write_generated_trips(data / GENERATED_FILE), str(why).rstrip("."))


def lay_out(repository: ProjectRepository) -> TripSource:
    """Put into the repository what the notebook starts with, and return where it came from.

    ``data/`` gets the first half of the trips and the last ones to test by, ``code/`` the module
    that reads trips and the scoring scripts.
    """
    repository.create()
    source = find_trips(repository.root / "data")
    for file in CODE:
        _put(repository.root / "code" / file.name, file.read_bytes())
    _deliver(source, repository, FIRST, 0, FIRST_SHARE)
    _deliver(source, repository, TEST, 1 - TEST_SHARE, 1)
    return source


def new_trips_arrive(source: TripSource, repository: ProjectRepository) -> Path:
    """Put the trips between the first and the last ones into ``data/`` and return their file."""
    return _deliver(source, repository, NEW, FIRST_SHARE, 1 - TEST_SHARE)


def download(url: str, target: Path, sha256: str | None = None) -> Path:
    """Fetch ``url`` to ``target``, whole or not at all.

    Raises Unavailable where it cannot be fetched, TooLarge over 1 GiB, InvalidInput where the
    content is not what the checksum says.
    """
    partial = target.with_name(f".{target.name}.partial")
    digest = hashlib.sha256()
    try:
        with (
            requests.get(url, stream=True, timeout=TIMEOUTS_S) as answer,
            partial.open("wb") as out,
        ):
            answer.raise_for_status()
            for piece in answer.iter_content(1 << 20):
                digest.update(piece)
                if out.tell() + len(piece) > LARGEST_DOWNLOAD:
                    raise TooLarge(f"{url} is over {LARGEST_DOWNLOAD:,} bytes; not fetched.")
                out.write(piece)
        if sha256 and digest.hexdigest() != sha256:
            raise InvalidInput(f"{url} holds other data than expected; not used.")
        return partial.replace(target)
    except requests.RequestException as error:
        raise Unavailable(f"{target.name} could not be downloaded.") from error
    finally:
        partial.unlink(missing_ok=True)


def _sample(data: Path, allowed: bool) -> TripSource:
    """Download the tutorial's sample; raises Unavailable where that is not possible."""
    if not allowed:
        raise Unavailable("nothing may be downloaded: KD_TAXI_DOWNLOAD=no")
    target = data / "yellow_tripdata_2009-01_sample.csv"
    return TripSource(download(SAMPLE_URL, target, SAMPLE_SHA256), "downloaded")


def _month(data: Path, month: str) -> TripSource:
    """Download a month of TLC's present files, with the zones, unless it is in ``data``."""
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month):
        raise InvalidInput(f"KD_TAXI_DOWNLOAD is {month!r}; give 'no' or a month such as 2024-01.")
    target = data / f"yellow_tripdata_{month}.parquet"
    if not (data / ZONES_FILE).exists():
        download(ZONES_URL, data / ZONES_FILE, ZONES_SHA256)
    if not target.exists():
        download(MONTH_URL.format(month=month), target)
    return TripSource(target, "downloaded")


def _copied(file: Path, data: Path, origin: str) -> TripSource:
    """Copy trips, and the zones beside them, into ``data``."""
    for each in (file, file.parent / ZONES_FILE):
        target = data / each.name
        if each.is_file() and not (target.exists() and target.samefile(each)):
            temporary = target.with_name(f".{target.name}.partial")
            shutil.copyfile(each, temporary)
            temporary.replace(target)
    return TripSource(data / file.name, origin)


def _deliver(
    source: TripSource, repository: ProjectRepository, name: str, start: float, end: float
) -> Path:
    """Write the trips between two shares of the time as CSV with TLC's own columns."""
    path = source.path
    raw = read_file(path)
    order = read_trips(path)["pickup"].argsort(kind="stable")
    chosen = order[:: -(-len(order) // MOST_TRIPS)]
    part = raw.iloc[chosen[round(len(chosen) * start) : round(len(chosen) * end)]]
    return _put(repository.root / name, part.to_csv(index=False).encode())


def _put(target: Path, content: bytes) -> Path:
    """Write ``content`` where it is not already there, so that a second run changes nothing."""
    if not target.exists() or target.read_bytes() != content:
        write_atomic(target, content, mode=0o644)  # the repository is there to be shared
    return target
