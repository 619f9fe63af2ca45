"""No room on the disk, no file handle: nothing is lost, cancelling works, the engine says so."""

import errno
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from kd_engines.training import processes
from kd_engines.training.job.patient_output import AGAIN_S, _PatientFile
from kd_engines.training.store.upkeep import sweep_jobs
from kd_pipeline.atomic import ABANDONED_S
from tests.kd_engines.out_of import disk_space, file_handles
from tests.kd_engines.running_server import eventually, runs
from tests.kd_engines.training.running_engine import RunningEngine, job_processes

SLEEPS = "import time\nprint('up', flush=True)\ntime.sleep(600)"


@pytest.fixture
def engine(start_engine: Callable[..., RunningEngine]) -> RunningEngine:
    """An engine that runs one job at once."""
    return start_engine(KD_MAX_RUNNING="1")


@contextmanager
def full_disk(engine: RunningEngine) -> Iterator[None]:
    """Let neither the engine nor its runners write a byte; the jobs' own processes may."""
    with ExitStack() as stack:
        stack.enter_context(disk_space(engine.process.pid))
        for process in job_processes(engine.repository):
            if "runner" in " ".join(process.cmdline()):
                stack.enter_context(disk_space(process.pid))
        yield


def test_on_a_full_disk_a_running_job_is_cancelled(engine: RunningEngine) -> None:
    job = engine.submit(SLEEPS)["id"]
    eventually(lambda: "up" in engine.log(job))
    child = engine.get(f"/jobs/{job}")["pid"]
    with full_disk(engine):
        ready = engine.call("GET", "/health/ready")
        assert ready.status_code == 503
        assert "The project repository cannot be written (" in ready.json()["error"]["message"]
        answer = engine.call("POST", f"/jobs/{job}/cancel")
        assert answer.status_code == 200
        eventually(lambda: not runs(child))  # what filled the disk is stopped
        refused = engine.call("POST", "/jobs", json={"code": "pass"})
        assert refused.status_code == 503
        assert "so the job was not taken; free space" in refused.json()["error"]["message"]
    assert engine.wait(job)["status"] == "Cancelled"
    assert engine.call("GET", "/health/ready").status_code == 200


def test_on_a_full_disk_a_waiting_job_is_cancelled(engine: RunningEngine) -> None:
    first, waiting = engine.submit(SLEEPS)["id"], engine.submit("open('ran', 'w')")["id"]
    eventually(lambda: "up" in engine.log(first))
    with full_disk(engine):
        answer = engine.call("POST", f"/jobs/{waiting}/cancel").json()
        assert answer["status"] == "Queued"
        assert "once the project repository has room" in answer["reason"]
        engine.call("POST", f"/jobs/{first}/cancel")
        time.sleep(2)
        assert engine.get(f"/jobs/{waiting}")["status"] == "Queued"
    assert engine.wait(first)["status"] == "Cancelled"
    cancelled = eventually(lambda: (j := engine.get(f"/jobs/{waiting}"))["ended"] and j)
    assert (cancelled["status"], cancelled["started"]) == ("Cancelled", None)
    assert not (engine.repository / "ran").exists()


def test_a_cancelled_job_that_waits_stays_so_in_the_next_engine(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine(KD_MAX_RUNNING="1")
    first, waiting = engine.submit(SLEEPS)["id"], engine.submit("open('ran', 'w')")["id"]
    engine.wait(first, until="Running")
    with full_disk(engine):
        engine.call("POST", f"/jobs/{waiting}/cancel")
        engine.process.kill()
        engine.process.wait()
    engine.start()
    engine.call("POST", f"/jobs/{first}/cancel")
    assert eventually(lambda: engine.get(f"/jobs/{waiting}")["status"] == "Cancelled")
    assert not (engine.repository / "ran").exists()


def test_an_engine_that_can_open_no_file_goes_on_later(engine: RunningEngine) -> None:
    job = engine.submit(SLEEPS)["id"]
    waiting = engine.submit("print('ran')")["id"]
    eventually(lambda: "up" in engine.log(job))
    with engine.session as session:  # its connection is there already
        session.headers["X-Auth-Token"] = engine.token
        assert session.get(f"{engine.url}/health/live").status_code == 200
        with file_handles(engine.process.pid):
            ready = session.get(f"{engine.url}/health/ready")
            assert ready.status_code == 503
            assert "The engine can open no further file" in ready.json()["error"]["message"]
            assert session.get(f"{engine.url}/jobs/{job}").status_code in (200, 503)
            assert session.post(f"{engine.url}/jobs/{job}/cancel").status_code in (200, 503)
            time.sleep(1.5)
    engine.call("POST", f"/jobs/{job}/cancel")
    assert engine.wait(job)["status"] == "Cancelled"
    assert engine.wait(waiting)["status"] == "Finished"
    assert engine.log(waiting) == "ran\n"


def test_nobody_is_taken_for_gone_without_a_file_handle(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a job whose runner could not be looked at was lost, and ended, in ten minutes of chaos."""
    real, started = open, processes.start_time(os.getpid())

    def refuse(path: object, *arguments: object, **options: object) -> object:
        if str(path).startswith("/proc/"):
            raise OSError(errno.EMFILE, "Too many open files")
        return real(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        processes.is_alive(os.getpid(), started)
    with pytest.raises(OSError, match="Too many open files"):
        processes.of_job("/somewhere")


def test_without_handles_a_running_job_goes_on_and_answers_are_in_words(
    engine: RunningEngine,
) -> None:
    job = engine.submit("import time\nprint('up', flush=True)\ntime.sleep(8)\nprint('end')")["id"]
    eventually(lambda: "up" in engine.log(job))
    with engine.session as session:
        session.headers["X-Auth-Token"] = engine.token
        assert session.get(f"{engine.url}/health/live").status_code == 200
        for _ in range(4):
            with file_handles(engine.process.pid):
                time.sleep(0.7)
                for path in ("/history", f"/logs/{job}", f"/jobs/{job}", "/jobs"):
                    answer = session.get(f"{engine.url}{path}")
                    assert answer.status_code in (200, 503), answer.text
            time.sleep(0.3)
    ended = engine.wait(job)
    assert (ended["status"], engine.log(job)) == ("Finished", "up\nend\n")


def test_tokens_follow_configmeta_again_after_a_moment_without_handles(
    engine: RunningEngine,
) -> None:
    with file_handles(engine.process.pid):
        engine.write_tokens(["fresh" * 8])
        time.sleep(1.5)
    engine.token = "fresh" * 8
    eventually(lambda: engine.call("GET", "/jobs").status_code == 200)
    engine.write_tokens([engine.token])


def test_a_print_waits_for_room(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    file = _PatientFile(full, "<stdout>")
    written: list[int] = []
    thread = threading.Thread(target=lambda: written.append(file.write(b"kept\n")))
    thread.start()
    time.sleep(AGAIN_S / 2)
    assert written == []
    room = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(room, full)  # somebody has made room
    thread.join(10)
    assert written == [5]
    assert (tmp_path / "log").read_bytes() == b"kept\n"
    with pytest.raises(OSError, match="Bad file"):
        os.close(room), os.close(full), file.write(b"x")


def test_a_job_s_own_output_is_patient(engine: RunningEngine) -> None:
    code = (
        "import sys\nout = sys.stdout\nprint(out.encoding, out.name)\n"
        "print([one.__name__ for one in type(out.buffer).__mro__][1])\n"
        "print('é', end='', file=sys.stderr)\nout.write('x')\nout.buffer.write(b'y')\n"
        "sys.__stdout__.write('z')\nimport os; os.write(1, b'!\\n')\nprint(sys.stdout.fileno())"
    )
    assert engine.run(code)[1] == "utf-8 <stdout>\n_PatientFile\néxyz!\n1\n"


def test_what_crashes_have_left_is_swept(start_engine: Callable[..., RunningEngine]) -> None:
    engine = start_engine()
    job, _ = engine.run("print('well')")
    jobs = engine.job_folder(job["id"]).parent
    places = [jobs / str(job["id"]), jobs.parent, jobs.parent / "job-keys"]
    old = [place / ".exit.json.12.34.tmp" for place in places]
    young = [place / ".exit.json.56.78.tmp" for place in places]
    for path in (*old, *young):
        path.touch()
    for path in old:
        os.utime(path, (0, time.time() - ABANDONED_S - 1))
    engine.stop()
    engine.start()
    eventually(lambda: not any(path.exists() for path in old))
    assert all(path.exists() for path in young)
    sweep_jobs(jobs, [job["id"], 10**9])  # a folder that is gone is no trouble
    assert json.loads((jobs / str(job["id"]) / "exit.json").read_text())["status"] == "Finished"
    assert psutil.pid_exists(engine.process.pid)
