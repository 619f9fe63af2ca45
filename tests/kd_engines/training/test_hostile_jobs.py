"""A job's own files are not trusted: whatever it puts into its folder harms nobody else."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest

from kd_engines.training.job_folder.record import Exit, Started, Submitted, parse
from kd_engines.training.store.job_store import JobStore
from kd_engines.training.store.log_stream import LogFollowers
from kd_engines.training.store.upkeep import check_writable
from kd_pipeline.errors import Unavailable
from kd_pipeline.messages import SubmitJob
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import TOKEN, RunningEngine

BEGIN = "import json, os, sys, time\nfolder = os.environ['KD_JOB_DIR']\nos.chdir(folder)\n"
SEEN = "while not os.path.exists('seen'): time.sleep(0.01)\n"
WAIT = "\nprint('done', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.05)\n"


def hostile(engine: RunningEngine, code: str) -> int:
    """Submit a job that does something in its folder and then waits for a file named go.

    It begins with that when it was seen to run.
    """
    job = int(engine.submit(BEGIN + SEEN + dedent(code) + WAIT)["id"])
    engine.wait(job, until="Running")
    (engine.job_folder(job) / "seen").touch()
    return job


def let_go(engine: RunningEngine, job: int) -> dict[str, object]:
    (engine.job_folder(job) / "go").touch()
    return engine.wait(job)


FORGED = json.dumps({"status": "Finished", "ended": "2026-11-26T10:00:00.000Z", "reason": "forged"})


@pytest.mark.parametrize("also", ["", "os.unlink('started.json')", "open('started.json', 'w')"])
def test_a_forged_end_is_not_believed_while_the_runner_lives(
    engine: RunningEngine, also: str
) -> None:
    job = hostile(engine, f"open('exit.json', 'w').write({FORGED!r})\n{also}")
    eventually(lambda: (engine.job_folder(job) / "exit.json").exists())
    time.sleep(1.5)  # the queue has looked after its jobs meanwhile
    assert engine.get(f"/jobs/{job}")["ended"] is None
    assert job in [one["id"] for one in engine.get("/jobs")["jobs"] if not one["ended"]]
    ended = let_go(engine, job)
    assert (ended["status"], ended["reason"]) == ("Finished", None)
    assert json.loads((engine.job_folder(job) / "exit.json").read_text())["exit_code"] == 0
    assert json.loads((engine.job_folder(job) / "started.json").read_text())["pid"]


def test_nor_by_an_engine_that_came_later(start_engine: Callable[..., RunningEngine]) -> None:
    engine = start_engine()
    job = hostile(engine, f"open('exit.json', 'w').write({FORGED!r})")
    eventually(lambda: (engine.job_folder(job) / "exit.json").exists())
    engine.stop()
    engine.start()
    assert engine.get(f"/jobs/{job}")["status"] == "Running"
    engine.call("POST", f"/jobs/{job}/cancel")
    assert engine.wait(job)["status"] == "Cancelled"


def test_no_link_is_followed(engine: RunningEngine) -> None:
    secret = engine.configmeta_path
    names = ["outputs.jsonl", "log-times.jsonl", "usage.json", "usage-times.jsonl", "failure.json"]
    job = hostile(
        engine,
        f"""
        for name in {names!r}:
            if os.path.lexists(name): os.unlink(name)
            os.symlink({str(secret)!r}, name)
        os.symlink({str(secret.parent)!r}, 'values')
        os.rename('log', 'old-log')
        os.symlink({str(secret)!r}, 'log')
        """,
    )
    eventually(lambda: (engine.job_folder(job) / "log").is_symlink())
    before = secret.read_text()
    paths = [
        "",
        "/log",
        "/outputs",
        "/values",
        "/failure",
        "/curves",
        "/log?since=2026-11-26T10:00Z",
    ]
    for path in paths:
        assert TOKEN not in engine.call("GET", f"/jobs/{job}{path}").text
    for path in (f"/logs/{job}", f"/history/{job}", "/history", "/jobs"):
        answer = engine.call("GET", path)
        assert answer.status_code == 200
        assert TOKEN not in answer.text
    assert engine.call("GET", f"/jobs/{job}/log").text == ""
    assert let_go(engine, job)["status"] == "Finished"
    assert secret.read_text() == before  # nobody has written through a link either


def test_a_folder_that_is_a_link_is_none(engine: RunningEngine, tmp_path: Path) -> None:
    job, _ = engine.run("print('well')")
    folder = engine.job_folder(job["id"])
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert engine.call("GET", f"/jobs/{job['id']}/log").text == ""
    assert engine.get("/jobs") is not None


def test_files_without_end_are_not_read(start_engine: Callable[..., RunningEngine]) -> None:
    engine = start_engine()
    names = (
        "job.json",
        "usage.json",
        "usage-times.jsonl",
        "failure.json",
        "code.py",
        "outputs.jsonl",
    )
    job = hostile(
        engine, f"for name in {names!r}: os.truncate(os.open(name, os.O_CREAT | os.O_RDWR), 2**40)"
    )
    eventually(lambda: engine.job_folder(job).joinpath("outputs.jsonl").exists())
    began = time.monotonic()
    for path in ("", "/log", "/outputs", "/failure", "/curves", "/code"):
        assert engine.call("GET", f"/jobs/{job}{path}").status_code < 500, path
    assert [one["id"] for one in engine.get("/jobs")["jobs"]] == [job]
    assert [one["id"] for one in engine.get("/history")] == [job]
    assert time.monotonic() - began < 10
    assert let_go(engine, job)["status"] == "Finished"


DAMAGED = {
    "job.json": [
        '{"id": 1}',
        "",
        "[1",
        '{"id": 9, "submitted": "soon", "code_sha256": ""}',
        "\\xe9",
    ],
    "started.json": ['{"started": "soon", "pid": 1}', "nothing", '{"started": 5}', "[" * 100_000],
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_records_hold_up_no_other_job(
    start_engine: Callable[..., RunningEngine], name: str
) -> None:
    engine = start_engine(KD_MAX_RUNNING="6")
    jobs = [
        hostile(engine, f"open({name!r}, 'w', encoding='latin-1').write({content!r})")
        for content in DAMAGED[name]
    ]
    for job in jobs:
        eventually(lambda job=job: "done" in engine.log(job))
    other, log = engine.run("print('beside')")
    assert (other["status"], log) == ("Finished", "beside\n")
    assert {*jobs} <= {one["id"] for one in engine.get("/jobs")["jobs"]}
    assert {*jobs} <= {one["id"] for one in engine.get("/history")}
    engine.call("POST", f"/jobs/{jobs[0]}/cancel")
    assert engine.wait(jobs[0])["status"] == "Cancelled"
    for job in jobs[1:]:
        assert let_go(engine, job)["status"] == "Finished"
    engine.stop()
    engine.start()  # which reads all of it anew
    assert {*jobs} <= {one["id"] for one in engine.get("/jobs")["jobs"]}


def test_a_damaged_job_that_nobody_holds_is_told(tmp_path: Path) -> None:
    store = JobStore(tmp_path, "engine-1")
    job, _ = store.submit(SubmitJob(code="pass"))
    store.path(job, "job.json").write_text("{")
    record = JobStore(tmp_path, "engine-1").record(job)
    assert record.status == "Lost"
    assert record.exit
    assert "job.json is damaged" in (record.exit.reason or "")


def test_one_unreadable_job_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = JobStore(tmp_path, "engine-1")
    jobs = [store.submit(SubmitJob(code="pass"))[0] for _ in range(3)]
    whole = store.parsed

    def refuse(job: int, name: str, kind: type) -> object:  # root may read all: so by hand
        if job == jobs[1]:
            raise PermissionError(13, "Permission denied")
        return whole(job, name, kind)

    monkeypatch.setattr(store, "parsed", refuse)
    assert [record.job.id for record in store.records(jobs)] == [jobs[0], jobs[2]]
    with pytest.raises(Unavailable, match="Permission denied"):
        list(store.records(jobs[1:2], some=True))
    assert list(store.records(jobs[1:2])) == []


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (Started, b'{"started": "2026-11-26"}'),
        (Exit, b'{"status": "Finished", "ended": "soon"}'),
        (Exit, b'{"status": "Well", "ended": "2026-11-26T10:00:00Z"}'),
        (Submitted, b'{"id": 1, "submitted": "", "code_sha256": ""}'),
        (Submitted, b'{"id": 1, "submitted": "\\ud83d", "code_sha256": ""}'),
        (Submitted, b"\xff"),
        (Submitted, b"[" * 5000),
    ],
)
def test_what_is_no_record_is_none(kind: type, content: bytes) -> None:
    assert parse(content, kind, "a record") is None


def test_pipes_in_the_place_of_what_the_runner_writes_stop_it_not(engine: RunningEngine) -> None:
    names = ["log-times.jsonl", "usage.json", "usage-times.jsonl", "exit.json", "cancel.json"]
    code = (
        f"for name in {names!r}:\n    if os.path.exists(name): os.unlink(name)\n    os.mkfifo(name)"
    )
    job = hostile(engine, code + "\nos.mkfifo('usage.json.tmp')")
    time.sleep(2.5)  # the runner measures and marks each second
    engine.call("POST", f"/jobs/{job}/cancel")
    ended = engine.wait(job)
    assert ended["status"] == "Cancelled"
    assert (engine.job_folder(job) / "exit.json").is_file()


def test_a_forged_time_of_the_end_holds_nobody_up(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine()
    code = f"open('exit.json', 'w').write({FORGED!r})\nos.utime('exit.json', (2**33, 2**33))"
    job = hostile(engine, code)
    eventually(lambda: "done" in engine.log(job))
    engine.process.kill()
    engine.process.wait()
    began = time.monotonic()
    engine.start()
    followed = engine.call("GET", f"/jobs/{job}/log?follow=1", stream=True)
    for _ in range(20):
        assert engine.call("GET", "/health/live").status_code == 200
    assert time.monotonic() - began < 10
    assert let_go(engine, job)["reason"] is None  # and not what the job said of itself
    assert followed.content == b"done\n"
    assert engine.get(f"/jobs/{job}")["reason"] is None


@pytest.mark.parametrize("name", ["exit.json", "started.json"])
def test_a_folder_in_a_record_s_place_keeps_no_job_for_ever(
    engine: RunningEngine, name: str
) -> None:
    job = hostile(engine, f"if os.path.exists({name!r}): os.unlink({name!r})\nos.mkdir({name!r})")
    ended = let_go(engine, job)
    assert (ended["status"], ended["exit_code"]) == ("Finished", 0)
    assert (engine.job_folder(job) / name).is_file()


def test_a_job_that_removes_its_start_is_not_started_again(
    start_engine: Callable[..., RunningEngine],
) -> None:
    engine = start_engine()
    job = hostile(engine, "print('start')\nos.unlink('started.json')")
    eventually(lambda: "done" in engine.log(job))
    engine.stop()
    engine.start()
    time.sleep(2.5)  # two looks
    assert engine.log(job) == "start\ndone\n"
    (engine.job_folder(job) / "go").touch()
    assert eventually(lambda: engine.get(f"/jobs/{job}")["status"] == "Finished")
    assert engine.log(job) == "start\ndone\n"


def test_who_follows_goes_on_after_a_moment_without_the_repository(tmp_path: Path) -> None:
    store = JobStore(tmp_path, "engine-1")
    job, _ = store.submit(SubmitJob(code="pass"))
    store.path(job, "log").write_bytes(b"line\n")
    calls = []

    def is_ended(_: int) -> bool:
        calls.append(1)
        if len(calls) == 2:
            raise Unavailable("The repository is away.")
        return len(calls) > 3

    async def followed() -> bytes:
        followers = LogFollowers(store, is_ended)
        async with asyncio.timeout(20):
            return b"".join([part async for part in followers.follow(job, 0, asyncio.Event())])

    assert asyncio.run(followed()) == b"line\n"


def test_readiness_may_be_asked_by_many_at_once(tmp_path: Path) -> None:
    store = JobStore(tmp_path, "engine-1")
    with ThreadPoolExecutor(8) as pool:
        for asked in [pool.submit(check_writable, store.folder) for _ in range(400)]:
            asked.result()
    assert not list(store.folder.parent.glob(".*"))


def test_a_job_that_removes_its_start_and_kills_its_runner_is_lost(engine: RunningEngine) -> None:
    code = "print('start', flush=True)\nos.unlink('started.json')\nos.kill(os.getppid(), 9)"
    job = engine.submit(BEGIN + code + "\ntime.sleep(60)")["id"]
    assert engine.wait(job)["status"] == "Lost"
    time.sleep(1.5)  # the queue has looked after its jobs meanwhile
    assert engine.log(job) == "start\n"
