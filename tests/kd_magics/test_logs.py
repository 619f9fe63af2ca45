"""%logs: the contract's lines, following, resuming, outputs, and errors that stop Run All."""

import signal
import threading
import time
from contextlib import redirect_stdout
from io import StringIO

import pytest

from kd_magics.errors import BadOptions, ForeignUrl, RemoteJobError, WatchStopped
from kd_pipeline.errors import NotFound, UnknownCluster
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance\n"


def send(notebook: Notebook, code: str) -> int:
    notebook.good(CELL + code)
    return int(notebook.shell.user_ns["_job"].id)


def test_the_first_line_is_the_contracts(notebook: Notebook, engine: RunningEngine) -> None:
    job = send(notebook, "print('hello')\nprint('world')")
    engine.wait(job)
    assert notebook.good("%logs").text == "Job Status: Finished\nhello\nworld\n"
    by_url = notebook.good(f"%logs --url {engine.url}/history/{job}")
    assert by_url.text == "Job Status: Finished\nhello\nworld\n"


def test_a_job_is_named_by_number_or_cluster(notebook: Notebook, engine: RunningEngine) -> None:
    first = send(notebook, "print('first')")
    send(notebook, "print('second')")
    engine.wait(first)
    for name in (
        str(first),
        f"training-engine-instance/{first}",
        f"trainingengineinstance/{first}",
    ):
        assert notebook.good(f"%logs {name}").text == "Job Status: Finished\nfirst\n"
    notebook.fails("%logs 99999", NotFound)
    notebook.fails("%logs nine", BadOptions)
    notebook.fails("%logs --bad 1", BadOptions)
    assert "unknown" in notebook.fails("%logs unknown/9", UnknownCluster)


def test_the_cluster_may_change_under_a_job(notebook: Notebook, engine: RunningEngine) -> None:
    job = send(notebook, "print('here')")
    engine.wait(job)
    at = [(engine.url, TOKEN)]
    notebook.attach({"renamed": at, "deployment-engine-instance": at})
    assert "renamed" in notebook.fails("%logs", UnknownCluster)
    assert notebook.good(f"%logs {job}").text.endswith("here\n")
    notebook.fails(f"%logs deployment-engine-instance/{job}", BadOptions)
    notebook.attach({"one": at, "two": at})
    assert "one, two" in notebook.fails(f"%logs {job}", BadOptions)
    assert notebook.good(f"%logs two/{job}").text.endswith("here\n")


def test_without_a_job_of_its_own_a_notebook_shows_the_newest(
    notebook: Notebook, engine: RunningEngine
) -> None:
    job, _ = engine.run("print('from elsewhere')")
    assert notebook.good("%logs").text == "Job Status: Finished\nfrom elsewhere\n"
    assert notebook.shell.user_ns["_job"].id == job["id"]


def test_follow_shows_all_and_the_last_status(notebook: Notebook) -> None:
    send(notebook, "import time\nfor n in range(3):\n    print(n)\n    time.sleep(0.3)")
    lines = notebook.good("%logs -f").text.splitlines()
    assert lines[0].startswith(("Job Status: Running", "Job Status: Queued"))
    assert lines[1:] == ["0", "1", "2", "Job Status: Finished"]


def test_a_job_that_fails_is_an_error_of_the_cell(notebook: Notebook) -> None:
    job = send(notebook, "print('so far')\nraise ValueError('the reason')")
    sentence = notebook.fails("%logs -f", RemoteJobError)
    assert f"Job {job} on training-engine-instance: Failed" in sentence
    assert "ValueError: the reason" in sentence
    # Without -f it is only told.
    assert notebook.good("%logs").text.startswith("Job Status: Failed\nso far\n")


def test_wait_does_the_same_in_one_cell(notebook: Notebook) -> None:
    good = notebook.good("%%trainingengineinstance --wait --name quick\nprint('x')")
    assert good.text.splitlines()[0].startswith("History URL: http://")
    assert good.text.splitlines()[1:] == ["x", "Job Status: Finished"]
    notebook.fails("%%trainingengineinstance --wait\n1/0", RemoteJobError)
    timed_out = notebook.fails(
        "%%trainingengineinstance --wait --timeout 0.5\nimport time\ntime.sleep(60)", RemoteJobError
    )
    assert "TimedOut" in timed_out


def test_outputs_come_at_their_place(notebook: Notebook, engine: RunningEngine) -> None:
    code = """
class Shown:
    def __init__(self, name): self.name = name
    def _repr_html_(self): return f"<b>{self.name}</b>"
print("before")
display(Shown("one"))
print("between")
display(Shown("two"))
"""
    job = send(notebook, code)
    engine.wait(job)
    for magic in ("%logs", "%logs -f"):
        seen = order(notebook, magic)
        assert seen == ["before", "<b>one</b>", "between", "<b>two</b>"]


def order(notebook: Notebook, magic: str) -> list[str]:
    """Return texts and HTML in the order in which a cell showed them."""

    class Publisher(type(notebook.shell.display_pub)):  # type: ignore[misc]
        def publish(self, data: dict[str, str], *args: object, **options: object) -> None:
            print(data.get("text/html", "?"))

    before = notebook.shell.display_pub
    notebook.shell.display_pub = Publisher(parent=notebook.shell)
    try:
        with redirect_stdout(StringIO()) as text:
            assert notebook.shell.run_cell(magic).success
    finally:
        notebook.shell.display_pub = before
    lines = text.getvalue().splitlines()
    return [line for line in lines if not line.startswith("Job Status")]


def test_tail_shows_the_last_lines(notebook: Notebook, engine: RunningEngine) -> None:
    job = send(notebook, "for n in range(100): print(n)")
    engine.wait(job)
    assert notebook.good("%logs --tail 2").text == "Job Status: Finished\n98\n99\n"
    assert notebook.good("%logs --tail 500").text.splitlines()[1] == "0"
    notebook.fails("%logs --tail 0", BadOptions)


def test_of_a_long_log_the_end_is_shown(notebook: Notebook, engine: RunningEngine) -> None:
    job = send(notebook, "for n in range(300_000): print('line', n)")
    engine.wait(job)
    shown = notebook.good("%logs").text
    assert len(shown) < 100_000
    assert "_job.log()" in shown
    assert shown.endswith("line 299999\n")
    assert len(notebook.shell.user_ns["_job"].log().splitlines()) == 300_000


@pytest.mark.slow
def test_a_long_log_that_is_followed_is_cut_in_its_middle(notebook: Notebook) -> None:
    send(notebook, "import time\ntime.sleep(1)\nfor n in range(300_000): print('line', n)")
    shown = notebook.good("%logs -f").text
    assert len(shown) < 1_300_000
    assert "bytes left out" in shown
    assert shown.splitlines()[1] == "line 0"
    assert shown.endswith("line 299999\nJob Status: Finished\n")


def test_a_foreign_url_is_not_asked(notebook: Notebook) -> None:
    sentence = notebook.fails("%logs --url http://example.org/history/2", ForeignUrl)
    assert "example.org" in sentence
    notebook.fails("%logs --url http://127.0.0.1:1/history/2", ForeignUrl)
    notebook.fails("%logs --url http://example.org/", BadOptions)
    notebook.fails("%logs 2 --url http://example.org/history/2", BadOptions)


@pytest.mark.slow
def test_follow_goes_on_after_the_engine_was_killed(
    notebook: Notebook, engine: RunningEngine
) -> None:
    code = "import time\nfor n in range(60):\n    print('line', n)\n    time.sleep(0.1)"
    job = send(notebook, code)
    eventually(lambda: "line 5" in engine.log(job))

    def kill_and_start() -> None:
        time.sleep(1)
        engine.stop(signal.SIGKILL)
        time.sleep(1)
        engine.start()

    killer = threading.Thread(target=kill_and_start)
    killer.start()
    shown = notebook.good("%logs -f")
    killer.join()
    assert shown.text.splitlines()[1:-1] == [f"line {n}" for n in range(60)]
    assert shown.text.endswith("Job Status: Finished\n")


@pytest.mark.slow
def test_interrupting_stops_the_watching_only(notebook: Notebook, engine: RunningEngine) -> None:
    job = send(notebook, "import time\nprint('begun')\ntime.sleep(60)")
    engine.wait(job, until="Running")
    # To the main thread, as a kernel gets it: it may be waiting in a read.
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(1.5, signal.pthread_kill, [main, signal.SIGINT])
    timer.start()
    sentence = notebook.fails("%logs -f", WatchStopped)
    assert f"Job {job} goes on" in sentence
    assert engine.get(f"/jobs/{job}")["status"] == "Running"
    notebook.good("_job.cancel()")
    notebook.fails("%logs -f", RemoteJobError)
    assert notebook.good("_job.status").value == "Cancelled"
