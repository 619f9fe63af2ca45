"""A job's log through the Jupyter server: by offset, and followed through whatever happens."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.configmeta import configmeta
from tests.jupyter_extension.running_jupyter import RunningJupyter
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

COUNT = """
import time
for number in range({lines}):
    print(f"line {{number}}", flush=True)
    time.sleep({pause})
"""
LARGE = """
import sys
line = b"x" * 1023 + b"\\n"
for _ in range({mib}):
    sys.stdout.buffer.write(line * 1024)
"""


def path_of(job: int, query: str = "") -> str:
    return f"jobs/{CLUSTER}/{job}/log{query}"


def numbered(lines: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(lines))


def test_a_part_of_a_log_is_read_by_its_offset(
    server: RunningJupyter, engine: RunningEngine
) -> None:
    job = engine.submit("print('Füße', end='')")["id"]
    engine.wait(job)
    whole = "Füße".encode()
    answer = server.ask("GET", path_of(job))
    assert (answer.content, answer.headers["X-Log-Size"]) == (whole, str(len(whole)))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert server.ask("GET", path_of(job, "?offset=2&limit=3")).content == whole[2:5]
    beyond = server.ask("GET", path_of(job, "?offset=999"))
    assert (beyond.content, beyond.headers["X-Log-Size"]) == (b"", str(len(whole)))


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?limit=1048577", "1,048,576"),
        ("?offset=-1", "offset"),
        ("?offset=1e3", "offset"),
        ("?follow=yes", "follow"),
        ("?follow=1&limit=5", "limit"),
        ("?tail=5", "'tail'"),
    ],
)
def test_a_wrong_part_is_told(server: RunningJupyter, query: str, told: str) -> None:
    answer = server.ask("GET", path_of(1, query))
    assert answer.status_code == 422
    assert told in answer.json()["error"]["message"]


def test_following_what_is_not_there_is_an_error_before_anything_is_sent(
    server: RunningJupyter,
) -> None:
    assert server.ask("GET", path_of(999999, "?follow=1")).status_code == 404
    assert server.ask("GET", "jobs/down/1/log?follow=1").status_code == 503


def test_a_line_is_there_while_the_job_still_runs(
    server: RunningJupyter, engine: RunningEngine
) -> None:
    job = engine.submit("print('first', flush=True); import time; time.sleep(600)")["id"]
    with server.ask("GET", path_of(job, "?follow=1"), stream=True) as answer:
        assert next(answer.iter_content(None)) == b"first\n"
        assert engine.get(f"/jobs/{job}")["status"] == "Running"
        engine.call("POST", f"/jobs/{job}/cancel")
        assert b"".join(answer.iter_content(None)) == b""  # it ends with the job


def test_many_short_lines_are_few_messages(server: RunningJupyter, engine: RunningEngine) -> None:
    job = engine.submit(COUNT.format(lines=100, pause=0.01))["id"]
    with server.ask("GET", path_of(job, "?follow=1"), stream=True) as answer:
        parts = list(answer.iter_content(None))
    assert b"".join(parts) == numbered(100)
    assert len(parts) < 50


def test_a_large_log_is_followed_in_flat_memory(
    server: RunningJupyter, engine: RunningEngine
) -> None:
    job = engine.submit(LARGE.format(mib=100))["id"]
    engine.wait(job)
    process, highest, size = psutil.Process(server.process.pid), 0, 0
    before = process.memory_info().rss
    headers = {"Accept-Encoding": "identity"}
    with server.ask("GET", path_of(job, "?follow=1"), stream=True, headers=headers) as answer:
        for part in answer.iter_content(512 * 1024):
            if size == 0:
                time.sleep(1)  # a browser that is slow fills no memory either
            size += len(part)
            highest = max(highest, process.memory_info().rss)
    assert size == 100 * 1024 * 1024
    assert highest - before < 50 * 1024 * 1024


def test_for_browsers_that_go_nothing_is_read_any_more(
    server: RunningJupyter, engine: RunningEngine
) -> None:
    job = engine.submit("import time; print('silent now', flush=True); time.sleep(600)")["id"]
    process, many = psutil.Process(server.process.pid), 6

    def connections() -> int:
        found = process.net_connections("tcp")
        return sum(bool(c.raddr) and c.raddr.port == engine.port for c in found)

    answers = [server.ask("GET", path_of(job, "?follow=1"), stream=True) for _ in range(many)]
    for answer in answers:
        assert next(answer.iter_content(None)) == b"silent now\n"
    assert connections() >= many
    for answer in answers:
        answer.close()
    eventually(lambda: connections() < many / 2, 20)
    engine.call("POST", f"/jobs/{job}/cancel")


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[tuple[RunningEngine, RunningJupyter]]:
    """Return an engine that may be killed, and a Jupyter server of its own."""
    (tmp_path / "project_repo").mkdir()
    engine = RunningEngine(tmp_path / "project_repo", tmp_path / "engine.json")
    home = tmp_path / "home"
    home.mkdir()
    clusters = {CLUSTER: [(engine.url, TOKEN)]}
    (home / "configmeta.json").write_text(json.dumps(configmeta(clusters=clusters)))
    server = RunningJupyter(home)
    yield engine, server
    server.stop()
    engine.stop()
    assert TOKEN not in server.log()


def test_an_engine_that_is_killed_and_comes_back_costs_no_byte(
    mortal: tuple[RunningEngine, RunningJupyter],
) -> None:
    engine, server = mortal
    job = engine.submit(COUNT.format(lines=200, pause=0.02))["id"]
    parts: list[bytes] = []

    def read() -> None:
        with server.ask("GET", path_of(job, "?follow=1"), stream=True) as answer:
            parts.extend(answer.iter_content(None))

    reader = threading.Thread(target=read)
    reader.start()
    eventually(lambda: b"line 20\n" in b"".join(parts))
    engine.stop(9)
    time.sleep(1.5)  # the job writes on; the browser waits
    assert reader.is_alive()
    engine.start()
    reader.join(60)
    assert not reader.is_alive()
    assert b"".join(parts) == numbered(200)
