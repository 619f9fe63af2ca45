"""What a client may send, and how long it may take: over raw sockets."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from tests.kd_engines.running_server import eventually

TOKEN = "0123456789abcdef0123456789abcdef"
SERVER = Path(__file__).parent / "small_engine.py"
GET = b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: " + TOKEN.encode() + b"\r\n"
PIDS: dict[int, int] = {}
POST = GET.replace(b"GET", b"POST") + b"Content-Type: application/json\r\n"


def started(*arguments: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, SERVER, TOKEN, *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())
    PIDS[port] = process.pid
    yield port
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    yield from started()


@pytest.fixture(scope="module")
def impatient() -> Iterator[int]:
    yield from started("--impatient")


def talk(port: int, *pieces: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces, and return all that comes until the server closes, or is silent for 3 s."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
            while data := connection.recv(1 << 16):
                received += data
                if not data:
                    break
        except (TimeoutError, ConnectionError):
            pass
    return received


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def message(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"])


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"A: " + b"x" * 20_000, "The header a has more than 16,384 bytes"),
        (b"\r\n".join(b"A%d: 1" % n for n in range(300)), "more than 200 headers"),
        (b"\r\n".join(b"A%d: %s" % (n, b"x" * 9000) for n in range(9)), "65,536 bytes"),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_head_has_limits(port: int, head: bytes, told: str, whole: bool) -> None:
    request = b"GET /echo HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n"
    pieces = [request] if whole else [request[i : i + 1000] for i in range(0, len(request), 1000)]
    answer = talk(port, *pieces)
    assert status(answer) in (431, 0)  # what was sent after it may have reset the connection
    if answer:
        assert told.lower() in message(answer).lower()


def test_a_long_url_has_the_limit_of_a_head(port: int) -> None:
    answer = talk(port, b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status(answer) == 431


def test_what_is_within_the_limits_passes(port: int) -> None:
    headers = b"\r\n".join(b"A%d: %s" % (n, b"x" * 1000) for n in range(50))
    assert status(talk(port, GET + headers + b"\r\nConnection: close\r\n\r\n")) == 200
    twice = GET + b"\r\n" + GET + b"Connection: close\r\n\r\n"
    assert talk(port, twice).count(b"HTTP/1.1 200") == 2  # pipelined


@pytest.mark.slow
def test_a_huge_head_costs_nobody_else(port: int) -> None:
    def send() -> None:
        talk(port, b"GET / HTTP/1.1\r\nA: ", *([b"x" * (1 << 20)] * 32))

    sending = threading.Thread(target=send)
    sending.start()
    longest = 0.0
    with requests.Session() as session:
        while sending.is_alive() or not longest:
            began = time.monotonic()
            answer = session.get(
                f"http://127.0.0.1:{port}/echo", headers={"X-Auth-Token": TOKEN}, timeout=10
            )
            assert answer.status_code == 200
            longest = max(longest, time.monotonic() - began)
    sending.join()
    assert longest < 0.1


def test_a_head_that_stops_is_ended(impatient: int) -> None:
    began = time.monotonic()
    answer = talk(impatient, GET)
    assert (status(answer), time.monotonic() - began < 2) == (408, True)
    assert "head did not arrive in time" in message(answer)
    # A byte now and then does not make it longer.
    began = time.monotonic()
    talk(impatient, *[bytes([byte]) for byte in GET], pause_s=0.1)
    assert time.monotonic() - began < 3


def test_a_head_after_a_request_that_stops_is_ended(impatient: int) -> None:
    began = time.monotonic()
    answer = talk(impatient, GET + b"\r\n" + GET)
    assert b" 200 " in answer
    assert b" 408 " in answer
    assert time.monotonic() - began < 2


def test_a_body_that_stops_or_drips_is_ended(impatient: int) -> None:
    head = POST + b"Content-Length: 100\r\n\r\n"
    assert "body did not arrive in time" in message(talk(impatient, head + b'{"num'))
    began = time.monotonic()
    answer = talk(impatient, head, *[b" "] * 30, pause_s=0.1)
    assert time.monotonic() - began < 5
    assert status(answer) in (408, 0)


def test_a_connection_that_says_nothing_is_closed(impatient: int) -> None:
    began = time.monotonic()
    assert talk(impatient) == b""
    assert 1 < time.monotonic() - began < 2.9


def test_an_answer_that_nobody_reads_is_given_up(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient), timeout=5) as connection:
        connection.sendall(GET.replace(b"/echo", b"/large") + b"\r\n")
        time.sleep(2)
        received = 0
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(1 << 20):
                received += len(data)
        assert received < 32 << 20


def test_an_answer_is_not_overtaken_by_a_word_about_the_next_request(impatient: int) -> None:
    slow = GET.replace(b"/echo", b"/slow?seconds=1.2")
    for after in (b"\r\n\r\n" + b"\r\n", b"\r\n" + GET[:30]):
        answer = talk(impatient, slow + after)
        assert status(answer) == 200
        assert b'{"slow":true}' in answer


def test_what_nobody_reads_of_a_closing_connection_is_given_up_too(impatient: int) -> None:
    """Answers that are each below the mark at which writing stops."""
    with socket.create_connection(("127.0.0.1", impatient), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        request = GET.replace(b"/echo", b"/large?bytes=50000") + b"\r\n"
        with contextlib.suppress(TimeoutError):
            for _ in range(200):
                connection.sendall(request)
        connection.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        own = connection.getsockname()[1]
        eventually(lambda: own not in peers_of(impatient), 5)


def peers_of(port: int) -> set[int]:
    """Return the ports whose connections a server's process still has."""
    connections = psutil.Process(PIDS[port]).net_connections("tcp")
    return {one.raddr.port for one in connections if one.raddr}


def test_a_slow_answer_is_waited_for(impatient: int) -> None:
    answer = talk(impatient, GET.replace(b"/echo", b"/slow") + b"Connection: close\r\n\r\n")
    assert status(answer) == 200


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"Host: [::1", 400),
        (b"Host: a b", 400),
        (b"Host: [1.2]", 400),
        (b"Host: evil@localhost", 400),
        (b"Host: localhost:99999999", 400),
        (b"Host: localhost\r\nHost: localhost", 400),
        (b"Host: localhost\r\nOrigin: http://[::1", 400),
        (b"Host: localhost\r\nOrigin: http://evil", 403),
        (b"Host: 127.0.0.1:10001", 200),
        (b"Host: [::1]:10001", 200),
        (b"Host: my_engine:1", 200),
        (b"Host:", 200),
    ],
)
def test_a_malformed_host_or_origin_is_a_bad_request(port: int, line: bytes, code: int) -> None:
    body = b'{"number": 1}'
    request = POST.replace(b"Host: localhost", line)
    request += b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    answer = talk(port, request + body)
    assert status(answer) == code, answer
    if code == 400:
        assert message(answer).startswith("The ")


def test_what_is_no_http_is_told_in_the_one_shape(port: int) -> None:
    answer = talk(port, b"HELLO\r\n\r\n")
    assert status(answer) == 400
    assert "Invalid HTTP request received." in message(answer)
