"""Logs by byte offset, while a job writes them and after."""

import contextlib
import hashlib
import signal
import threading
import time

import pytest
import requests

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine


def test_a_log_is_read_in_parts(engine: RunningEngine) -> None:
    job, log = engine.run("print('äbcdef')")
    path = f"/jobs/{job['id']}/log"
    part = engine.call("GET", f"{path}?offset=2&limit=3")
    assert part.content == log.encode()[2:5]
    assert part.headers["X-Log-Offset"] == "2"
    assert part.headers["X-Log-Size"] == "8"
    assert part.headers["X-Log-Complete"] == "0"
    rest = engine.call("GET", f"{path}?offset=5")
    assert rest.content == log.encode()[5:]
    assert rest.headers["X-Log-Complete"] == "1"
    assert engine.call("GET", f"{path}?offset=100").content == b""
    assert engine.call("GET", f"{path}?offset=-1").status_code == 422


def test_no_browser_takes_a_log_for_a_page(engine: RunningEngine) -> None:
    job, _ = engine.run("print('<script>')")
    headers = engine.call("GET", f"/jobs/{job['id']}/log").headers
    assert headers["Content-Type"].startswith("text/plain")
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_follower_gets_each_line_when_it_is_printed_and_ends_with_the_job(
    engine: RunningEngine,
) -> None:
    code = "import time\nfor _ in range(5):\n    print(time.time())\n    time.sleep(0.1)"
    job = engine.submit(code)["id"]
    answer = engine.call("GET", f"/jobs/{job}/log?follow=1", stream=True)
    late = [time.time() - float(line) for line in answer.iter_lines(chunk_size=1)]
    assert len(late) == 5
    assert min(late) < 0.1
    assert engine.get(f"/jobs/{job}")["status"] == "Finished"


def test_followers_of_one_job_all_get_the_whole_log(engine: RunningEngine) -> None:
    job = engine.submit("import time\nfor i in range(20):\n    print(i); time.sleep(0.02)")["id"]
    logs: list[str] = []

    def follow() -> None:
        url = f"{engine.url}/jobs/{job}/log?follow=1"
        logs.append(requests.get(url, headers={"X-Auth-Token": engine.token}, timeout=30).text)

    threads = [threading.Thread(target=follow) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logs == ["".join(f"{i}\n" for i in range(20))] * 8


def test_a_job_that_waits_in_the_queue_can_be_followed(engine: RunningEngine) -> None:
    blockers = [engine.submit("import time; time.sleep(0.5)")["id"] for _ in range(2)]
    job = engine.submit("print('at last')")["id"]
    assert engine.call("GET", f"/jobs/{job}/log?follow=1").text == "at last\n"
    for blocker in blockers:
        engine.wait(blocker)


@pytest.mark.slow
def test_a_big_log_of_any_bytes_is_whole(engine: RunningEngine) -> None:
    code = (
        "import hashlib, os, random\n"
        "block = random.Random(1).randbytes(1_000_003)\n"
        "for _ in range(100): os.write(1, block)"
    )
    job = engine.submit(code)["id"]
    digest, size = hashlib.sha256(), 0
    for chunk in engine.call("GET", f"/jobs/{job}/log?follow=1", stream=True).iter_content(2**20):
        digest.update(chunk)
        size += len(chunk)
    assert size == 100_000_300
    path = engine.job_folder(job) / "log"
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_follower_resumes_by_offset_after_the_engine_was_killed(engine: RunningEngine) -> None:
    job = engine.submit("import time\nfor i in range(60):\n    print(i); time.sleep(0.05)")["id"]
    received = b""
    answer = engine.call("GET", f"/jobs/{job}/log?follow=1", stream=True)
    with contextlib.suppress(requests.RequestException):
        for chunk in answer.iter_content(64):
            received += chunk
            if received.count(b"\n") > 5 and engine.process.poll() is None:
                engine.stop(signal.SIGKILL)
    assert received.count(b"\n") < 60
    engine.start()
    rest = engine.call("GET", f"/jobs/{job}/log?follow=1&offset={len(received)}").content
    assert received + rest == b"".join(b"%d\n" % i for i in range(60))


@pytest.mark.slow
def test_an_engine_that_stops_breaks_the_follower_off_instead_of_pretending_an_end(
    engine: RunningEngine,
) -> None:
    job = engine.submit("import time\nprint('one')\ntime.sleep(60)")["id"]
    answer = engine.call("GET", f"/jobs/{job}/log?follow=1", stream=True)
    lines = answer.iter_lines(chunk_size=1)
    assert next(lines) == b"one"
    engine.process.send_signal(signal.SIGTERM)
    with pytest.raises(requests.RequestException):
        list(lines)
    engine.process.wait(timeout=10)
    engine.start()
    eventually(lambda: engine.get(f"/jobs/{job}")["status"] == "Running")
    engine.call("POST", f"/jobs/{job}/cancel")
    assert engine.wait(job)["status"] == "Cancelled"
