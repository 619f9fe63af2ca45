"""HTTP to a cluster: sending again safely, a renewed token, no token to another host."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kd_client.deployment_client import DeploymentClient
from kd_client.http_client import HttpClient, decoded
from kd_client.training_client import TrainingClient
from kd_magics.errors import EngineDown, EngineStarting, InvalidAnswer, UnknownRoute
from kd_pipeline.connections import ClusterConnection, parse_connections
from kd_pipeline.errors import KdError, ModelNotReady, Unauthorized, Unavailable
from kd_pipeline.messages import JobList, SubmitJob
from tests.configmeta import configmeta
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine


def cluster(*endpoints: tuple[str, str]) -> ClusterConnection:
    return parse_connections(configmeta(clusters={CLUSTER: endpoints})).cluster(CLUSTER)


@contextmanager
def serving(answer: Any) -> Iterator[str]:
    """Serve ``answer(handler)`` for every request at a real port; yield the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for key, value in headers.items():
        handler.send_header(key, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_a_submission_whose_answer_was_lost_is_one_job(engine: RunningEngine) -> None:
    lost: list[bytes] = []

    def take_and_break(handler: BaseHTTPRequestHandler) -> None:
        """Pass the request on to the engine, but break the connection before the answer."""
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        lost.append(body)
        engine.call("POST", "/jobs", data=body, headers={"Content-Type": "application/json"})
        handler.connection.shutdown(2)
        handler.close_connection = True

    before = len(engine.get("/jobs")["jobs"])
    with serving(take_and_break) as url:
        client = TrainingClient(lambda: cluster((url, TOKEN), (engine.url, TOKEN)))
        job = client.submit(SubmitJob("print(1)", idempotency_key="once"))
    assert len(lost) == 1
    jobs = engine.get("/jobs")["jobs"]
    assert len(jobs) == before + 1
    assert jobs[0]["id"] == job.id


def test_a_renewed_token_is_read_once(engine: RunningEngine) -> None:
    asked: list[str] = []

    def find() -> ClusterConnection:
        asked.append(TOKEN if asked else "01d" * 8)
        return cluster((engine.url, asked[-1]))

    assert decoded(HttpClient(find).call("GET", "/jobs"), JobList).jobs is not None
    assert len(asked) == 2


def test_a_wrong_token_is_asked_with_once(engine: RunningEngine) -> None:
    with pytest.raises(Unauthorized, match="configmeta"):
        HttpClient(lambda: cluster((engine.url, "f00d"))).call("GET", "/jobs")


def test_no_token_follows_a_redirect() -> None:
    seen: list[str | None] = []

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["X-Auth-Token"])
        reply(handler, 200, b"{}")

    with (
        serving(elsewhere) as target,
        serving(lambda handler: reply(handler, 307, Location=target)) as url,
        pytest.raises(InvalidAnswer, match="307"),
    ):
        HttpClient(lambda: cluster((url, TOKEN))).call("GET", "/jobs")
    assert seen == []


def test_no_token_goes_through_a_proxy(
    engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert HttpClient(lambda: cluster((engine.url, TOKEN))).call("GET", "/jobs").ok


def test_the_engines_own_error_arrives_as_itself(engine: RunningEngine) -> None:
    http = HttpClient(lambda: cluster((engine.url, TOKEN)))
    with pytest.raises(KdError, match=CLUSTER) as caught:
        http.call("POST", "/jobs", body=SubmitJob("print(1)", timeout_s=-1))
    assert type(caught.value).__name__ == "InvalidInput"
    with pytest.raises(UnknownRoute):
        http.call("GET", "/nothing/here")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (503, b"<html>no server</html>", EngineStarting),
        (503, b'{"error": {"type": "Unavailable", "message": "It stops."}}', Unavailable),
        (502, b"", EngineStarting),
        (500, b"oops", InvalidAnswer),
        (418, b'{"error": {"type": "Unheard", "message": "Tea."}}', KdError),
        (418, b'{"error": "tea"}', InvalidAnswer),
    ],
)
def test_other_answers(status: int, body: bytes, error: type[Exception]) -> None:
    with serving(lambda handler: reply(handler, status, body)) as url:
        with pytest.raises(error) as caught:
            HttpClient(lambda: cluster((url, TOKEN))).call("GET", "/jobs")
        assert type(caught.value) is error


def test_what_is_no_message_is_told() -> None:
    with serving(lambda handler: reply(handler, 200, b'{"jobs": 3}')) as url:
        answer = HttpClient(lambda: cluster((url, TOKEN))).call("GET", "/jobs")
        with pytest.raises(InvalidAnswer, match="/jobs answered something else"):
            decoded(answer, JobList)


def test_what_must_not_be_sent_twice_is_not() -> None:
    arrived: list[str] = []

    def break_off(handler: BaseHTTPRequestHandler) -> None:
        arrived.append(handler.path)
        handler.connection.shutdown(2)
        handler.close_connection = True

    with serving(break_off) as url:
        http = HttpClient(lambda: cluster((url, TOKEN)))
        with pytest.raises(EngineDown):
            http.call("POST", "/train", body={}, repeatable=False)
        assert arrived == ["/train"]
        with pytest.raises(EngineDown):
            http.call("GET", "/jobs")
    assert arrived == ["/train", "/jobs", "/jobs"]


def test_an_engine_that_never_answers_is_given_up() -> None:
    gate = threading.Event()
    with serving(lambda handler: gate.wait(20)) as url:
        with pytest.raises(EngineDown, match="no answer in time"):
            HttpClient(lambda: cluster((url, TOKEN))).call("GET", "/jobs", timeout=0.2, rounds=1)
        gate.set()


def test_a_cluster_without_endpoints_is_told() -> None:
    with pytest.raises(EngineDown, match="no REST endpoint"):
        HttpClient(lambda: cluster(("://", TOKEN))).call("GET", "/jobs")


def test_a_member_whose_model_is_not_ready_yet_is_passed_over() -> None:
    def not_ready(handler: BaseHTTPRequestHandler) -> None:
        body = b'{"error": {"type": "ModelNotReady", "message": "taxi/1 is still being loaded."}}'
        reply(handler, 503, body)

    def answers(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, 200, b'{"id": 1, "status": "Finished", "output": "7", "result": null}')

    with serving(not_ready) as first, serving(answers) as second:
        client = DeploymentClient(lambda: cluster((first, TOKEN), (second, TOKEN)))
        assert client.predict("taxi", "1", {}) is None
        alone = DeploymentClient(lambda: cluster((first, TOKEN)))
        with pytest.raises(ModelNotReady, match="still being loaded"):
            alone.predict("taxi", "1", {})
