"""Credentials reach a job's environment, and nobody else; they are kept until it starts."""

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kd_engines.training.store import submissions
from kd_engines.training.store.job_store import JobStore
from kd_engines.training.store.upkeep import sweep_jobs
from kd_pipeline.errors import Unavailable
from kd_pipeline.messages import SubmitJob
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

SECRET = "nobody-else-may-see-this"
CREDENTIALS = {"MLFLOW_TRACKING_PASSWORD": SECRET}
USES = "import os\nprint(len(os.environ['MLFLOW_TRACKING_PASSWORD']))"


def kept(engine: RunningEngine, job: int) -> list[str]:
    """Return the files of a job that have its credentials."""
    files = [path for path in engine.job_folder(job).rglob("*") if path.is_file()]
    return [path.name for path in files if SECRET.encode() in path.read_bytes()]


def answers(engine: RunningEngine, job: int) -> str:
    """Return all that the engine tells of a job."""
    routes = ("", "/log", "/outputs", "/code", "/values", "/failure")
    return "".join(engine.call("GET", f"/jobs/{job}{route}").text for route in routes)


def test_a_waiting_job_keeps_them_through_a_kill_of_its_engine(engine: RunningEngine) -> None:
    blockers = [engine.submit("import time; time.sleep(600)")["id"] for _ in range(2)]
    job = engine.submit(USES, credentials=CREDENTIALS)["id"]
    assert kept(engine, job) == ["credentials.json"]
    assert (engine.job_folder(job) / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert SECRET not in answers(engine, job)
    engine.stop(signal.SIGKILL)
    engine.start()
    for blocker in blockers:
        engine.call("POST", f"/jobs/{blocker}/cancel")
    assert engine.wait(job)["status"] == "Finished"
    assert engine.log(job) == f"{len(SECRET)}\n"
    assert kept(engine, job) == []


def test_a_job_that_never_starts_keeps_none(engine: RunningEngine) -> None:
    blockers = [engine.submit("import time; time.sleep(600)")["id"] for _ in range(2)]
    job = engine.submit(USES, credentials=CREDENTIALS)["id"]
    engine.call("POST", f"/jobs/{job}/cancel")
    eventually(lambda: kept(engine, job) == [])
    for blocker in blockers:
        engine.call("POST", f"/jobs/{blocker}/cancel")
        engine.wait(blocker)


def test_what_a_job_tells_of_its_failure_has_none(engine: RunningEngine) -> None:
    code = "import os\nfound = os.environ['DSN']\nraise ValueError(found)"
    job, _ = engine.run(code, credentials={"DSN": SECRET})
    assert (job["status"], job.get("env", {})) == ("Failed", {})
    assert SECRET not in job["reason"]
    assert SECRET not in json.dumps(engine.get(f"/jobs/{job['id']}/failure"))


def test_a_rerun_brings_its_own(engine: RunningEngine) -> None:
    first, _ = engine.run(USES, credentials=CREDENTIALS)

    def again(**body: Any) -> tuple[str, str]:
        new = engine.call("POST", f"/jobs/{first['id']}/rerun", json=body).json()["id"]
        return engine.wait(new)["status"], engine.log(new)

    assert again()[0] == "Failed"
    assert again(credentials=CREDENTIALS) == ("Finished", f"{len(SECRET)}\n")


def test_a_repetition_may_have_newer_ones(engine: RunningEngine) -> None:
    key = {"idempotency_key": "once"}
    first = engine.submit(USES, credentials=CREDENTIALS, **key)["id"]
    engine.wait(first)
    assert (
        engine.submit(USES, credentials={"MLFLOW_TRACKING_PASSWORD": "new"}, **key)["id"] == first
    )
    assert kept(engine, first) == []


def test_what_crashes_have_left_of_them_is_removed(tmp_path: Path) -> None:
    store = JobStore(tmp_path, "engine-1")
    submitted = SubmitJob(USES, credentials=CREDENTIALS)
    waits, ended, claimed, cut_off = (store.submit(submitted)[0] for _ in range(4))
    files = {job: store.path(job, "credentials.json") for job in (waits, ended, claimed, cut_off)}
    store.end(ended, "Lost", "its runner was killed")
    assert not files[ended].exists()
    assert store.claim(claimed)
    store.path(cut_off, "job.json").unlink()
    sweep_jobs(store.folder, store.ids())
    assert {job for job, file in files.items() if file.exists()} == {waits, cut_off}
    os.utime(files[cut_off], (0, 0))
    sweep_jobs(store.folder, store.ids())
    assert {job for job, file in files.items() if file.exists()} == {waits}


def test_a_submission_that_is_not_taken_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        if path.name == "job.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr(submissions, "create_exclusive", full)
    with pytest.raises(Unavailable):
        JobStore(tmp_path, "engine-1").submit(SubmitJob(USES, credentials=CREDENTIALS))
    assert [path for path in tmp_path.rglob("*") if path.name == "credentials.json"] == []


def test_wrong_ones_are_refused(engine: RunningEngine) -> None:
    for credentials in ({"KD_PROJECT_REPO": "x"}, {"A=B": "x"}):
        body = {"code": "pass", "credentials": credentials}
        answer = engine.call("POST", "/jobs", json=body)
        assert answer.status_code == 422
        assert "cannot be set for a job" in answer.json()["error"]["message"]
