"""Loading is fair: what hangs or is broken holds up nothing else."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kd_engines.deployment.priority import can_return
from kd_engines.deployment.turns import LOADERS
from kd_pipeline.daemon_thread import in_daemon_thread
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually

HANGS = "import time\ntime.sleep(300)\ndef predict(model, args): return 1"
COMPUTES = "while True: pass\ndef predict(model, args): return 1"
GOOD = "def predict(model, args): return 1"
needs_a_way_back = pytest.mark.skipif(
    not can_return(), reason="leaving the idle class needs CAP_SYS_NICE or RLIMIT_NICE"
)


@pytest.mark.slow
def test_what_hangs_holds_up_nobody(start_deployment: Callable[..., RunningDeployment]) -> None:
    engine = start_deployment()
    for number in range(4 * LOADERS):
        engine.connect(f"hangs-{number}", "1", HANGS)
    eventually(lambda: len(engine.workers()) == 4 * LOADERS)
    began = time.monotonic()
    engine.serve("good", "1", GOOD)
    assert time.monotonic() - began < 5
    for number in range(LOADERS):
        engine.connect(f"computes-{number}", "1", COMPUTES)
    time.sleep(0.5)
    began = time.monotonic()
    engine.connect("broken", "1", "def predict(model, args) return 1")
    reason = engine.wait("broken/1", "Failed")["reason"]
    assert time.monotonic() - began < 1
    assert reason.startswith("SyntaxError: expected ':'")
    engine.serve("good-2", "1", GOOD)
    assert time.monotonic() - began < 8
    assert engine.state("hangs-0/1")["state"] == "Loading"
    began = time.monotonic()
    engine.stop()
    assert time.monotonic() - began < 5
    assert engine.workers() == []


# Threads and a process of its own that begin while it loads, and live on.
LOADS = """
import subprocess, sys, threading, time
def load(path):
    threading.Thread(target=time.sleep, args=(99,), daemon=True).start()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(99)"])
    end = time.process_time() + 1.5
    while time.process_time() < end: pass
    return child.pid
def predict(model, args): return model
"""


def classes(pid: int) -> set[int]:
    """Return the scheduling classes of a process's threads."""
    return {os.sched_getscheduler(int(t.name)) for t in Path(f"/proc/{pid}/task").iterdir()}


@needs_a_way_back
def test_who_loads_takes_what_others_leave(engine: RunningDeployment) -> None:
    engine.connect("calm", "1", LOADS)
    eventually(lambda: [classes(w.pid) for w in engine.workers()] == [{os.SCHED_IDLE}])
    worker = engine.wait("calm/1")["pid"]
    child = engine.predict("calm/1", {})
    assert classes(worker) | classes(child) == {os.SCHED_OTHER}
    os.kill(worker, 9)  # who replaces it is waited for
    begun = eventually(lambda: [w.pid for w in engine.workers() if w.pid != worker])
    assert classes(begun[0]) == {os.SCHED_OTHER}
    engine.disconnect("calm/1")


@needs_a_way_back
def test_who_starves_while_loading_is_let_go(engine: RunningDeployment) -> None:
    busy = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(busy) for _ in range(os.cpu_count() or 1)]
    try:
        began = time.monotonic()
        engine.serve("starving", "1", LOADS)
        assert time.monotonic() - began < 15
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_nobody_waits_for_a_thread_that_hangs() -> None:
    async def run() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await in_daemon_thread(time.sleep, 60)
        assert await in_daemon_thread(max, 1, 2) == 2
        with pytest.raises(SystemExit):
            await in_daemon_thread(exit)

    began = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - began < 2
