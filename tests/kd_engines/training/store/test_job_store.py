"""Job directories: ids, keys, and what is kept where."""

import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kd_engines.training.job_folder import payload
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.errors import Conflict, InvalidInput, NotFound, Unavailable
from kd_pipeline.messages import SubmitJob, Value


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """An empty repository's jobs."""
    return JobStore(tmp_path, "engine-1")


def test_ids_are_small_numbers_unique_in_the_repository(store: JobStore) -> None:
    other = JobStore(store.root, "engine-2")
    stores = [store, other, store, store, other]
    assert [each.submit(SubmitJob(code="pass"))[0] for each in stores] == [1, 2, 3, 4, 5]
    assert store.ids() == [1, 3, 4]
    with pytest.raises(NotFound, match="no job 2"):
        store.record(2)


def test_concurrent_submissions_with_one_key_are_one_job(store: JobStore) -> None:
    stores = [store, *(JobStore(store.root, "engine-1") for _ in range(7))]
    wanted = SubmitJob(code="pass", idempotency_key="k")
    answers: list[tuple[int, bool]] = []
    barrier = threading.Barrier(len(stores))

    def submit(each: JobStore) -> None:
        barrier.wait()
        answers.append(each.submit(wanted))

    threads = [threading.Thread(target=submit, args=(each,)) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({job for job, _ in answers}) == 1
    assert [created for _, created in answers].count(True) == 1
    fresh = JobStore(store.root, "engine-1")
    assert len(fresh.ids()) == 1
    with pytest.raises(Conflict):
        fresh.submit(SubmitJob(code="other", idempotency_key="k"))


def test_a_submission_that_was_cut_off_is_completed_by_its_repetition(store: JobStore) -> None:
    wanted = SubmitJob(code="pass", idempotency_key="k")
    job, _ = store.submit(wanted)
    store.path(job, "job.json").unlink()  # as if the engine had died before the last step
    fresh = JobStore(store.root, "engine-1")
    assert fresh.unfinished() == []
    assert fresh.submit(wanted) == (job, True)
    assert fresh.record(job).status == "Queued"


WITH_VALUES = SubmitJob(
    code="pass",
    idempotency_key="k",
    params={"lr": 0.1},
    inputs={"x": Value("json", b"[1]", "list")},
    outputs=["y"],
    files={"lib/a.py": b"A = 1"},
)
STEPS = ("job.json", "sent.msgpack", "code.py", "")  # as they are undone, the last one first


@pytest.mark.parametrize("steps", range(1, 5))
def test_a_submission_with_values_is_completed_from_every_point(
    store: JobStore, steps: int
) -> None:
    job, _ = store.submit(WITH_VALUES)
    for name in STEPS[:steps]:
        path = store.path(job, name)
        path.unlink() if name else path.rmdir()
    fresh = JobStore(store.root, "engine-1")
    assert fresh.unfinished() == []
    other = msgspec.structs.replace(WITH_VALUES, inputs={"x": Value("json", b"[2]", "list")})
    with pytest.raises(Conflict):
        fresh.submit(other)
    assert fresh.submit(WITH_VALUES) == (job, True)
    assert fresh.submit(WITH_VALUES) == (job, False)
    kept = payload.unpack(fresh.path(job, "sent.msgpack").read_bytes())
    assert (kept.params, kept.inputs, kept.outputs, kept.files) == (
        WITH_VALUES.params,
        WITH_VALUES.inputs,
        WITH_VALUES.outputs,
        WITH_VALUES.files,
    )
    assert fresh.record(job).job.inputs == ["x"]


def test_what_was_sent_is_there_before_the_job_is(store: JobStore) -> None:
    job, _ = store.submit(WITH_VALUES)
    times = [store.path(job, name).stat().st_ctime_ns for name in ("sent.msgpack", "job.json")]
    assert times[0] <= times[1]
    assert store.path(job, "sent.msgpack").stat().st_mode & 0o077 == 0
    alone, _ = store.submit(SubmitJob(code="pass"))
    assert not store.path(alone, "sent.msgpack").exists()


@pytest.mark.parametrize(
    "other",
    [
        {"params": {"lr": 0.2}},
        {"outputs": []},
        {"files": {"lib/a.py": b"A = 2"}},
        {"pickle_outputs": True},
        {"first_line": 2},
    ],
)
def test_a_key_stands_for_all_that_was_sent(store: JobStore, other: dict[str, Any]) -> None:
    store.submit(WITH_VALUES)
    with pytest.raises(Conflict):
        store.submit(msgspec.structs.replace(WITH_VALUES, **other))
    with pytest.raises(Conflict):
        store.submit(WITH_VALUES, rerun_of=1)


def test_a_terminal_status_never_changes(store: JobStore) -> None:
    job, _ = store.submit(SubmitJob(code="pass"))
    store.request_cancel(job, "Not needed.")
    store.end(job, "Finished", "too late")
    record = JobStore(store.root, "engine-1").record(job)
    assert record.exit is not None
    assert (record.status, record.exit.reason) == ("Cancelled", "Not needed.")


def test_a_job_can_be_claimed_once(store: JobStore) -> None:
    job, _ = store.submit(SubmitJob(code="pass"))
    assert store.claim(job)
    assert not JobStore(store.root, "engine-1").claim(job)


def test_code_and_record_are_files_that_only_the_owner_reads(store: JobStore) -> None:
    job, _ = store.submit(SubmitJob(code="print('é')", env={"KEY": "value"}))
    assert store.path(job, "code.py").read_text(encoding="utf-8") == "print('é')"
    assert json.loads(store.path(job, "job.json").read_bytes())["env"] == {"KEY": "value"}
    for name in ("code.py", "job.json"):
        assert store.path(job, name).stat().st_mode & 0o077 == 0


def test_jobs_of_another_process_are_listed(store: JobStore) -> None:
    other = JobStore(store.root, "engine-1")
    assert store.ids() == []
    other.submit(SubmitJob(code="pass"))
    store._list._next_look = 0.0  # a second later
    assert store.ids() == [1]


def test_a_repository_that_cannot_be_written_takes_no_job(store: JobStore) -> None:
    store.folder.rmdir()
    store.folder.touch()
    with pytest.raises(Unavailable, match="cannot be written"):
        store.submit(SubmitJob(code="pass"))


def test_a_damaged_end_is_told_and_stops_nothing_else(store: JobStore) -> None:
    damaged, whole = (store.submit(SubmitJob(code="pass"))[0] for _ in range(2))
    store.path(damaged, "exit.json").write_bytes(b"{")
    ended = store.record(damaged).exit
    assert ended is not None
    assert (ended.status, "damaged" in str(ended.reason)) == ("Lost", True)
    assert store.unfinished() == [whole]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "a\0"])
def test_a_cluster_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        JobStore(tmp_path, name)
