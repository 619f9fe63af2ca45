"""Jobs are found by user and status without a look at every folder, however many there are."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kd_engines.training.store import job_list
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.messages import SubmitJob
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine

MANY = 1500
ALL = 2**53
ENDED = "2026-11-01T10:00:02.000Z"


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep indexes in a folder of the test."""
    monkeypatch.setenv("KD_JOB_INDEX", str(tmp_path / "index"))
    return tmp_path / "index"


def make_jobs(root: Path, count: int = MANY) -> None:
    """Make jobs that have ended: every tenth failed, and one is of another user."""
    folder = root / "misc" / CLUSTER / "jobs"
    for job in range(1, count + 1):
        (folder / str(job)).mkdir(parents=True)
        (root / "misc" / ".job-ids" / str(job)).mkdir(parents=True)
        submitted = {"id": job, "submitted": ENDED, "code_sha256": ""}
        submitted["user"] = "rare" if job == 3 else "ann"
        status = "Failed" if job % 10 == 0 else "Finished"
        (folder / str(job) / "job.json").write_text(json.dumps(submitted))
        (folder / str(job) / "code.py").write_text(f"print({job})")
        ended = {"status": status, "ended": ENDED}
        (folder / str(job) / "exit.json").write_text(json.dumps(ended))


def indexed(root: Path) -> JobStore:
    """Return a store that has looked at all jobs."""
    store = JobStore(root, CLUSTER)
    store.unfinished()
    while store._list._unindexed:
        store.index_ended()
    return store


def ids(store: JobStore, before: int = ALL, **wanted: str) -> list[int]:
    return [record.job.id for record in store.newest(before, **wanted)]


def read(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the list that each job goes into whose files are read from now on."""
    found: list[int] = []
    original = store._read_record

    def counted(job: int, patient: bool) -> object:
        found.append(job)
        return original(job, patient)

    monkeypatch.setattr(store, "_read_record", counted)
    return found


def test_a_rare_user_is_found_without_reading_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_jobs(tmp_path)
    indexed(tmp_path)
    after_a_restart = JobStore(tmp_path, CLUSTER)
    looked_at = read(after_a_restart, monkeypatch)
    assert after_a_restart.unfinished() == []
    assert ids(after_a_restart, user="rare") == [3]
    assert ids(after_a_restart, user="nobody") == []
    assert ids(after_a_restart, 41, status="Failed") == [40, 30, 20, 10]
    assert ids(after_a_restart, 11, status="Failed", user="ann") == [10]
    assert sorted(looked_at) == [3, 10, 20, 30, 40]


def test_what_is_not_indexed_yet_is_found_too_and_each_once(tmp_path: Path) -> None:
    make_jobs(tmp_path, 30)
    store = indexed(tmp_path)
    new = [store.submit(SubmitJob(code="pass", user=user))[0] for user in ("rare", "ann")]
    assert ids(store, user="rare") == [new[0], 3]
    store.end(new[0], "Failed", "x")
    assert store.unfinished() == [new[1]]
    assert ids(store, status="Failed") == [new[0], 30, 20, 10]
    store.index_ended()
    assert ids(store, status="Failed") == [new[0], 30, 20, 10]
    assert ids(store) == [*reversed(new), *range(30, 0, -1)]


def test_a_folder_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    make_jobs(tmp_path, 30)
    store = JobStore(tmp_path, CLUSTER)
    assert indexed(tmp_path).folder == store.folder
    shutil.rmtree(store.folder / "20")
    assert ids(store, status="Failed") == [30, 10]
    assert list(store._list._indexed(ALL, "Failed", None)) == [30, 10]


def test_another_repository_in_its_place_has_its_own(tmp_path: Path) -> None:
    make_jobs(tmp_path / "repository", 30)
    indexed(tmp_path / "repository")
    shutil.rmtree(tmp_path / "repository")
    make_jobs(tmp_path / "repository", 5)
    assert ids(JobStore(tmp_path / "repository", CLUSTER), status="Failed") == []


def test_a_damaged_index_is_made_again(tmp_path: Path, kept: Path) -> None:
    make_jobs(tmp_path, 30)
    indexed(tmp_path)._list._index._connection.close()  # type: ignore[union-attr]
    (file,) = kept.glob("*.sqlite")
    for left in kept.glob("*-wal"):
        left.unlink()
    file.write_bytes(b"x" * 20_000)
    assert ids(indexed(tmp_path), user="rare") == [3]
    assert not file.exists()


def test_an_index_that_cannot_be_read_any_more_costs_time_alone(tmp_path: Path) -> None:
    make_jobs(tmp_path, 30)
    store = indexed(tmp_path)
    store._list._index._connection.close()  # type: ignore[union-attr]
    assert ids(store, user="rare") == [3]
    assert ids(store, 25, status="Failed") == [20, 10]


@pytest.mark.parametrize("name", ["9" * 30, str(2**53 + 1), "9" * 18])
def test_a_folder_that_can_be_no_job_stops_nothing(tmp_path: Path, name: str) -> None:
    make_jobs(tmp_path, 3)
    for place in (f"{CLUSTER}/jobs", ".job-ids"):
        (tmp_path / "misc" / place / name).mkdir()
    store = JobStore(tmp_path, CLUSTER)
    assert store.submit(SubmitJob(code="pass"))[0] == 4
    assert store.unfinished() == [4]


def test_those_of_repositories_that_are_gone_do_not_stay(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kd_engines.training.store.job_index.MOST", 2)
    for number in range(5):
        make_jobs(tmp_path / str(number), 2)
        indexed(tmp_path / str(number))
    assert len(list(kept.glob("*.sqlite"))) == 3


def test_a_job_of_another_engine_is_seen_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_jobs(tmp_path, 5)
    mine, other = JobStore(tmp_path, CLUSTER), JobStore(tmp_path, CLUSTER)
    assert mine.unfinished() == []
    job, _ = other.submit(SubmitJob(code="pass"))
    monkeypatch.setattr(job_list.time, "monotonic", lambda: float("inf"))
    assert mine.unfinished() == [job]


def test_history_is_as_long_as_a_client_can_take(
    start_engine: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    make_jobs(tmp_path / "repository")
    engine = start_engine(tmp_path / "repository")
    first = engine.call("GET", "/history")
    assert [one["id"] for one in first.json()] == list(range(MANY, MANY - 1000, -1))
    older = first.links["next"]["url"]
    second = engine.call("GET", older.removeprefix(engine.url))
    assert [one["id"] for one in second.json()] == list(range(MANY - 1000, 0, -1))
    assert "next" not in second.links
    eventually(lambda: len(engine.get("/jobs?user=rare")["jobs"]) == 1)


def test_without_a_place_for_it_the_index_is_in_memory(
    tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_jobs(tmp_path, 30)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    assert ids(indexed(tmp_path), user="rare") == [3]
    assert list(kept.iterdir()) == []
