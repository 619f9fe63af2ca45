"""Requests that are answered without ASGI: which they are, and that nobody can tell by the rest."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.kd_engines.running_server import eventually
from tests.kd_engines.web.test_protocol import PIDS, SERVER, TOKEN, message, started, status

HEAD = b"POST /direct HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: " + TOKEN.encode() + b"\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    yield from started()


@pytest.fixture(scope="module")
def impatient() -> Iterator[int]:
    yield from started("--impatient")


def post(body: bytes, *more: bytes, head: bytes = HEAD) -> bytes:
    return head + b"".join(more) + b"Content-Length: %d\r\n\r\n" % len(body) + body


def talk(port: int, *pieces: bytes, count: int = 1, pause_s: float = 0.0) -> bytes:
    """Send pieces and return so many answers, without one that only says to go on."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)
        while len(answers(received)) < count and (data := connection.recv(1 << 16)):
            received = (received + data).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    return received


def answers(received: bytes) -> list[dict[str, Any]]:
    """Return the JSON bodies of the answers that are whole."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        if not length or len(rest) < length:
            break
        found.append(json.loads(rest[:length]))
        received = rest[length:]
    return found


def ways(received: bytes) -> list[tuple[str, int]]:
    return [(a["way"], a["size"]) for a in answers(received)]


def test_a_plain_request_needs_no_asgi(port: int) -> None:
    received = talk(port, post(b"a"))
    assert status(received) == 200
    (answer,) = answers(received)
    assert answer == {"way": "direct", "size": 1, "host": "localhost", "in flight": 1, "pad": ""}
    head = received.partition(b"\r\n\r\n")[0].lower()
    assert b"content-type: application/json" in head
    assert b"\r\ndate: " in head
    assert b"connection" not in head


@pytest.mark.parametrize(
    "request_",
    [
        post(b"!"),
        post(b""),
        post(b"x" * 65_537),
        post(b"x", CLOSE),
        post(b"x", b"Expect: 100-continue\r\n"),
        post(b"x", b"A: 1\r\nA: 2\r\n"),
        post(b"x", head=HEAD.replace(b"/direct", b"/direct?a=1")),
        post(b"x", head=HEAD.replace(b"1.1", b"1.0")),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    ],
)
def test_any_other_has_its_answer_from_asgi(port: int, request_: bytes) -> None:
    received = talk(port, request_)
    assert status(received) == 200
    (answer,) = answers(received)
    assert (answer["way"], answer["in flight"]) == ("asgi", 1)


@pytest.mark.parametrize(
    ("head", "code", "told"),
    [
        (HEAD.replace(TOKEN.encode(), b"wrong"), 401, "not accepted"),
        (HEAD.replace(b"X-Auth-Token", b"X-Other"), 401, "No token was sent"),
        (
            HEAD.replace(b"localhost", b"evil.example").replace(TOKEN.encode(), b"wrong"),
            *(403, "evil.example"),
        ),
        (HEAD.replace(b"localhost", b"a b"), 400, "not a host"),
        (HEAD + b"Origin: http://evil.example\r\n", 403, "another site"),
        (HEAD + b"Sec-Fetch-Site: cross-site\r\n", 403, "another site"),
    ],
)
def test_who_may_not_ask_is_refused_each_time(port: int, head: bytes, code: int, told: str) -> None:
    assert status(talk(port, post(b"x"))) == 200  # what passed is remembered
    for _ in range(2):
        received = talk(port, post(b"x", head=head))
        assert (status(received), told in message(received)) == (code, True)


def test_an_error_has_its_own_status_and_headers(port: int) -> None:
    received = talk(port, post(b"?"))
    assert (status(received), message(received)) == (503, "Not now.")
    assert b"retry-after: 1" in received.lower()


def test_an_unexpected_error_is_told_by_its_number(port: int) -> None:
    for _ in range(3):
        received = talk(port, post(b"#"))
        assert status(received) == 500
        assert "failed unexpectedly" in message(received)
        assert b"secret" not in received
    assert answers(talk(port, post(b"a")))[0]["in flight"] == 1


def test_a_connection_that_lasts_keeps_nothing_of_its_requests(port: int) -> None:
    server = psutil.Process(PIDS[port])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for number in range(1500):
            connection.sendall(post(b"?" + b"x" * 40, b"A: " + b"x" * 15_000 + b"\r\n"))
            while not connection.recv(1 << 16).endswith(b"}"):
                pass
            if number == 100:
                before = server.memory_info().rss
        assert server.memory_info().rss - before < 8_000_000


def test_a_connection_serves_one_request_after_the_other(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for size in (1, 2, 30):
            connection.sendall(post(b"a" * size))
            received = connection.recv(1 << 16)
            assert ways(received) == [("direct", size)]


def test_answers_leave_in_the_order_of_requests(port: int) -> None:
    """The first ones last longest; those that follow in the same piece go through ASGI."""
    get = HEAD.replace(b"POST /direct", b"GET /echo") + b"\r\n"
    received = talk(port, post(b"a" * 200) + post(b"a" * 3) + get + post(b"a", CLOSE), count=4)
    first, second, third, fourth = answers(received)
    assert [a.get("size") for a in (first, second, third, fourth)] == [200, 3, None, 1]
    assert (first["way"], second["way"], third) == ("direct", "asgi", {"query": ""})
    received = talk(port, get + post(b"a" * 30), post(b"a", CLOSE), count=3, pause_s=0.1)
    assert [a.get("size") for a in answers(received)] == [None, 30, 1]


def test_a_body_may_come_in_pieces(port: int) -> None:
    request = post(b"abcdef")
    assert ways(talk(port, request[:20], request[20:-3], request[-3:], pause_s=0.1)) == [
        ("direct", 6)
    ]


def test_a_body_that_stops_is_ended_and_in_flight_no_more(impatient: int) -> None:
    began = time.monotonic()
    received = talk(impatient, post(b"abcdef")[:-3])
    assert (status(received), time.monotonic() - began < 2) == (408, True)
    with socket.create_connection(("127.0.0.1", impatient)) as connection:
        connection.sendall(post(b"abcdef")[:-3])
    eventually(lambda: answers(talk(impatient, post(b"a")))[0]["in flight"] == 1)


def test_who_leaves_harms_nobody(port: int) -> None:
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(post(b"a" * 100))
    eventually(lambda: answers(talk(port, post(b"a")))[0]["in flight"] == 1)


def test_a_large_answer_is_whole_though_it_is_read_slowly(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for piece in (post(b"L"), post(b"L"), post(b"a", CLOSE)):
            connection.sendall(piece)
            time.sleep(0.05)
        received = bytearray()
        while data := connection.recv(1 << 20):
            received += data
            time.sleep(0.005)
    assert [size for _, size in ways(bytes(received))] == [1, 1, 1]


def test_stopping_loses_none() -> None:
    process = subprocess.Popen([sys.executable, SERVER, TOKEN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as asked,
        socket.create_connection(("127.0.0.1", port), timeout=5) as half,
    ):
        asked.sendall(post(b"a" * 700))
        half.sendall(post(b"abc")[:-1])
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        half.sendall(b"c")
        for connection, size in ((half, 3), (asked, 700)):
            received = b""
            while data := connection.recv(1 << 16):
                received += data
            assert b"connection: close" in received.lower()
            assert ways(received) == [("direct", size)]
    assert process.wait(10) == 0
