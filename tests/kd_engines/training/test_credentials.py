"""Credentials reach a job's environment, and nobody else; they are kept until it starts."""

import json
import signal
from typing import Any

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
    code = "import os\nfound = os.environ['MLFLOW_TRACKING_PASSWORD']\nraise ValueError(found)"
    job, _ = engine.run(code, credentials=CREDENTIALS)
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


def test_wrong_ones_are_refused(engine: RunningEngine) -> None:
    for credentials in ({"KD_PROJECT_REPO": "x"}, {"A=B": "x"}):
        body = {"code": "pass", "credentials": credentials}
        answer = engine.call("POST", "/jobs", json=body)
        assert answer.status_code == 422
        assert "cannot be set for a job" in answer.json()["error"]["message"]
