"""How jobs are stopped and how their ends are told."""

import json
import os
import signal

import pytest

from tests.kd_engines.running_server import eventually, runs
from tests.kd_engines.training.running_engine import RunningEngine, job_processes

# A process that no parent, session or signal handler ties to the job any more. Each line is one
# write: what two processes print in pieces at the same time may be mixed.
ESCAPED = """
import os, signal, sys, time
def say(line): os.write(1, f'{line}\\n'.encode())
say(f'main {os.getpid()}')
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(f'escaped {os.getpid()}')
        time.sleep(600)
    os._exit(0)
os.wait()
say('up')
"""


def pids(log: str) -> list[int]:
    """Return the pids that a job printed."""
    return [int(line.split()[1]) for line in log.splitlines() if " " in line]


def test_cancel_ends_the_whole_tree_of_processes(engine: RunningEngine) -> None:
    job = engine.submit(ESCAPED + "time.sleep(600)")["id"]
    eventually(lambda: "up" in engine.log(job) and "escaped" in engine.log(job))
    main, escaped = sorted(pids(engine.log(job)))
    assert runs(main)
    assert runs(escaped)
    first = engine.call("POST", f"/jobs/{job}/cancel")
    again = engine.call("POST", f"/jobs/{job}/cancel")
    assert (first.status_code, again.status_code) == (200, 200)
    ended = engine.wait(job)
    assert ended["status"] == "Cancelled"
    assert "cancelled" in ended["reason"]
    assert not runs(main)
    assert not runs(escaped)


def test_what_a_job_left_running_ends_with_it(engine: RunningEngine) -> None:
    job, log = engine.run(ESCAPED)
    assert job["status"] == "Finished"
    assert [pid for pid in pids(log) if runs(pid)] == []


def test_a_job_may_tidy_up_when_it_is_cancelled(engine: RunningEngine) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit('saved'))\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    job = engine.submit(code)["id"]
    eventually(lambda: "ready" in engine.log(job))
    engine.call("POST", f"/jobs/{job}/cancel")
    assert engine.wait(job)["status"] == "Cancelled"
    assert engine.log(job).endswith("saved\n")


def test_a_job_over_its_time_is_stopped_and_says_so(engine: RunningEngine) -> None:
    job, log = engine.run("print('begun')\nimport time; time.sleep(600)", timeout_s=0.5)
    assert job["status"] == "TimedOut"
    assert "0.5 s" in job["reason"]
    assert log == "begun\n"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM"])
def test_a_killed_job_names_the_signal(engine: RunningEngine, name: str) -> None:
    job = engine.submit("print('up')\nimport time; time.sleep(600)")["id"]
    eventually(lambda: "up" in engine.log(job))
    os.kill(engine.get(f"/jobs/{job}")["pid"], signal.Signals[name])
    ended = engine.wait(job)
    assert (ended["status"], ended["signal"], ended["exit_code"]) == ("Failed", name, None)
    assert name in ended["reason"]


def test_a_killed_runner_leaves_a_lost_job_and_no_process(engine: RunningEngine) -> None:
    job = engine.submit(ESCAPED + "time.sleep(600)")["id"]
    eventually(lambda: "up" in engine.log(job) and "escaped" in engine.log(job))
    os.kill(engine.started(job)["pid"], signal.SIGKILL)
    ended = engine.wait(job)
    assert ended["status"] == "Lost"
    assert "is gone" in ended["reason"]
    folder = str(engine.job_folder(job))
    eventually(
        lambda: all(
            process.environ().get("KD_JOB_DIR") != folder
            for process in job_processes(engine.repository)
        )
    )


def test_a_cancelled_job_that_waited_never_runs(engine: RunningEngine) -> None:
    blockers = [engine.submit("import time; time.sleep(600)")["id"] for _ in range(2)]
    job = engine.submit("open('ran', 'w')")
    assert (job["status"], job["queue_position"]) == ("Queued", 0)
    cancelled = engine.call("POST", f"/jobs/{job['id']}/cancel").json()
    assert (cancelled["status"], cancelled["started"]) == ("Cancelled", None)
    for blocker in blockers:
        engine.call("POST", f"/jobs/{blocker}/cancel")
        engine.wait(blocker)
    assert not (engine.repository / "ran").exists()
    assert engine.get("/environment")["queue"]["queued"] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_at_the_very_start_is_an_end_that_is_written(
    engine: RunningEngine, number: int
) -> None:
    for _ in range(8):
        job = engine.submit("import time; time.sleep(60)")["id"]
        path = engine.job_folder(job) / "started.json"
        while not path.exists():  # no pause: the runner is not ready yet then
            pass
        os.kill(json.loads(path.read_bytes())["pid"], number)
        assert engine.wait(job)["status"] == "Cancelled"
