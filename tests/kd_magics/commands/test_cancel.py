"""%cancel says what the engine says became of each job."""

import pytest

from kd_magics.errors import BadOptions
from kd_pipeline.errors import NotFound
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"
SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(60)"


def sent(notebook: Notebook, code: str = SLEEP) -> int:
    """Send a cell; return its job's number."""
    notebook.good(f"{CELL}\n{code}")
    return int(notebook.shell.user_ns["_job"].id)


def test_running_and_waiting_jobs_end_at_once(notebook: Notebook, engine: RunningEngine) -> None:
    running, second, waiting = sent(notebook), sent(notebook), sent(notebook)
    for job in (running, second):
        engine.wait(job, until="Running")
    assert engine.get(f"/jobs/{waiting}")["status"] == "Queued"
    told = notebook.good(f"%cancel {waiting} {CLUSTER}/{running} {second}").text
    assert told == (
        f"Job {waiting}: Cancelled.\nJob {running}: Cancelled.\nJob {second}: Cancelled.\n"
    )
    for job in (running, second, waiting):
        assert engine.get(f"/jobs/{job}")["status"] == "Cancelled"
    assert engine.get(f"/jobs/{waiting}")["started"] is None


def test_without_a_number_the_last_job_is_meant(notebook: Notebook, engine: RunningEngine) -> None:
    assert "%cancel 9" in notebook.fails("%cancel", BadOptions)
    job = sent(notebook)
    assert notebook.good("%cancel").text == f"Job {job}: Cancelled.\n"


def test_looking_at_a_colleague_s_job_does_not_make_it_the_one_to_cancel(
    notebook: Notebook, engine: RunningEngine
) -> None:
    theirs = engine.submit(SLEEP, user="ben")["id"]
    elsewhere = engine.submit(SLEEP, user="ada", origin={"notebook": "/other.ipynb"})["id"]
    engine.wait(theirs, until="Running")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JPY_SESSION_NAME", "/this.ipynb")
        for job in (theirs, elsewhere):
            notebook.good(f"%logs {job}")
            notebook.good(f"%logs --url {engine.url}/history/{job}")
            notebook.good("%logs")  # the newest of the cluster
            assert "has sent no job yet" in notebook.fails("%cancel", BadOptions)
            assert "_job" not in notebook.shell.user_ns
        mine = sent(notebook)
        notebook.good(f"%logs {theirs}")
        assert notebook.good("%cancel").text == f"Job {mine}: Cancelled.\n"
    assert engine.get(f"/jobs/{theirs}")["status"] == "Running"
    notebook.good(f"%cancel {theirs} {elsewhere}")


def test_a_job_that_had_ended_is_told_as_it_ended(
    notebook: Notebook, engine: RunningEngine
) -> None:
    well, badly = sent(notebook, "print(1)"), sent(notebook, "1 / 0")
    for job in (well, badly):
        engine.wait(job)
    assert notebook.good(f"%cancel {well} {badly}").text == (
        f"Job {well} had ended already: Finished.\nJob {badly} had ended already: Failed.\n"
    )
    assert engine.get(f"/jobs/{well}")["status"] == "Finished"


def test_a_job_that_is_unknown_is_told_and_the_others_are_cancelled(
    notebook: Notebook, engine: RunningEngine
) -> None:
    job = sent(notebook)
    assert "is not a job number" in notebook.fails(f"%cancel {job} all", BadOptions)
    assert engine.wait(job, until="Running")["status"] == "Running"
    assert "no job 9999" in notebook.fails(f"%cancel 9999 {job}", NotFound)
    assert engine.get(f"/jobs/{job}")["status"] == "Cancelled"


def test_a_job_that_does_not_want_to_end_is_killed(
    notebook: Notebook, engine: RunningEngine
) -> None:
    code = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP
    job = sent(notebook, code)
    engine.wait(job, until="Running")
    assert notebook.good(f"%cancel {job}").text == f"Job {job}: Cancelled.\n"
