"""What a job uses is seen while it runs, and its peak after it."""

import json
import sys
from collections.abc import Callable

import pytest

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what is used")
MIB = 1024 * 1024
# Two processes that hold memory of their own, one of which works.
BUSY = """
import os, time
child = os.fork()
held = bytearray(os.urandom(1)) * (60 * 1024 * 1024)
if child == 0:
    time.sleep(600)
while True: pass
"""


@pytest.mark.slow
def test_a_running_job_tells_what_all_its_processes_use(engine: RunningEngine) -> None:
    job = engine.submit(BUSY)["id"]
    used = eventually(lambda: _usage(engine, job, processes=2, memory=120 * MIB))
    assert 120 * MIB <= used["memory_bytes"] <= 250 * MIB
    assert used["memory_peak_bytes"] >= used["memory_bytes"]
    assert eventually(lambda: engine.get(f"/jobs/{job}")["usage"]["cpu_percent"] > 10)
    [listed] = engine.get("/jobs?status=Running")["jobs"]
    assert listed["usage"]["processes"] == 2
    engine.call("POST", f"/jobs/{job}/cancel")
    ended = engine.wait(job)
    assert ended["usage"] is None
    assert ended["memory_peak_bytes"] >= 120 * MIB


def _usage(engine: RunningEngine, job: int, processes: int, memory: int) -> dict[str, int] | None:
    used = engine.get(f"/jobs/{job}")["usage"]
    enough = used and used["processes"] == processes and used["memory_bytes"] >= memory
    return dict(used) if enough else None


def test_a_short_job_tells_its_peak_too(engine: RunningEngine) -> None:
    job, _ = engine.run("x = bytearray(b'1') * (80 * 1024 * 1024)")
    assert 80 * MIB <= job["memory_peak_bytes"] <= 200 * MIB
    assert not (engine.job_folder(job["id"]) / "usage.json").exists()


def test_another_engine_sees_the_usage_too(
    engine: RunningEngine, start_engine: Callable[..., RunningEngine]
) -> None:
    other = start_engine(engine.repository)
    job = engine.submit("import time; time.sleep(600)")["id"]
    assert eventually(lambda: other.get(f"/jobs/{job}")["usage"])["processes"] == 1
    other.call("POST", f"/jobs/{job}/cancel")
    engine.wait(job)


def test_a_job_over_its_memory_is_ended_and_says_so(engine: RunningEngine) -> None:
    code = (
        "import time\nprint('begun')\nheld = []\n"
        "while True:\n    held.append(bytearray(b'1') * (8 << 20)); time.sleep(0.02)"
    )
    job, log = engine.run(code, resources={"memory_bytes": 100 * MIB})
    assert (job["status"], log) == ("OutOfMemory", "begun\n")
    assert job["reason"].startswith("The job's processes used 1")
    assert job["reason"].endswith(" MiB, its limit is 100 MiB (--memory).")
    assert job["memory_peak_bytes"] > 100 * MIB
    ended = json.loads((engine.job_folder(job["id"]) / "exit.json").read_text())
    assert ended["memory_peak_bytes"] == job["memory_peak_bytes"]


@pytest.mark.slow
def test_memory_that_processes_share_counts_once_against_the_limit(engine: RunningEngine) -> None:
    code = (
        "import os, time\nheld = bytearray(b'1') * (60 << 20)\n"
        "children = [os.fork() for _ in range(1)]\n"
        "if children == [0]: time.sleep(2.5); os._exit(0)\n"
        "os.wait(); print('done')"
    )
    job, log = engine.run(code, resources={"memory_bytes": 120 * MIB})
    assert (job["status"], log) == ("Finished", "done\n"), job["reason"]
