"""A job's curves: the metrics that its log tells, and what it used, both over time."""

import os
import sys
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Record, Started, Submitted
from kd_engines.training.runner.usage import WRITE_S, Meter
from kd_engines.training.store.job_curves import MOST_KEPT, WHOLE, JobCurves
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.messages import Curves, MetricPoint, SubmitJob, UsagePoint
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is used")


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """A store with one job."""
    found = JobStore(tmp_path, "c")
    found.submit(SubmitJob(code="pass"))
    return found


def record(job: int = 1) -> Record:
    """Return what the files of a running job say."""
    return Record(Submitted(job, records.now(), ""), Started(records.now(), pid=1))


def write(store: JobStore, text: str, name: str = records.LOG) -> None:
    """Append to a file of job 1."""
    with store.path(1, name).open("a") as file:
        file.write(text)


def epochs(begin: int, end: int) -> str:
    """Return a training's lines."""
    return "".join(f"epoch {n}/999999 loss={1000 - n / 1000}\n" for n in range(begin, end))


def test_a_job_that_has_told_nothing_has_no_curves(store: JobStore) -> None:
    found = JobCurves(store).find(record())
    assert (found.metrics, found.usage, found.is_sampled) == ({}, [], False)


def test_a_log_is_read_on_from_where_it_was_read(store: JobStore) -> None:
    curves = JobCurves(store)
    write(store, "epoch 1/9 loss=0.5 acc=0.25\nepoch 2/9 lo")
    assert curves.find(record()).metrics["loss"] == [MetricPoint(1, 1, 0.5)]
    write(store, "ss=0.25\n")
    found = curves.find(record())
    assert found.metrics["loss"] == [MetricPoint(1, 1, 0.5), MetricPoint(2, 2, 0.25)]
    assert found.metrics["acc"] == [MetricPoint(1, 1, 0.25)]
    assert not found.is_sampled


def test_values_without_an_epoch_keep_their_number_where_they_are_thinned(store: JobStore) -> None:
    write(store, "".join(f"loss={n}\n" for n in range(1, 251)))
    points = JobCurves(store).find(record()).metrics["loss"]
    assert len(points) < 250
    assert [point.number for point in points] == [point.value for point in points]
    assert points[-1].number == 250


def test_what_is_no_number_in_json_is_left_out(store: JobStore) -> None:
    write(store, "loss=nan\nloss=1e999\n      Iter       Train Loss   Remaining Time\n")
    write(store, "         1           1e999            3.00s\nacc=0.5\n")
    found = JobCurves(store).find(record())
    assert list(found.metrics) == ["acc"]
    assert msgspec.json.decode(msgspec.json.encode(found), type=Curves) == found


def test_what_is_forgotten_is_read_again(store: JobStore) -> None:
    curves = JobCurves(store)
    write(store, epochs(1, 4))
    first = curves.find(record())
    for other in range(2, MOST_KEPT + 2):
        curves.find(record(other))
    assert curves.find(record()) == first


def test_of_a_log_of_gigabytes_parts_are_read_that_show_its_whole_course(store: JobStore) -> None:
    write(store, epochs(1, 2))
    size = 0
    with store.path(1, records.LOG).open("a") as file:
        begin = 2
        while size < 40 * WHOLE:
            size += file.write(epochs(begin, begin + 1000) + "·" * 50_000 + "\n")
            begin += 1000
    found = JobCurves(store).find(record())
    assert found.is_sampled
    points = found.metrics["loss"]
    steps = [point.at or 0 for point in points]
    assert steps == sorted(steps)
    assert steps[0] < begin * 0.1
    assert steps[-1] > begin * 0.9
    assert max(after - before for before, after in pairwise(steps)) < begin / 5
    assert all(point.value == 1000 - (point.at or 0) / 1000 for point in points)


def test_a_log_that_is_no_file_tells_nothing(store: JobStore) -> None:
    store.path(1, records.LOG).mkdir(parents=True)
    write(store, "no JSON\n", records.USAGE_TIMES)
    assert JobCurves(store).find(record()).metrics == {}
    assert JobCurves(store).find(record()).usage == []


def test_a_line_that_is_no_point_is_left_out(store: JobStore) -> None:
    write(store, '{"a":' * 10_000 + "\n", records.USAGE_TIMES)
    write(store, '{"time": "t", "cpu_percent": 5.0, "memory_bytes": 9}\n{"ti', records.USAGE_TIMES)
    assert JobCurves(store).find(record()).usage == [UsagePoint("t", 5.0, 9)]


@linux
def test_the_longer_a_job_runs_the_farther_apart_are_the_looks_at_what_it_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr("kd_engines.training.runner.usage.time.monotonic", lambda: seconds)
    meter = Meter(str(tmp_path), seconds, {})
    lines = []
    for hour in (1, 24, 24 * 7):
        while seconds < hour * 3600:
            seconds += WRITE_S if seconds < 3600 else 60.0
            meter.sample([], seconds / 2, 0)
        lines.append(len((tmp_path / records.USAGE_TIMES).read_text().splitlines()))
    assert 200 < lines[0] < 400
    assert lines[0] < lines[1] < lines[2] < 1_000
    (store := JobStore(tmp_path / "r", "c")).submit(SubmitJob(code="pass"))
    (tmp_path / records.USAGE_TIMES).rename(store.path(1, records.USAGE_TIMES))
    found = JobCurves(store).find(record()).usage
    assert len(found) == lines[2]
    assert {point.cpu_percent for point in found} == {50.0}


@linux
def test_the_end_of_a_job_is_told_however_old_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 0.0
    monkeypatch.setattr("kd_engines.training.runner.usage.time.monotonic", lambda: seconds)
    meter = Meter(str(tmp_path), seconds, {})
    for seconds in (100_000.0, 100_001.0):
        meter.sample([os.getpid()], seconds, 0)
    seconds += 1
    meter.end(seconds)
    lines = (tmp_path / records.USAGE_TIMES).read_text().splitlines()
    assert len(lines) == 2
    assert msgspec.json.decode(lines[1])["memory_bytes"] > 2**20


@linux
@pytest.mark.slow
def test_a_running_job_tells_its_curves_and_keeps_them(engine: RunningEngine) -> None:
    code = (
        "import time\nheld = bytearray(60 * 1024 * 1024)\n"
        "for n in range(1, 4): print(f'epoch {n}/3 loss={1 / n}')\n"
        "until = time.monotonic() + 600\nwhile time.monotonic() < until: pass"
    )
    job = engine.submit(code)["id"]
    told = eventually(lambda: _enough(engine.get(f"/jobs/{job}/curves")))
    assert told["metrics"]["loss"] == [{"number": n, "at": n, "value": 1 / n} for n in range(1, 4)]
    assert all(60 * 2**20 < one["memory_bytes"] < 400 * 2**20 for one in told["usage"])
    assert all(10 < one["cpu_percent"] < 150 for one in told["usage"])
    engine.call("POST", f"/jobs/{job}/cancel")
    engine.wait(job)
    kept = engine.get(f"/jobs/{job}/curves")
    assert kept["usage"][:2] == told["usage"][:2]
    assert engine.call("GET", "/jobs/99/curves").status_code == 404


def _enough(curves: dict[str, list[object]]) -> dict[str, list[object]] | None:
    return curves if len(curves["usage"]) >= 2 else None
