"""Who may ask an engine, and the one shape of its errors: seen from a client, over a real port."""

import asyncio
import gzip
import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from starlette.types import Message, Receive, Scope, Send

from kd_engines.web.guard import Guard

TOKEN = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32
SERVER = Path(__file__).parent / "small_engine.py"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, SERVER, TOKEN, OTHER], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.terminate()
    assert process.wait(10) == 0


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10)


def error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["type"]


@pytest.mark.parametrize("token", [TOKEN, OTHER])
def test_each_token_of_the_set_is_accepted(url: str, token: str) -> None:
    assert get(f"{url}/echo", **{"X-Auth-Token": token}).status_code == 200
    assert get(f"{url}/echo", Authorization=f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN.upper() + " ", "ä"])
def test_no_other_is(url: str, token: str) -> None:
    answer = requests.get(
        f"{url}/echo", headers={"X-Auth-Token": token.encode("latin-1")}, timeout=10
    )
    assert error(answer) == (401, "Unauthorized")
    assert TOKEN not in answer.text


def test_unknown_routes_need_a_token_too_and_health_needs_none(url: str) -> None:
    assert error(get(f"{url}/none")) == (401, "Unauthorized")
    assert error(get(f"{url}/none", **{"X-Auth-Token": TOKEN})) == (404, "NotFound")
    assert get(f"{url}/health/live").status_code == 200
    assert get(f"{url}/health/ready").status_code == 200


def test_a_token_in_the_url_only_where_switched_on(url: str) -> None:
    assert error(get(f"{url}/echo?X-Auth-Token={TOKEN}")) == (401, "Unauthorized")
    assert error(get(f"{url}/echo?auth=none")) == (401, "Unauthorized")
    assert get(f"{url}/old/echo?X-Auth-Token={TOKEN}").status_code == 200
    assert get(f"{url}/old/echo?auth=none").status_code == 200
    assert error(get(f"{url}/old/echo?X-Auth-Token=x")) == (401, "Unauthorized")


def test_a_token_in_the_url_goes_no_further(url: str) -> None:
    answer = get(f"{url}/old/echo?X-Auth-Token={TOKEN}&a=1&x-auth-token={TOKEN}")
    assert answer.json()["query"] == "a=1"


def test_a_foreign_host_is_refused_unless_it_sends_the_token(url: str) -> None:
    """A page that DNS has been rebound for knows no token; a tenant's gateway passes it on."""
    foreign = {"Host": "evil.example.com"}
    for headers in (foreign, {**foreign, "X-Auth-Token": "wrong"}):
        answer = get(f"{url}/echo", **headers)
        assert error(answer) == (403, "Forbidden")
        assert "Host 'evil.example.com' is not a name of this engine" in answer.text
    assert error(get(f"{url}/old/echo?auth=none", **foreign)) == (403, "Forbidden")
    assert get(f"{url}/old/echo?X-Auth-Token={TOKEN}", **foreign).status_code == 200
    for host in ("predictions.tenant.example:32700", "evil.example.com"):
        for _ in range(2):  # the second time it has been seen
            assert get(f"{url}/echo", **{"X-Auth-Token": TOKEN, "Host": host}).status_code == 200
            assert error(get(f"{url}/echo", Host=host)) == (403, "Forbidden")
    for host in ("localhost:1", "kdss-1.kdhs-2.tenant.svc.cluster.local:10001", "[::1]:5"):
        assert get(f"{url}/echo", **{"X-Auth-Token": TOKEN, "Host": host}).status_code == 200


def post(url: str, body: bytes, **headers: str) -> requests.Response:
    every = {"X-Auth-Token": TOKEN, "Content-Type": "application/json", **headers}
    return requests.post(f"{url}/echo", data=body, headers=every, timeout=10)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example.com"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_a_foreign_page_cannot_write(url: str, headers: dict[str, str]) -> None:
    assert error(post(url, b'{"number": 1}', **headers)) == (403, "Forbidden")
    assert post(url, b'{"number": 1}', Origin=url).json()["number"] == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not as it must be"),
        (b"{", "not as it must be"),
        (b'{"number": "x"}', "$.number"),
        (b"[" * 100_000, "not as it must be"),
        (b'{"number": 1, "pad": "\xff"}', "not UTF-8 text (byte 22 is 0xFF); encode it as UTF-8"),
        (b'{"number": NaN}', "has NaN or Infinity, which JSON does not have; send null"),
        (b'{"number": [1, -Infinity]}', "has NaN or Infinity"),
        (b'{"pad": "NaN", "number": }', "not as it must be"),
        (b'{"pad": "\\ud83d", "number": 1}', "half of a surrogate pair"),
        (gzip.compress(b'{"number": 1}', mtime=0), "is compressed (gzip); send it uncompressed"),
        ('{"number": 1}'.encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_bad_json_is_told(url: str, body: bytes, sentence: str) -> None:
    answer = post(url, body)
    assert error(answer) == (422, "InvalidInput")
    assert sentence in answer.json()["error"]["message"]


def test_a_byte_order_mark_harms_nothing(url: str) -> None:
    assert post(url, b'\xef\xbb\xbf{"number": 1}').json()["number"] == 1


def test_another_method_is_told_which_there_is(url: str) -> None:
    answer = requests.delete(f"{url}/echo", headers={"X-Auth-Token": TOKEN}, timeout=10)
    assert error(answer) == (405, "MethodNotAllowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_tokens_are_compared_in_constant_time_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return bool(one == other)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(token: str) -> int:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"x-auth-token", token.encode())]
        scope = {"type": "http", "path": "/x", "method": "GET", "query_string": b""}
        guarded = Guard(app, lambda: frozenset({TOKEN, OTHER}))
        await guarded({**scope, "headers": headers}, receive_nothing, send)
        return int(sent[0]["status"])

    async def receive_nothing() -> Message:
        return {"type": "http.disconnect"}

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token, status in ((TOKEN, 200), (OTHER, 200), ("x", 401)):
        compared.clear()
        assert asyncio.run(ask(token)) == status
        pairs = {(token.encode(), known.encode()) for known in (TOKEN, OTHER)}
        assert set(compared) == pairs


def test_a_body_over_the_cap_is_refused_also_without_a_length(url: str) -> None:
    big = json.dumps({"number": 1, "pad": "x" * 200_000}).encode()
    assert error(post(url, big)) == (413, "TooLarge")
    chunked = requests.post(
        f"{url}/echo",
        data=iter([big[:100_000], big[100_000:]]),
        headers={"X-Auth-Token": TOKEN, "Content-Type": "application/json"},
        timeout=10,
    )
    assert error(chunked) == (413, "TooLarge")


def test_another_content_type_is_refused(url: str) -> None:
    answer = post(url, b"{}", **{"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_an_unexpected_error_tells_an_id_and_nothing_else(url: str) -> None:
    answer = get(f"{url}/boom", **{"X-Auth-Token": TOKEN})
    assert error(answer) == (500, "InternalError")
    assert answer.json()["error"]["request_id"]
    assert "secret detail" not in answer.text
