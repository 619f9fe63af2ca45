"""An engine of the 2020 product: it knows /train, /history and /logs, and wraps its answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kd_magics.errors import BadOptions, EmptyCell, InvalidCell, RemoteJobError
from kd_pipeline.messages import Curves
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN
from tests.kd_magics.running_notebook import Notebook


class OldEngine(ThreadingHTTPServer):
    """Runs nothing: code that says ``raise`` has failed, all else has finished with its text."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), OldRoutes)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.bodies: list[dict[str, str]] = []


class OldRoutes(BaseHTTPRequestHandler):
    server: OldEngine

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/train" or self.headers["X-Auth-Token"] != TOKEN:
            return self.answer(404, None)
        self.server.bodies.append(body)
        return self.answer(200, [self.told(len(self.server.bodies))])

    def do_GET(self) -> None:
        _, kind, *rest = self.path.split("/")
        numbers = range(1, len(self.server.bodies) + 1)
        if kind == "history" and not rest:
            return self.answer(200, [self.told(n) for n in numbers])
        if kind in ("history", "logs") and int(rest[0]) in numbers:
            number = int(rest[0])
            log = {"id": number, "logs": f"ran {self.server.bodies[number - 1]['training_code']}"}
            return self.answer(200, [self.told(number)] if kind == "history" else log)
        return self.answer(404, None)

    def told(self, number: int) -> dict[str, object]:
        failed = "raise" in self.server.bodies[number - 1]["training_code"]
        return {
            "id": number,
            "status": "Failed" if failed else "Finished",
            "request_url": f"{self.server.url}/history/{number}",
            "log_url": f"{self.server.url}/logs/{number}",
            "node": "kdss-1",
            "pid": 7,
        }

    def answer(self, status: int, body: object) -> None:
        content = b"<html>404</html>" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving_old() -> Iterator[OldEngine]:
    """Run an engine of 2020 until the caller is done with it."""
    with OldEngine() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def old_engine() -> Iterator[OldEngine]:
    with serving_old() as server:
        yield server


@pytest.fixture
def old_notebook(empty_notebook: Notebook, old_engine: OldEngine) -> Notebook:
    empty_notebook.attach({CLUSTER: [(old_engine.url, TOKEN)]})
    return empty_notebook


@pytest.mark.parametrize("magic", ["%%trainingengineinstance", "%%train 1"])
def test_a_cell_for_another_language_is_sent_as_it_is(
    old_notebook: Notebook, old_engine: OldEngine, magic: str
) -> None:
    cell = "fare <- lm(minutes ~ miles, data = rides)\nsummary(fare)\n"
    assert "not valid Python" in old_notebook.fails(f"{magic}\n{cell}", InvalidCell)
    path = old_notebook.configmeta_path
    path.write_text(path.read_text().replace('"ml_engine": "python"', '"ml_engine": "R"'))
    assert "trainingengineinstance  R\n" in old_notebook.good("%attachments").text
    old_notebook.good(f"{magic}\n{cell}")
    assert old_engine.bodies[-1]["training_code"] == cell
    old_notebook.fails(f"{magic}\n", EmptyCell)


def test_a_cell_and_its_log(old_notebook: Notebook, old_engine: OldEngine) -> None:
    shown = old_notebook.good("%%trainingengineinstance\nprint(1)\n")
    assert shown.text == f"History URL: {old_engine.url}/history/1\n"
    assert old_engine.bodies == [{"training_code": "print(1)\n", "calledBy": "ada"}]
    for magic in ("%logs", "%logs 1", f"%logs --url {old_engine.url}/history/1", "%logs -f"):
        assert old_notebook.good(magic).text == "Job Status: Finished\nran print(1)\n"
    assert old_notebook.good("%logs --tail 1").text == "Job Status: Finished\nran print(1)\n"
    assert old_notebook.good("_job.outputs()").value == []
    assert old_notebook.good("_job.curves()").value == Curves({}, [])


def test_a_failed_job_is_an_error_here_too(old_notebook: Notebook) -> None:
    sentence = old_notebook.fails(
        "%%trainingengineinstance --wait\nraise ValueError('x')", RemoteJobError
    )
    assert "Failed" in sentence


def test_the_newest_of_the_history(old_notebook: Notebook, old_engine: OldEngine) -> None:
    old_engine.bodies += [{"training_code": "one"}, {"training_code": "two"}]
    assert old_notebook.good("%logs").text == "Job Status: Finished\nran two\n"


def test_cancelling_is_refused_in_a_sentence(old_notebook: Notebook) -> None:
    old_notebook.good("%%trainingengineinstance\nprint(1)\n")
    assert "2020" in old_notebook.fails("_job.cancel()", BadOptions)
    assert "2020" in old_notebook.fails("%rerun", BadOptions)
    assert "does not keep when" in old_notebook.fails("%logs --since 10m", BadOptions)
