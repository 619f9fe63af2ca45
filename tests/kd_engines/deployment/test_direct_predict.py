"""A prediction is the same by both ways: without ASGI, and by it, as a chunked body is read."""

import json
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment

MIRROR = """
import sys
def predict(model, args):
    if isinstance(args, dict) and "exit" in args: sys.exit("told to")
    if isinstance(args, dict) and "raise" in args: raise ValueError(args["raise"])
    return args
"""
OLD = "import sys\nprint(*sys.argv[1:])\nsys.exit(len(sys.argv) > 3)"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(str.encode),
    JSON.map(lambda args: json.dumps({"use_scoring": True, "scoring_args": args}).encode()),
    st.dictionaries(
        st.sampled_from(["use_scoring", "scoring_args", "mode", "more"]), JSON, max_size=4
    ).map(lambda body: json.dumps(body).encode()),
)


@pytest.fixture(scope="module", params=["mirror", "old"])
def label(request: pytest.FixtureRequest, engine: RunningDeployment) -> str:
    return engine.serve(request.param, "1", {"mirror": MIRROR, "old": OLD}[request.param])


def answer(engine: RunningDeployment, label: str, body: Any) -> tuple[int, Any, Any]:
    """Return status, content type and body, without what is another in each answer."""
    url = f"http://127.0.0.1:{engine.port}/{label}/predict"
    with requests.Session() as session:
        session.trust_env = False
        got = session.post(url, data=body, headers={"X-Auth-Token": TOKEN}, timeout=20)
    told = got.json()
    for key in ("id", "pid", "log_url", "request_url"):
        told.pop(key, None)
    return got.status_code, got.headers.get("Content-Type"), told


def check(engine: RunningDeployment, label: str, body: bytes) -> tuple[int, Any]:
    direct, asgi = answer(engine, label, body), answer(engine, label, iter([body] if body else []))
    assert direct == asgi
    return direct[0], direct[2]


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(body=BODIES)
@example(body=b"\xef\xbb\xbf" + b'{"use_scoring": true, "scoring_args": {}}')
@example(body=b'{"use_scoring": true, "scoring_args": {"raise": "x"}}')
@example(body=b'{"use_scoring": true, "scoring_args": {"exit": 1}}')
@example(body=b'{"use_scoring": true, "scoring_args": "a \'b c\' d e"}')
@example(body=b'{"use_scoring": true, "scoring_args": "\'"}')
@example(body=b'{"use_scoring": true, "scoring_args": [{"a": 1}, {"raise": 2}]}')
@example(body=b"[" * 2000)
@example(body=b'{"use_scoring": true, "scoring_args": {"a": NaN}}')
def test_whatever_is_sent(engine: RunningDeployment, label: str, body: bytes) -> None:
    assert check(engine, label, body)[0] < 501


def test_names_that_are_not_there(engine: RunningDeployment) -> None:
    body = b'{"use_scoring": true, "scoring_args": {}}'
    engine.serve("mirror", "1", MIRROR)
    for path in ("mirror/2", "nobody/1", "mirror/%31", "mirror/1/", "mirror//1", "\u00e9/1"):
        status, told = check(engine, path, body)
        assert (status, "error" in told) in ((404, True), (200, False))
