"""What must not be left out although all looks well without: durability, keys, beats, bounds."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kd_engines.training import processes
from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Started
from kd_engines.training.queue.heartbeats import FOREIGN_SILENCE_S, Heartbeats
from kd_engines.training.runner import job_end
from kd_engines.training.store import submissions
from kd_engines.training.store.job_store import JobStore
from kd_engines.training.store.log_stream import LogFollowers
from kd_pipeline import atomic
from kd_pipeline.messages import SubmitJob
from kd_pipeline.progress.reader import LONGEST_LINE, ProgressReader
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import TOKEN, RunningEngine


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was made durable and published, in order: ``fsync job.json``, ``link job.json`` …"""
    found: list[str] = []
    fsync, link, rename, replace = os.fsync, os.link, os.rename, os.replace

    def note(step: str, path: Any) -> None:
        name = Path(path).name
        found.append(f"{step} {name.split('.')[1] if name.startswith('.') else name}")

    def on_fsync(descriptor: int) -> None:
        note("fsync", Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def publishing(step: str, real: Callable[..., None]) -> Callable[..., None]:
        def publish(source: Any, target: Any, **options: Any) -> None:
            note(step, target)
            real(source, target, **options)

        return publish

    monkeypatch.setattr(os, "fsync", on_fsync)
    monkeypatch.setattr(os, "link", publishing("link", link))
    monkeypatch.setattr(os, "rename", publishing("rename", rename))
    monkeypatch.setattr(os, "replace", publishing("rename", replace))
    return found


def in_order(found: list[str], *wanted: str) -> bool:
    """Tell whether the wanted steps are among those found, in their order."""
    rest = iter(found)
    return all(step in rest for step in wanted)


def test_a_submission_is_durable_before_it_is_taken(tmp_path: Path, steps: list[str]) -> None:
    store = JobStore(tmp_path, "engine-1")
    job, _ = store.submit(SubmitJob(code="pass", idempotency_key="k"))
    folder = str(job)
    assert in_order(steps, "fsync code", "link code.py", f"fsync {folder}"), steps
    assert in_order(steps, "fsync job", "link job.json", f"fsync {folder}", "fsync jobs"), steps
    assert in_order(steps, "fsync job-keys", "fsync code"), steps  # its key comes first


def test_a_start_and_an_end_are_durable(tmp_path: Path, steps: list[str]) -> None:
    folder = tmp_path / "7"
    folder.mkdir()
    records.create_exclusive(f"{folder}/started.json", b"claimed")
    assert steps == ["fsync started", "link started.json", "fsync 7"]
    steps.clear()
    job_end.write(str(folder), b'{"status": "Finished"}', b"claimed")
    assert steps == ["fsync exit", "link exit.json", "fsync 7"]
    steps.clear()
    job_end.write(
        str(folder), b'{"status": "Finished"}', b"claimed"
    )  # over what the job has forged
    assert steps == ["fsync exit", "link exit.json", "fsync exit", "rename exit.json", "fsync 7"]


def test_what_is_replaced_is_durable(tmp_path: Path, steps: list[str]) -> None:
    atomic.write_atomic(tmp_path / "a.json", "{}")
    assert steps == ["fsync a", "rename a.json", f"fsync {tmp_path.name}"]


def test_of_two_with_one_key_the_second_is_the_first_one_s_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = JobStore(tmp_path, "engine-1"), JobStore(tmp_path, "engine-1")
    wanted = SubmitJob(code="pass", idempotency_key="k")
    real = submissions.create_exclusive
    jobs: list[int] = []

    def first_the_other(path: Path, content: bytes) -> None:
        if path.parent.name == "job-keys" and not jobs:
            jobs.append(0)
            jobs[0] = other.submit(wanted)[0]
        real(path, content)

    monkeypatch.setattr(submissions, "create_exclusive", first_the_other)
    job, created = store.submit(wanted)
    assert (job, created) == (jobs[0], False)
    assert JobStore(tmp_path, "engine-1").ids() == [job]


def test_a_damaged_key_takes_a_new_job(tmp_path: Path) -> None:
    store, wanted = JobStore(tmp_path, "engine-1"), SubmitJob(code="pass", idempotency_key="k")
    job, _ = store.submit(wanted)
    (key,) = (tmp_path / "misc" / "engine-1" / "job-keys").iterdir()
    key.write_bytes(b"{")
    again, created = store.submit(wanted)
    assert (again > job, created) == (True, True)
    assert store.submit(wanted) == (again, False)


def own_start() -> Started:
    return Started(
        started=records.now(),
        node=processes.node_name(),
        boot_id=processes.boot_id(),
        pid=os.getpid(),
        start_time=processes.start_time(os.getpid()),
    )


@pytest.mark.parametrize(
    ("changes", "held"),
    [
        ({}, True),
        ({"boot_id": "another"}, False),
        ({"start_time": "1"}, False),
        ({"pid": 0}, False),
    ],
)
def test_a_runner_is_known_by_boot_pid_and_start(
    tmp_path: Path, changes: dict[str, Any], held: bool
) -> None:
    store = JobStore(tmp_path, "engine-1")
    started = msgspec.structs.replace(own_start(), **changes)
    assert Heartbeats(store).is_held(1, started) is held
    # So is an end believed, which is forged while the runner lives.
    job, _ = store.submit(SubmitJob(code="pass"))
    store.path(job, "started.json").write_bytes(msgspec.json.encode(started))
    store.end(job, "Finished", "forged")
    os.utime(store.path(job, "exit.json"), (0, 0))
    assert store.record(job).terminal is not held


def test_a_runner_of_another_machine_is_lost_when_it_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JobStore(tmp_path, "engine-1")
    job, _ = store.submit(SubmitJob(code="pass"))
    started = msgspec.structs.replace(own_start(), node="elsewhere", pid=1)
    path = store.path(job, "started.json")
    path.write_bytes(msgspec.json.encode(started))
    beats, clock = Heartbeats(store), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    assert beats.is_held(job, started)
    clock[0] += FOREIGN_SILENCE_S - 1
    assert beats.is_held(job, started)
    os.utime(path, (1, 1))  # a beat
    clock[0] += FOREIGN_SILENCE_S - 1
    assert beats.is_held(job, started)
    clock[0] += FOREIGN_SILENCE_S + 1
    assert not beats.is_held(job, started)


@pytest.mark.slow
def test_a_runner_beats(engine: RunningEngine) -> None:
    job = engine.submit("import time\ntime.sleep(60)")["id"]
    engine.wait(job, until="Running")
    path = engine.job_folder(job) / "started.json"
    os.utime(path, (1, 1))
    eventually(lambda: path.stat().st_mtime > 1, 2 * records.HEARTBEAT_S)
    engine.call("POST", f"/jobs/{job}/cancel")


def test_who_follows_a_log_gets_what_is_written_last(tmp_path: Path) -> None:
    """The end is looked at before the size: what comes between the two is not lost."""
    store = JobStore(tmp_path, "engine-1")
    job, _ = store.submit(SubmitJob(code="pass"))
    path = store.path(job, "log")
    path.write_bytes(b"first\n")
    calls = []

    def is_ended(_: int) -> bool:
        calls.append(1)
        if len(calls) == 3:  # while it looks: the job writes, and ends at once
            path.write_bytes(b"first\nlast\n")
        return len(calls) >= 3

    async def followed() -> bytes:
        followers = LogFollowers(store, is_ended)
        return b"".join([part async for part in followers.follow(job, 0, asyncio.Event())])

    assert asyncio.run(followed()) == b"first\nlast\n"


def test_a_line_without_an_end_is_kept_up_to_its_limit() -> None:
    reader = ProgressReader()
    for _ in range(100):
        reader.feed("x" * 10_000)
    assert len(reader._unfinished) <= LONGEST_LINE
    reader.feed(" loss=0.5\nacc=0.5\n")
    assert reader.progress.metrics == {"acc": 0.5}


def test_no_variable_that_holds_a_token_is_given_to_a_job(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine(MY_CURL=f"-H X-Auth-Token:{TOKEN}", KD_SETTING="own", HARMLESS="yes")
    code = "import json, os\nprint(json.dumps(dict(os.environ)))"
    found = json.loads(engine.run(code, env={"MINE": "1"})[1])
    assert found["HARMLESS"] == "yes"
    assert found["MINE"] == "1"
    assert "MY_CURL" not in found
    assert "KD_SETTING" not in found
    assert TOKEN not in json.dumps(found)
