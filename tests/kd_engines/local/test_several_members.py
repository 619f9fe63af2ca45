"""Three engines of one kdcluster on one machine: one queue, one history, whoever is killed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kd_engines.local.running_home import TRAINING, RunningHome
from tests.kd_engines.running_server import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
CODE = "import time\nfor n in range(40):\n    print('line', n, flush=True)\n    time.sleep(0.15)"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RunningHome]:
    home = RunningHome(tmp_path / "home")
    home.scale(TRAINING, 3)
    home.up()
    yield home
    home.kd("down")
    assert [process.cmdline() for process in home.processes()] == []


def test_a_job_survives_each_engine_in_turn_and_all_tell_of_it(home: RunningHome) -> None:
    assert len(home.engines()) == 3
    job = home.call("POST", "/jobs", {"code": CODE}, number=0)["id"]
    eventually(lambda: home.call("GET", f"/jobs/{job}", number=2)["status"] == "Running")
    for number in (1, 2, 3):
        home.kill(home.member(TRAINING, number)["pid"])
        home.wait(TRAINING, number=number)
    told = [
        eventually(lambda n=n: _ended(home.call("GET", f"/jobs/{job}", number=n))) for n in range(3)
    ]
    assert {one["status"] for one in told} == {"Finished"}
    logs = {home.call("GET", f"/logs/{job}", number=n)["logs"] for n in range(3)}
    assert logs == {"".join(f"line {n}\n" for n in range(40))}
    assert {len(home.call("GET", "/history", number=n)) for n in range(3)} == {1}


def test_members_leave_and_come_back_under_work(home: RunningHome) -> None:
    jobs = []
    for members in (1, 3):
        for number in range(6):
            code = f"import time\ntime.sleep(0.3)\nprint('job', {number})"
            jobs.append(home.call("POST", "/jobs", {"code": code}, number=0)["id"])
        home.scale(TRAINING, members)
        eventually(lambda members=members: len(home.engines()) == members)
    for number in (1, 2, 3):
        home.wait(TRAINING, number=number)
    assert len(set(jobs)) == 12
    for number, job in enumerate(jobs):
        told = eventually(lambda job=job: _ended(home.call("GET", f"/jobs/{job}", number=2)))
        assert told["status"] == "Finished"
        logs = home.call("GET", f"/logs/{job}", number=1)["logs"]
        assert logs == f"job {number % 6}\n"  # once: no two engines ran it


def _ended(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["status"] not in ("Queued", "Running") else None
