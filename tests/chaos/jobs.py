"""Faults beside a stream of jobs: none is lost, run twice or stuck, and all stays readable."""

import contextlib
import itertools
import os
import random
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import requests

from kd_client.training_client import TrainingClient
from kd_pipeline.errors import KdError
from kd_pipeline.messages import TERMINAL, Job, SubmitJob
from tests.chaos import hostile_jobs
from tests.chaos.jobs_world import JobsWorld

PAUSE_S = 0.25
ENDS_WITHIN_S = 60.0
# Each run of a job adds a line to its own file: two lines are two runs.
GOOD = """
import os, time
descriptor = os.open(f"misc/ledger/{key}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while True:
    try:
        os.write(descriptor, b"ran\\n")
        break
    except OSError:  # the disk is full for a while
        time.sleep(0.1)
for step in range(3):
    print(f"epoch {step + 1}/3 loss={1 / (step + 1):.3f}")
    time.sleep(seconds / 3)
display({"text/html": f"<b>{key}</b>"}, raw=True)
print("end of", key)
"""
READ = ("", "/log", "/outputs", "/failure", "/curves", "/values", "/code")


@dataclass
class Accepted:
    """A job that the engine has taken."""

    job: int
    key: str
    hostile: str = ""


@dataclass
class JobsReport:
    """What a run came to."""

    faults: Counter[str]
    accepted: int = 0
    refused: int = 0  # with a sentence: nobody was told that the job was taken
    reads: int = 0
    unreadable: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    left: int = 0

    @property
    def is_good(self) -> bool:
        """Tell whether nothing was lost, run twice, stuck or unreadable."""
        return not self.unreadable and not self.wrong and self.left == 0

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {status}" for status, count in sorted(self.ends.items()))
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        lines = [
            f"{self.accepted:,} jobs taken, {self.refused} refused in words; ends: {ends}",
            f"{self.faults.total():,} faults: {faults}",
            f"{self.reads:,} logs, lists and records read: {len(self.unreadable)} failed; "
            f"{len(self.wrong)} jobs lost, run twice or stuck; {self.left} processes left",
        ]
        return "\n".join([*lines, *self.wrong[:10], *self.unreadable[:10]])


class Load:
    """Submits good jobs and reads of all of them, until it is stopped."""

    def __init__(self, world: JobsWorld, seed: int, report: JobsReport) -> None:
        self.world, self.report = world, report
        self.accepted: list[Accepted] = []
        self._stop, self._seeds = threading.Event(), itertools.count(seed)
        self._threads = [threading.Thread(target=work) for work in (self._submit, self._read)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def send(self, client: TrainingClient, key: str, code: str, hostile: str = "") -> None:
        """Submit a job, and note it where it was taken."""
        params = {"key": key, "seconds": random.Random(key).uniform(0, 1)}
        wanted = SubmitJob(code=code, name=key, idempotency_key=key, params=params)
        try:
            self.accepted.append(Accepted(client.submit(wanted).id, key, hostile))
        except KdError:
            self.report.refused += 1

    def _submit(self) -> None:
        rng, client = random.Random(next(self._seeds)), self.world.new_client()
        while not self._stop.wait(PAUSE_S):
            self.send(client, f"good-{rng.getrandbits(64):016x}", GOOD)

    def _read(self) -> None:
        rng = random.Random(next(self._seeds))
        while not self._stop.wait(0.05):
            paths = [rng.choice(("/jobs", "/jobs?limit=5", "/history", "/jobs?status=Running"))]
            if self.accepted:
                job = rng.choice(self.accepted).job
                paths += [f"/jobs/{job}{rng.choice(READ)}", f"/logs/{job}"]
            for path in paths:
                self.read(path)

    def read(self, path: str) -> None:
        """Ask once; an engine that is away, or says that it has no room, is no fault of reading."""
        try:
            answer = self.world.ask(path)
        except (requests.RequestException, KdError):
            return
        self.report.reads += 1
        if answer.status_code >= 500 and answer.status_code != 503:
            told = f"{path}: {answer.status_code} {answer.text[:200]}"
            self.report.unreadable.append(f"{told}\n{self.world.log_end()}")


def kill_engine(world: JobsWorld, load: Load, rng: random.Random) -> None:
    """End the engine; jobs go on, and `kd up` starts it again."""
    if pid := world.engine_pid():
        with contextlib.suppress(psutil.Error):
            psutil.Process(pid).kill()


def kill_runner(world: JobsWorld, load: Load, rng: random.Random) -> None:
    """End the process that holds one of the newest jobs."""
    for taken in rng.sample(load.accepted[-6:], k=min(6, len(load.accepted))):
        pid = world.started(taken.job).get("pid")
        if isinstance(pid, int) and pid > 1 and not taken.hostile:
            with contextlib.suppress(psutil.Error, ProcessLookupError):
                if "runner" in " ".join(psutil.Process(pid).cmdline()):
                    world.may_be_lost.add(taken.job)
                    os.kill(pid, signal.SIGKILL)
                    return


def kill_kd_up(world: JobsWorld, load: Load, rng: random.Random) -> None:
    """End `kd up` itself, and start it again."""
    supervisor = world.home.status()["supervisor"]
    if supervisor:
        with contextlib.suppress(ProcessLookupError):
            os.kill(supervisor, signal.SIGKILL)
    world.home.kd("up", "--detach")


def fill_the_disk(world: JobsWorld, load: Load, rng: random.Random) -> None:
    """Leave no room for a moment, in which a job is cancelled."""
    if world.has_own_disk:
        with world.full_disk():
            _cancel_one(world, load, rng)
            time.sleep(rng.uniform(0.5, 2))


def take_handles(world: JobsWorld, load: Load, rng: random.Random) -> None:
    """Let the engine open no file for a moment."""
    with world.no_handles():
        time.sleep(rng.uniform(0.5, 1.5))


def send_hostile(world: JobsWorld, load: Load, rng: random.Random) -> None:
    """Submit a job that does its worst."""
    name = rng.choice(list(hostile_jobs.CODES))
    key = f"hostile-{name}-{secrets.token_hex(4)}"
    code = hostile_jobs.BEGIN + hostile_jobs.CODES[name]
    load.send(world.new_client(), key, code, hostile=name)


def _cancel_one(world: JobsWorld, load: Load, rng: random.Random) -> None:
    if load.accepted:
        taken = rng.choice(load.accepted[-3:])
        with contextlib.suppress(KdError):
            world.new_client().cancel(taken.job)


Fault = Callable[[JobsWorld, Load, random.Random], None]
FAULTS: dict[Fault, int] = {
    kill_engine: 2,
    kill_runner: 2,
    kill_kd_up: 1,
    fill_the_disk: 2,
    take_handles: 2,
    send_hostile: 10,
}


def run(folder: Path, seconds: float, seed: int) -> JobsReport:
    """Attack a new world for so long; its processes have ended afterwards."""
    world = JobsWorld(folder)
    report = JobsReport(Counter())
    try:
        rng = random.Random(seed)
        with Load(world, seed, report) as load:
            end = time.monotonic() + seconds
            first = list(FAULTS)  # each at least once, then at random
            while first or time.monotonic() < end:
                fault = first.pop() if first else rng.choices([*FAULTS], [*FAULTS.values()])[0]
                fault(world, load, rng)
                report.faults[fault.__name__] += 1
                time.sleep(rng.uniform(0.2, 1.0))
        world.home.wait("training-engine-instance")
        _judge(world, load, report)
    finally:
        report.left = world.close()
    return report


def _judge(world: JobsWorld, load: Load, report: JobsReport) -> None:
    """Wait for the ends of all jobs, and see what became of each."""
    client = world.new_client()
    deadline = time.monotonic() + ENDS_WITHIN_S
    report.accepted = len(load.accepted)
    for taken in load.accepted:
        found = _ended(client, taken.job, deadline)
        status = found.status if found else "gone"
        report.ends[status] += 1
        for path in READ:
            load.read(f"/jobs/{taken.job}{path}")
        ledger = world.ledger / taken.key
        runs = len(ledger.read_bytes().splitlines()) if ledger.exists() else 0
        wrong = ""
        if taken.hostile:
            wrong = "stuck" if status not in (*TERMINAL, "gone") else ""
        elif status not in TERMINAL:
            wrong = f"is {status}"
        elif runs > 1:
            wrong = f"ran {runs} times"
        elif status == "Finished" and runs != 1:
            wrong = "is Finished and has not run"
        elif status not in ("Finished", "Cancelled") and taken.job not in world.may_be_lost:
            wrong = f"ended as {status}: {found.reason if found else ''}"
        if wrong:
            report.wrong.append(f"job {taken.job} ({taken.key}) {wrong}")


def _ended(client: TrainingClient, job: int, deadline: float) -> Job | None:
    """Return a job once it has ended, or as it is at the deadline; None where it is gone."""
    while True:
        try:
            found = client.job(job, wait=1)
            if found.status in TERMINAL or time.monotonic() > deadline:
                return found
        except KdError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.2)
