"""%logs: the contract's lines, following, resuming, outputs, and errors that stop Run All."""

import signal
import threading
import time
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from kd_magics.errors import BadOptions, ForeignUrl, RemoteJobError
from kd_pipeline.errors import InvalidInput, NotFound, UnknownCluster
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
    job, _ = engine.run("print('from elsewhere')", user="ada")
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


def test_a_handle_replaces_what_was_shown(notebook: Notebook, engine: RunningEngine) -> None:
    code = """
import os, time
class Step:
    def __init__(self, number): self.number = number
    def _repr_html_(self): return f"<b>{self.number}</b>"
handle = display(Step(0), display_id=True)
while not os.path.exists("go"): time.sleep(0.05)
print("goes on")
handle.update(Step(1))
handle.update(Step(2))
"""
    job = send(notebook, code)
    go = threading.Timer(2.0, (engine.repository / "go").touch)
    go.start()
    assert order(notebook, "%logs -f") == ["<b>0</b>", "goes on", "= <b>2</b>"]
    engine.wait(job)
    assert order(notebook, "%logs") == ["<b>2</b>", "goes on"]
    shown = notebook.good("_job.outputs()").value
    assert [output["data"]["text/html"] for output in shown] == ["<b>2</b>"]


def order(notebook: Notebook, magic: str) -> list[str]:
    """Return texts and HTML in the order in which a cell showed them; ``=`` where one replaces."""

    class Publisher(type(notebook.shell.display_pub)):  # type: ignore[misc]
        def publish(
            self, data: dict[str, str], *args: object, update: bool = False, **options: object
        ) -> None:
            print("= " * update + data.get("text/html", "?"))

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
    assert shown.splitlines()[1].startswith(
        "[299,000 earlier lines (3.5 MB) before this are hidden"
    )
    assert shown.splitlines()[2] == "line 299000"
    assert shown.endswith("line 299999\n")
    assert len(notebook.shell.user_ns["_job"].log().splitlines()) == 300_000


@pytest.mark.slow
def test_a_long_log_that_is_followed_is_cut_in_its_middle(notebook: Notebook) -> None:
    send(notebook, "import time\ntime.sleep(1)\nfor n in range(300_000): print('line', n)")
    shown = notebook.good("%logs -f").text
    assert len(shown) < 1_300_000
    assert "are left out here" in shown
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


def test_bars_are_drawn_in_one_line(notebook: Notebook, engine: RunningEngine) -> None:
    code = "import sys\nfor n in range(101): sys.stdout.write(f'\\r{n:3}%|')\nprint('\\nred\\a')"
    job = send(notebook, code)
    engine.wait(job)
    assert notebook.good("%logs").text == "Job Status: Finished\n100%|\nred\n"


def test_an_open_line_is_redrawn_only_when_it_changed(notebook: Notebook) -> None:
    code = (
        "import time\nprint('a', end='')\ntime.sleep(1.5)\nprint('\\rbcd', end='')\ntime.sleep(1.5)"
    )
    send(notebook, code)
    shown = notebook.good("%logs -f").text
    assert shown.endswith("\na\rbcd\nJob Status: Finished\n")


def test_grep_shows_the_lines_that_match(notebook: Notebook, engine: RunningEngine) -> None:
    code = "for n in range(5000): print(f'\\x1b[31mloss\\x1b[0m={n}' if n % 2 else n)\nprint('end')"
    job = send(notebook, code)
    engine.wait(job)
    for magic in ("%logs", "%logs -f"):
        lines = notebook.good(f"{magic} --grep loss=4.*9$ --tail 2").text.splitlines()
        assert lines[1:] == ["\x1b[31mloss\x1b[0m=4989", "\x1b[31mloss\x1b[0m=4999"]
    shown = notebook.good("%logs --grep loss").text.splitlines()
    assert shown[1].startswith("[1,500 earlier matching lines before this are hidden")
    assert len(shown) == 1002
    assert notebook.good("%logs --grep nothing").text == "Job Status: Finished\n"
    assert "is not a valid pattern" in notebook.fails("%logs --grep (", BadOptions)


def test_grep_follows(notebook: Notebook) -> None:
    send(notebook, "import time\nfor n in range(20):\n    print(n)\n    time.sleep(0.1)")
    shown = notebook.good("%logs -f --grep ^1").text.splitlines()
    assert shown[1:] == ["1", *map(str, range(10, 20)), "Job Status: Finished"]


@pytest.mark.slow
def test_since_shows_what_came_after(notebook: Notebook, engine: RunningEngine) -> None:
    job = send(notebook, "import time\nprint('old')\ntime.sleep(4)\nprint('new')")
    ended = engine.wait(job)
    middle = ended["started"][:19]
    assert notebook.good("%logs --since 1h").text == "Job Status: Finished\nold\nnew\n"
    assert notebook.good(f"%logs --since {middle}Z").text.endswith("old\nnew\n")
    after = datetime.fromisoformat(ended["started"]) + timedelta(seconds=2.5)
    stamp = after.isoformat()
    assert notebook.good(f"%logs --since {stamp}").text == "Job Status: Finished\nnew\n"
    assert notebook.good(f"%logs -f --since {stamp}").text == "Job Status: Finished\nnew\n"
    assert "write 10m" in notebook.fails("%logs --since soon", BadOptions)
    (engine.job_folder(job) / "log-times.jsonl").unlink()
    assert "not known" in notebook.fails("%logs --since 1h", InvalidInput)


def test_save_keeps_the_whole_log(
    notebook: Notebook, engine: RunningEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = send(
        notebook, "for n in range(200_000): print('\\x1b[1mline\\x1b[0m', n)\nprint(1, end='')"
    )
    engine.wait(job)
    shown = notebook.good("%logs --save x.log").text
    assert shown == "Job Status: Finished\nSaved 200,001 lines (3.9 MB) to x.log\n"
    assert (tmp_path / "x.log").read_bytes() == notebook.shell.user_ns["_job"].log().encode()
    notebook.good("%logs --save x.log --grep 99$")
    assert len((tmp_path / "x.log").read_text().splitlines()) == 2000
    assert "cannot be written" in notebook.fails("%logs --save none/x.log", InvalidInput)
    notebook.fails("%logs --save x.log -f", BadOptions)
    assert sorted(path.name for path in tmp_path.glob("*log*")) == ["x.log"]


def test_a_traceback_is_shown_once(notebook: Notebook) -> None:
    cell = "--wait\nrow = {}\nrow['tenur']"
    shown = notebook.run(f"{CELL.rstrip()} {cell}")
    assert isinstance(shown.error, RemoteJobError)
    assert shown.text.partition("\x1b")[0].count("KeyError: 'tenur'") == 1
    [line] = shown.error._render_traceback_()
    number = shown.error.job
    assert line.endswith(
        f": Job {number} on training-engine-instance: Failed. KeyError: 'tenur' (line 3)."
    )
    filtered = notebook.run(f"%logs -f --grep nothing {number}").error
    assert isinstance(filtered, RemoteJobError)
    assert "    row['tenur']" in filtered._render_traceback_()


def test_the_whole_traceback_is_a_command_away(notebook: Notebook) -> None:
    code = "import pandas\npandas.DataFrame({'miles': [1]}).apply(lambda row: row['fare'], axis=1)"
    failed = notebook.run(f"{CELL.rstrip()} --wait\n{code}").text
    assert "frames of libraries are left out; logs --traceback shows them" in failed
    whole = notebook.good("%logs --traceback").text
    assert "left out" not in whole
    assert whole.count("/pandas/") > failed.count("/pandas/") > 0
    assert whole.endswith("KeyError: 'fare'\n")
    assert "leave out the other options" in notebook.fails("%logs --traceback -f", BadOptions)
    notebook.good(f"{CELL.rstrip()} --wait\npass")
    assert "is Finished and has no traceback." in notebook.fails("%logs --traceback", NotFound)


def test_a_thread_that_failed_is_told_below_the_log(notebook: Notebook) -> None:
    code = "import threading\nthread = threading.Thread(target=lambda: 1 / 0, name='trial')\n"
    shown = notebook.good(f"{CELL.rstrip()} --wait\n{code}thread.start()")
    assert shown.stderr.endswith(
        "[Thread trial failed: ZeroDivisionError: division by zero (line 3).]\n"
    )
    thread = "Finished. Thread trial failed: ZeroDivisionError: division by zero"
    assert thread in notebook.good("%why").outputs[0]["text/plain"]
    assert thread in repr(notebook.good("_job").value)
