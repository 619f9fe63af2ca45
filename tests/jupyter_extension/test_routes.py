"""Every route of the extension, walked: login, XSRF, authorisation, errors, strange paths."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_extension.app import ROUTES
from kd_pipeline.messages import ErrorBody
from tests.configmeta import configmeta
from tests.jupyter_extension.running_jupyter import RunningJupyter
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# A name for each part of a path, so that every route is asked for something that could be there.
PARTS = {"cluster": CLUSTER, "job": "1", "name": "taxi", "version": "1", "alias": "best"}
NO_ROUTE = ("GET", "no/such/route")


def path_of(pattern: str) -> str:
    """Return a path that a route's pattern takes."""
    path, rest = "", pattern
    while found := re.search(r"\(\?P<(\w+)>", rest):
        path += rest[: found.start()] + PARTS.get(found[1], "no/such/route")
        rest = rest[found.start() + _length_of_group(rest[found.start() :]) :]
    path = (path + rest).replace("/?", "").lstrip("/")
    assert re.fullmatch(pattern, "/" + path), (pattern, path)
    return path


def _length_of_group(text: str) -> int:
    depth, in_class, escaped = 0, False, False
    for position, sign in enumerate(text):
        if escaped or sign == "\\":
            escaped = not escaped
        elif in_class or sign == "[":
            in_class = sign != "]"
        else:
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if depth == 0:
                return position + 1
    raise AssertionError(f"no whole group: {text}")


CALLS = [
    (method, path_of(pattern))
    for pattern, route in ROUTES
    for method in METHODS
    if method.lower() in vars(route)
]
CHANGES = [call for call in CALLS if call[0] != "GET"]


def error_of(answer: requests.Response) -> str:
    """Return the sentence of an error, which has the one shape and no trace of a stack."""
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    error = msgspec.json.decode(answer.content, type=ErrorBody).error
    assert error.message
    assert error.type
    assert "Traceback" not in answer.text
    assert TOKEN not in answer.text
    return error.message


def test_all_methods_of_all_routes_are_walked() -> None:
    assert ("GET", "about") in CALLS
    assert ("POST", f"jobs/{CLUSTER}/1/rerun") in CALLS
    assert NO_ROUTE in CALLS
    assert len({path for _, path in CALLS}) == len(ROUTES)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_each_route_needs_a_login(server: RunningJupyter, method: str, path: str) -> None:
    answer = requests.request(method, server.url + path, allow_redirects=False, timeout=20)
    assert answer.status_code == 403
    error_of(answer)


@pytest.fixture(scope="module")
def browser(server: RunningJupyter) -> requests.Session:
    """Return a session with a login cookie and no token."""
    return server.browser()


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_a_change_needs_the_xsrf_token_of_the_page(
    server: RunningJupyter, browser: requests.Session, method: str, path: str
) -> None:
    answer = browser.request(method, server.url + path, timeout=20)
    assert answer.status_code == 403
    assert "_xsrf" in error_of(answer)


@pytest.mark.parametrize(("method", "path"), CHANGES)
def test_with_the_xsrf_token_a_change_is_taken(
    server: RunningJupyter, browser: requests.Session, method: str, path: str
) -> None:
    headers = {"X-XSRFToken": browser.cookies["_xsrf"]}
    answer = browser.request(method, server.url + path, headers=headers, timeout=60)
    assert answer.status_code != 403, answer.text


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_no_answer_has_a_token_and_every_error_has_one_shape(
    server: RunningJupyter, method: str, path: str
) -> None:
    answer = server.ask(method, path)
    assert TOKEN not in answer.text
    assert TOKEN not in str(answer.headers)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.status_code != 500
    if answer.status_code >= 400:
        error_of(answer)


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_a_method_that_a_route_has_not_is_told_as_all_errors_are(
    server: RunningJupyter, method: str
) -> None:
    answer = server.ask(method, "engines")
    assert answer.status_code == 405
    error_of(answer)


@pytest.fixture(scope="module")
def forbidding(
    engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningJupyter]:
    """Return a server below a hub's base URL whose authorizer refuses the whole pipeline."""
    home = tmp_path_factory.mktemp("forbidding")
    clusters = {CLUSTER: [(engine.url, TOKEN)]}
    (home / "configmeta.json").write_text(json.dumps(configmeta(clusters=clusters)))
    name = "tests.jupyter_extension.authorizers.NoPipeline"
    running = RunningJupyter(
        home, f"--ServerApp.authorizer_class={name}", "--ServerApp.base_url=/user/ann/"
    )
    yield running
    running.stop()


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_an_authorizer_that_refuses_is_obeyed_by_each_route(
    forbidding: RunningJupyter, method: str, path: str
) -> None:
    answer = forbidding.ask(method, path)
    assert answer.status_code == 403
    error_of(answer)


def test_routes_are_below_the_base_url(engine: RunningEngine, tmp_path: Path) -> None:
    clusters = {CLUSTER: [(engine.url, TOKEN)]}
    (tmp_path / "configmeta.json").write_text(json.dumps(configmeta(clusters=clusters)))
    running = RunningJupyter(tmp_path, "--ServerApp.base_url=/user/ann/")
    try:
        assert "/user/ann/kd-magics/" in running.url
        assert running.get("engines")["training"][0]["state"] == "Answers"
    finally:
        running.stop()


STRANGE = [
    "..",
    "%2e%2e",
    "%2E%2E%2F..",
    ";",
    "%00",
    "%0d%0aX: y",
    "9" * 400,
    "é",
    "0",
    "-1",
    "a" * 64,
]


@pytest.mark.parametrize("strange", [*STRANGE, "999999999999999", "\u0661", "1%2f..", "%ff", "1.0"])
def test_a_strange_part_of_a_path_is_refused(server: RunningJupyter, strange: str) -> None:
    for path in (f"jobs/{CLUSTER}/{strange}/log", f"jobs/{strange}/1", f"engines/{strange}"):
        answer = send_as_is(server, path)
        assert 400 <= answer.status_code < 500, path
        if "/.." not in path:  # which names a place that is not ours
            error_of(answer)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from([path for method, path in CALLS if method == "GET"]),
    part=st.text(max_size=20),
    names=st.lists(
        st.sampled_from(["limit", "before", "offset", "status", "q", "job", "after", "user", "x"])
        | st.text(min_size=1, max_size=5),
        max_size=3,
    ),
    value=st.text(max_size=30) | st.integers().map(str),
)
def test_whatever_is_asked_is_answered_or_refused_in_one_shape(
    server: RunningJupyter, path: str, part: str, names: list[str], value: str
) -> None:
    query = "&".join(f"{quote(name)}={quote(value)}" for name in names)
    for asked in (
        f"{path}?{query}",
        f"{path}/{quote(part, safe='')}",
        f"jobs/{quote(part)}?{query}",
    ):
        answer = send_as_is(server, asked)
        assert answer.status_code != 500, asked
        if answer.status_code >= 400:
            error_of(answer)


def send_as_is(server: RunningJupyter, path: str) -> requests.Response:
    """Send a path as it is written: requests would resolve its dots and escapes."""
    prepared = requests.Request("GET", server.url, headers=server.headers).prepare()
    prepared.url = server.url + path.encode("utf-8").decode("latin-1")
    with requests.Session() as session:
        return session.send(prepared, timeout=60, allow_redirects=False)
