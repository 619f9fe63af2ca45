"""Stopping loses no request: ready says no, what is in flight ends, then the process."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

TOKEN = "0123456789abcdef0123456789abcdef"
HEADERS = {"X-Auth-Token": TOKEN}
SERVER = Path(__file__).parent / "small_engine.py"


@pytest.fixture
def engine() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen([sys.executable, SERVER, TOKEN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process, f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.kill()
    process.wait()


def asked(url: str) -> "Future[requests.Response]":
    """Return what a request will have as its answer, once it is under way."""
    answer = ThreadPoolExecutor(1).submit(requests.get, url, headers=HEADERS, timeout=10)
    time.sleep(0.3)
    return answer


def test_what_is_in_flight_is_answered_and_what_arrives_meanwhile_too(
    engine: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = engine
    slow = asked(f"{url}/slow")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    ready = requests.get(f"{url}/health/ready", timeout=10)
    late = requests.get(f"{url}/echo", headers=HEADERS, timeout=10)
    assert slow.result(10).json() == {"slow": True}
    assert (ready.status_code, late.status_code) == (503, 200)
    assert late.headers["Connection"] == "close"
    assert process.wait(10) == 0


def test_what_is_in_flight_is_waited_for_however_long_within_the_drain(
    engine: tuple[subprocess.Popen[str], str],
) -> None:
    process, url = engine
    slow = asked(f"{url}/slow?seconds=3")
    process.send_signal(signal.SIGTERM)
    assert slow.result(10).json() == {"slow": True}
    assert process.wait(10) == 0


@pytest.mark.parametrize("route", ["slow?seconds=60", "hang"])
def test_it_ends_within_its_drain_time_whatever_hangs(route: str) -> None:
    process = subprocess.Popen(
        [sys.executable, SERVER, TOKEN, "--ends-soon"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = f"http://127.0.0.1:{int(process.stdout.readline())}"
    asked(f"{url}/{route}")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == (0 if route.startswith("slow") else 1)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_engine_stops_at_once(
    engine: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, url = engine
    with requests.Session() as session:  # an idle keep-alive connection does not hold it
        assert session.get(f"{url}/echo", headers=HEADERS, timeout=10).status_code == 200
        process.send_signal(number)
        assert process.wait(5) == 0
