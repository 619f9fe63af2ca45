"""The two-step interrupt, with real signals: the first leaves the job, the second cancels it."""

import signal
import threading
from collections.abc import Iterator

import pytest

from kd_magics.errors import RemoteJobError, WatchStopped
from kd_magics.output import interrupts
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_kernel import RunningKernel, printed
from tests.kd_magics.running_notebook import Notebook

WAIT = "%%trainingengineinstance --wait\n"
SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(60)"


def interrupt_after(*seconds: float) -> None:
    """Interrupt the main thread so many seconds from now: as a kernel is, in whatever it does."""
    main = threading.main_thread().ident
    assert main is not None
    for number in seconds:
        threading.Timer(number, signal.pthread_kill, [main, signal.SIGINT]).start()


@pytest.fixture
def job(notebook: Notebook, engine: RunningEngine) -> Iterator[int]:
    """A job that runs; it is cancelled after the test."""
    notebook.good("%%trainingengineinstance\n" + SLEEP)
    number = int(notebook.shell.user_ns["_job"].id)
    eventually(lambda: engine.log(number) == "begun\n")
    yield number
    engine.call("POST", f"/jobs/{number}/cancel")
    engine.wait(number)


def test_the_first_leaves_the_job(notebook: Notebook, engine: RunningEngine, job: int) -> None:
    interrupt_after(1)
    sentence = notebook.fails("%logs -f", WatchStopped)
    assert f"job {job} on training-engine-instance" in sentence
    lines = notebook.shown[-1].text.splitlines()
    assert lines[:3] == [
        "Job Status: Running",
        "begun",
        f"still running: %logs -f {job} · stop: %cancel {job}",
    ]
    assert lines[3] == "Interrupt again within 3 seconds to cancel the job."
    assert engine.get(f"/jobs/{job}")["status"] == "Running"


def test_the_second_cancels(notebook: Notebook, engine: RunningEngine, job: int) -> None:
    interrupt_after(1, 2.5)
    sentence = notebook.fails("%logs -f", RemoteJobError)
    assert f"Job {job} on training-engine-instance: Cancelled" in sentence
    assert f"\nCancelling job {job} …\nJob Status: Cancelled\n" in notebook.shown[-1].text
    assert engine.get(f"/jobs/{job}")["status"] == "Cancelled"


@pytest.mark.slow
def test_wait_is_interrupted_in_the_same_way(notebook: Notebook, engine: RunningEngine) -> None:
    interrupt_after(2.5)
    notebook.fails(WAIT + SLEEP, WatchStopped)
    job = notebook.shell.user_ns["_job"].id
    assert f"still running: %logs -f {job} · stop: %cancel {job}" in notebook.shown[-1].text
    engine.call("POST", f"/jobs/{job}/cancel")
    engine.wait(job)


@pytest.mark.slow
def test_a_state_that_the_engine_does_not_tell_is_not_guessed(
    notebook: Notebook, engine: RunningEngine, job: int
) -> None:
    engine.process.send_signal(signal.SIGSTOP)
    try:
        interrupt_after(0.5)
        notebook.fails("%logs -f", WatchStopped)
    finally:
        engine.process.send_signal(signal.SIGCONT)
    shown = notebook.shown[-1].text
    assert "still running" not in shown
    assert f"not known whether it still runs, the engine does not answer: %logs -f {job}" in shown


@pytest.mark.slow
def test_a_cancel_that_the_engine_does_not_answer_is_not_claimed(
    notebook: Notebook, engine: RunningEngine, job: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kd_magics.output.interrupts.END_WITHIN_S", 1.0)
    threading.Timer(0.5, engine.process.send_signal, [signal.SIGSTOP]).start()
    try:
        interrupt_after(1, 3.5)
        sentence = notebook.fails("%logs -f", WatchStopped)
    finally:
        engine.process.send_signal(signal.SIGCONT)
    assert f"not known whether job {job} was cancelled" in sentence
    assert "Job Status: Cancelled" not in notebook.shown[-1].text


def test_a_job_that_has_finished_meanwhile_is_told(
    notebook: Notebook, engine: RunningEngine
) -> None:
    job, _ = engine.run("print('done')", user="ada")
    notebook.good(f"%logs {job['id']}")
    handle = notebook.shell.user_ns["_job"]
    interrupts.detach(handle)  # returns: the engine says that it has ended
    assert handle.status == "Finished"


def test_in_a_kernel_the_first_stops_run_all_too(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    follows = kernel.send(WAIT + SLEEP)
    next_cell = kernel.send("print('must not run')")
    kernel.read_until(lambda: "begun" in printed(kernel.of(follows)))
    kernel.interrupt()
    found = kernel.finish(follows)
    assert [m["content"]["ename"] for m in found if m["msg_type"] == "error"] == ["WatchStopped"]
    assert "still running: %logs -f" in printed(found)
    kernel.good("1")
    assert printed(kernel.of(next_cell)) == ""
    job = int(kernel.good("print(_job.id)"))
    assert engine.get(f"/jobs/{job}")["status"] == "Running"
    kernel.good("_ = _job.cancel()")


def test_in_a_kernel_the_second_cancels(kernel: RunningKernel) -> None:
    kernel.run("%%trainingengineinstance\n" + SLEEP)
    follows = kernel.send("%logs -f")
    kernel.read_until(lambda: "begun" in printed(kernel.of(follows)))
    kernel.interrupt()
    kernel.read_until(lambda: "Interrupt again" in printed(kernel.of(follows)))
    kernel.interrupt()
    found = kernel.finish(follows)
    assert [m["content"]["ename"] for m in found if m["msg_type"] == "error"] == ["RemoteJobError"]
    assert printed(found).endswith("Job Status: Cancelled\n")
