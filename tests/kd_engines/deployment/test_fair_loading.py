"""Loading is fair: what hangs or is broken holds up nothing else."""

import asyncio
import time
from collections.abc import Callable

import pytest

from kd_engines.deployment.turns import LOADERS
from kd_pipeline.daemon_thread import in_daemon_thread
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually

HANGS = "import time\ntime.sleep(300)\ndef predict(model, args): return 1"
COMPUTES = "while True: pass\ndef predict(model, args): return 1"
GOOD = "def predict(model, args): return 1"


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
