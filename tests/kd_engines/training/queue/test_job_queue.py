"""Jobs outlive engines; queues survive restarts; several engines share a repository."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from kd_engines.training import processes
from kd_engines.training.job_folder.record import Record
from kd_engines.training.queue.admission import Admission, Room
from kd_engines.training.queue.job_queue import JobQueue
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.messages import SubmitJob
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine

WAIT_FOR_FILE = "import os, time\nwhile not os.path.exists('{0}'): time.sleep(0.02)\nprint('{0}')"


def test_no_more_jobs_run_at_once_than_allowed(engine: RunningEngine) -> None:
    jobs = [engine.submit(WAIT_FOR_FILE.format(f"go-{number}")) for number in range(4)]
    first, second, third, fourth = (job["id"] for job in jobs)
    eventually(
        lambda: engine.get("/environment")["queue"] == {"queued": 2, "running": 2, "limit": 2}
    )
    # A place is taken when a job is started; it runs when its process has said so.
    for job in (first, second):
        engine.wait(job, until="Running")
    running = engine.get("/jobs?status=Running")["jobs"]
    assert [job["id"] for job in running] == [second, first]
    assert [engine.get(f"/jobs/{job}")["queue_position"] for job in (third, fourth)] == [0, 1]
    # One place at a time: two jobs that begin in the same instant have no order.
    (engine.repository / "go-0").touch()
    ended = [engine.wait(first)["ended"]]
    started = [engine.wait(third, until="Running")["started"]]
    assert engine.get(f"/jobs/{fourth}")["status"] == "Queued"
    (engine.repository / "go-1").touch()
    ended.append(engine.wait(second)["ended"])
    started.append(engine.wait(fourth, until="Running")["started"])
    assert sorted(started) == started
    assert all(begin >= end for begin, end in zip(started, ended, strict=True))
    for number in (2, 3):
        (engine.repository / f"go-{number}").touch()
    assert [engine.wait(job)["status"] for job in (third, fourth)] == ["Finished"] * 2


def test_a_job_that_ends_while_its_files_are_read_does_not_come_back(tmp_path: Path) -> None:
    class Store(JobStore):
        """Job 1 is cancelled when its files were read, and before the queue has seen them."""

        def records(self, jobs: Iterable[int]) -> Iterator[Record]:
            found = list(super().records(jobs))
            if waiting in jobs and not self.is_over(waiting):
                queue.cancels.request(waiting)
                queue.ended(waiting)
            yield from found

    store = Store(tmp_path, CLUSTER)
    queue = JobQueue(store, CLUSTER, frozenset, Admission(Room(0, 1, 1)))
    waiting, _ = store.submit(SubmitJob(code="pass"))
    queue.add(waiting)
    assert queue.active() == [waiting]
    asyncio.run(queue.look())
    assert queue.active() == []


def test_a_job_that_is_added_while_it_is_found_waits_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look() -> None:
        loop = asyncio.get_running_loop()

        def of_job(_folder: str) -> list[int]:
            loop.call_soon_threadsafe(queue.add, waiting)
            time.sleep(0.1)
            return []

        monkeypatch.setattr(processes, "of_job", of_job)
        await queue.look()

    store = JobStore(tmp_path, CLUSTER)
    queue = JobQueue(store, CLUSTER, frozenset, Admission(Room(0, 1, 1)))
    waiting, _ = store.submit(SubmitJob(code="pass"))
    asyncio.run(look())
    assert queue.counts().queued == 1


@pytest.mark.slow
def test_a_killed_engine_comes_back_to_its_jobs(engine: RunningEngine) -> None:
    held = [engine.submit(WAIT_FOR_FILE.format("go-on"))["id"] for _ in range(2)]
    queued = [engine.submit(f"print({number})")["id"] for number in range(3)]
    for job in held:
        engine.started(job)
    before = [entry["id"] for entry in engine.get("/history")]
    engine.stop(signal.SIGKILL)
    engine.start()
    assert [entry["id"] for entry in engine.get("/history")] == before
    assert [engine.get(f"/jobs/{job}")["status"] for job in held] == ["Running"] * 2
    assert [engine.get(f"/jobs/{job}")["status"] for job in queued] == ["Queued"] * 3
    (engine.repository / "go-on").touch()
    assert [engine.wait(job)["status"] for job in [*held, *queued]] == ["Finished"] * 5
    assert [engine.log(job) for job in queued] == ["0\n", "1\n", "2\n"]


@pytest.mark.slow
def test_a_job_that_ended_while_no_engine_ran_is_found_ended(engine: RunningEngine) -> None:
    job = engine.submit(WAIT_FOR_FILE.format("meanwhile"))["id"]
    engine.started(job)
    lost = engine.submit("import time; time.sleep(600)")["id"]
    runner = engine.started(lost)["pid"]
    engine.stop(signal.SIGKILL)
    (engine.repository / "meanwhile").touch()
    eventually((engine.job_folder(job) / "exit.json").exists)
    os.kill(runner, signal.SIGKILL)
    engine.start()
    assert engine.get(f"/jobs/{job}")["status"] == "Finished"
    assert engine.wait(lost)["status"] == "Lost"


@pytest.mark.slow
def test_two_engines_on_one_repository_give_unique_ids_and_run_each_job_once(
    start_engine: Callable[..., RunningEngine],
) -> None:
    first = start_engine(KD_MAX_RUNNING="2")
    second = start_engine(first.repository, KD_MAX_RUNNING="2")
    ids: list[int] = []

    def submit(engine: RunningEngine, code: str) -> None:
        answer = engine.call("POST", "/jobs", json={"code": code})
        ids.append(answer.json()["id"])

    code = "import os; open('runs', 'a').write(os.environ['KD_JOB_ID'] + '\\n')"
    threads = [
        threading.Thread(target=submit, args=(engine, code))
        for _ in range(10)
        for engine in (first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 20
    for job in ids:  # either engine knows the jobs of both
        assert {engine.wait(job)["status"] for engine in (first, second)} == {"Finished"}
    runs = [int(line) for line in (first.repository / "runs").read_text().splitlines()]
    assert sorted(runs) == sorted(ids)


@pytest.mark.slow
def test_an_engine_runs_what_another_one_left_in_the_queue(
    start_engine: Callable[..., RunningEngine],
) -> None:
    dead = start_engine(KD_MAX_RUNNING="1")
    other = start_engine(dead.repository, KD_MAX_RUNNING="1")
    held = dead.submit(WAIT_FOR_FILE.format("go"))["id"]
    waiting = dead.submit("print('taken over')")["id"]
    dead.stop(signal.SIGKILL)
    (dead.repository / "go").touch()
    assert other.wait(held)["status"] == "Finished"
    assert other.wait(waiting)["status"] == "Finished"
    assert other.log(waiting) == "taken over\n"


@pytest.mark.slow
def test_a_full_queue_says_so(start_engine: Callable[..., RunningEngine]) -> None:
    engine = start_engine(KD_MAX_RUNNING="1")
    blocker = engine.submit("import time; time.sleep(600)")["id"]
    engine.started(blocker)
    store = JobStore(engine.repository, CLUSTER)
    waiting = [store.submit(SubmitJob(code="pass"))[0] for _ in range(1000)]
    eventually(lambda: engine.get("/environment")["queue"]["queued"] == 1000)
    answer = engine.call("POST", "/jobs", json={"code": "pass"})
    assert answer.status_code == 429
    assert "1,000" in answer.json()["error"]["message"]
    for job in waiting:
        store.request_cancel(job, "The test is over.")
    eventually(lambda: engine.get("/environment")["queue"]["queued"] == 0)
    engine.call("POST", f"/jobs/{blocker}/cancel")
    engine.wait(blocker)
