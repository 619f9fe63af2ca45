"""A job's code may write into its directory: the engine reads what is there with care."""

import os
from pathlib import Path

import msgspec
import pytest

from kd_engines.training.store import results
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.errors import NotFound
from kd_pipeline.messages import RerunJob, SubmitJob, ValueInfo, Values


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    """A repository with one job, which has kept one value."""
    store = JobStore(tmp_path, "engine-1")
    store.submit(SubmitJob(code="pass", outputs=["x"]))
    store.path(1, "values").mkdir()
    index = Values([ValueInfo("x", "json", 1, "int")], {}, "3.11.4")
    store.path(1, "values/index.json").write_bytes(msgspec.json.encode(index))
    store.path(1, "values/0").write_bytes(b"7")
    return store


def test_a_kept_value_is_read(store: JobStore) -> None:
    assert results.value_of(store, store.record(1), "x").data == b"7"


@pytest.mark.parametrize("trick", ["link", "folder of links", "pipe", "folder", "large", "gone"])
def test_a_value_is_a_regular_file_of_limited_size(store: JobStore, trick: str) -> None:
    path = store.path(1, "values/0")
    if trick == "folder of links":
        path.parent.rename(store.root / "elsewhere")
        path.parent.symlink_to(store.root / "elsewhere")
        assert "not ended" in results.values_of(store, store.record(1)).missing["x"]
        return
    path.unlink()
    if trick == "link":
        (store.root / "token").write_text("secret")
        path.symlink_to(store.root / "token")
    elif trick == "pipe":
        os.mkfifo(path)
    elif trick == "folder":
        path.mkdir()
    elif trick == "large":
        with path.open("wb") as file:
            file.truncate(results.LARGEST_VALUE + 1)
    with pytest.raises(NotFound, match="gone"):
        results.value_of(store, store.record(1), "x")


@pytest.mark.parametrize("content", [None, b"", b"\x80", b"\xc1", b"\x81\xa5files\x01"])
def test_a_job_whose_files_are_gone_is_not_run_again(
    store: JobStore, content: bytes | None
) -> None:
    job, _ = store.submit(SubmitJob(code="pass", files={"a.py": b"A = 1"}))
    record = store.record(job)
    assert results.repeated(store, record, RerunJob()).files == {"a.py": b"A = 1"}
    path = store.path(job, "sent.msgpack")
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotFound, match=r"is gone from its folder, or damaged"):
        results.repeated(store, record, RerunJob())


@pytest.mark.parametrize("content", [b"", b"{", b'{"values": 3}', b"\xff", b"[" * 9999])
def test_a_damaged_index_or_failure_is_none(store: JobStore, content: bytes) -> None:
    store.path(1, "values/index.json").write_bytes(content)
    store.path(1, "failure.json").write_bytes(content)
    assert "not ended yet" in results.values_of(store, store.record(1)).missing["x"]
    with pytest.raises(NotFound, match="not ended yet"):
        results.failure_of(store, store.record(1))


@pytest.mark.parametrize("name", ["y", "..", "0", "index.json", "../code.py"])
def test_a_name_that_was_not_asked_for_is_no_path(store: JobStore, name: str) -> None:
    with pytest.raises(NotFound, match=r"was not asked for an output .*; its outputs: x"):
        results.value_of(store, store.record(1), name)
