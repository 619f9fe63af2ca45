"""Watching goes on through everything that passes: a killed engine, a balancer, a new token."""

import http.server
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_magics.errors import EngineDown
from tests.free_port import free_port
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_kernel import RunningKernel
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance\n"
# Bytes that do not come in lines, characters of several bytes among them.
CODE = """import sys, time
for n in range(80):
    sys.stdout.write(f"{n} grüße " + ("\\n" if n % 7 == 0 else ""))
    sys.stdout.flush()
    time.sleep(0.1)
"""
PRINTED = "".join(f"{n} grüße " + ("\n" if n % 7 == 0 else "") for n in range(80))


class Balancer(http.server.BaseHTTPRequestHandler):
    """A balancer whose servers are all down."""

    codes = (502, 503)
    asked: list[str]

    def do_GET(self) -> None:
        """Answer 502 and 503 in turn, as pages of a balancer."""
        type(self).asked.append(self.path)
        page = b"<html><body><h1>Bad Gateway</h1></body></html>"
        self.send_response(self.codes[len(self.asked) % 2])
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def own_engine(surroundings: Path) -> Iterator[RunningEngine]:
    """An engine that may be killed, moved and given another token."""
    engine = RunningEngine(surroundings / "project_repo", surroundings / "engine.json")
    yield engine
    engine.stop()


@pytest.mark.slow
def test_follow_is_exact_through_a_kill_a_balancer_and_a_move_with_a_new_token(
    empty_notebook: Notebook, own_engine: RunningEngine
) -> None:
    notebook, engine = empty_notebook, own_engine
    notebook.attach({CLUSTER: [(engine.url, TOKEN)]})
    notebook.good(CELL + CODE)
    job = notebook.shell.user_ns["_job"]
    eventually(lambda: "5 grüße" in engine.log(job.id))
    Balancer.asked = []

    def disturb() -> None:
        threading.Event().wait(1)
        engine.stop(signal.SIGKILL)
        with http.server.ThreadingHTTPServer(("127.0.0.1", engine.port), Balancer) as balancer:
            threading.Thread(target=balancer.serve_forever).start()
            eventually(lambda: len(Balancer.asked) > 3)
            balancer.shutdown()
        engine.port = free_port()
        engine.url = f"http://127.0.0.1:{engine.port}"
        engine.token = "f00d" * 8
        engine.write_tokens([engine.token])
        engine.start()
        notebook.attach({CLUSTER: [(engine.url, TOKEN)]})  # the old token first
        threading.Event().wait(1.5)
        notebook.attach({CLUSTER: [(engine.url, engine.token)]})

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    shown = notebook.good("%logs -f")
    disturbing.join()
    body = shown.text.partition("\n")[2].removesuffix("\nJob Status: Finished\n")
    assert body == PRINTED
    assert "[connection lost; trying again]\n" in shown.stderr
    assert "[connected again]\n" in shown.stderr
    assert engine.token not in shown.everything


@pytest.mark.slow
def test_an_engine_that_stays_away_ends_the_watching_not_the_job(
    empty_notebook: Notebook, own_engine: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kd_magics.output.watch.RECONNECT_FOR_S", 1.0)
    notebook, engine = empty_notebook, own_engine
    notebook.attach({CLUSTER: [(engine.url, TOKEN)]})
    notebook.good(CELL + "import time\ntime.sleep(10)\nprint('done')")
    job = int(notebook.shell.user_ns["_job"].id)
    engine.wait(job, until="Running")
    threading.Timer(0.5, engine.stop, [signal.SIGKILL]).start()
    assert f"Watching job {job} ended" in notebook.fails("%logs -f", EngineDown)
    engine.start()
    assert notebook.good("%logs -f").text.endswith("done\nJob Status: Finished\n")


@pytest.mark.slow
def test_a_new_kernel_finds_the_job_of_the_one_that_was_killed(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    kernel.good(CELL + CODE)
    job = int(kernel.good("print(_job.id)"))
    kernel.kill()
    assert engine.get(f"/jobs/{job}")["status"] in ("Queued", "Running")
    kernel.start()
    shown = kernel.good("%logs -f")
    assert shown.partition("\n")[2] == PRINTED + "\nJob Status: Finished\n"
    assert int(kernel.good("print(_job.id)")) == job
