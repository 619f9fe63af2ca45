"""Whatever is killed while jobs start: each that was accepted starts once at most, and ends."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

FOR_S = 20.0
CODE = (
    "import os, numpy\n"
    "started = os.open('started', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
    "os.write(started, (os.environ['KD_JOB_ID'] + '\\n').encode())"
)


def victim(engine: RunningEngine, kinds: random.Random) -> psutil.Process:
    """Return the engine, a warm parent, or a runner or job that waits below one or runs."""
    own = psutil.Process(engine.process.pid)
    parents = [one for one in own.children() if "serve(" in " ".join(one.cmdline())]
    below = [one for parent in parents for one in parent.children(recursive=True)]
    return kinds.choice([own, *(parents * 3), *(below * 3)])


@pytest.mark.slow
def test_every_accepted_job_starts_once_at_most_and_ends(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine, kinds = start_engine(), random.Random(26)
    accepted: list[int] = []
    killed: set[int] = set()
    engines = {engine.process.pid}
    deadline = time.monotonic() + FOR_S
    while time.monotonic() < deadline:
        for number in range(kinds.randrange(8)):
            key = f"{len(accepted)}-{number}-{time.monotonic_ns()}"
            body = {"code": CODE, "idempotency_key": key}
            try:
                answer = engine.call("POST", "/jobs", json=body)
            except requests.ConnectionError:  # not accepted, as far as anybody was told
                continue
            assert answer.status_code in (200, 201, 429), answer.text
            if answer.status_code != 429:
                accepted.append(answer.json()["id"])
        time.sleep(kinds.random() * 0.3)
        with contextlib.suppress(psutil.Error):  # it has ended meanwhile
            found = victim(engine, kinds)
            found.kill()
            killed.add(found.pid)
        if engine.process.poll() is not None or engine.process.pid in killed:
            engine.process.wait()
            engine.start()
            engines.add(engine.process.pid)
    jobs = [eventually(lambda job=job: ended(engine, job), 120) for job in accepted]
    starts = Counter(read(engine.repository / "started"))
    assert len(jobs) > 50
    assert len(killed & engines) > 1
    assert len(killed - engines) > 10
    assert max(starts.values()) == 1
    for job in jobs:
        # Only a job whose own processes were killed ends otherwise, and says so.
        its = {engine.started(job["id"])["pid"], engine.started(job["id"])["child_pid"]}
        was_killed = not its.isdisjoint(killed)
        assert job["status"] == "Finished" or was_killed, job
        assert starts[job["id"]] == 1 or was_killed


def ended(engine: RunningEngine, job: int) -> dict[str, object] | None:
    """Return a job once it has ended."""
    found: dict[str, object] = engine.get(f"/jobs/{job}")
    return found if found["ended"] else None


def read(path: Path) -> list[int]:
    """Return the jobs that have started, one a line."""
    return [int(line) for line in path.read_text().splitlines()]
