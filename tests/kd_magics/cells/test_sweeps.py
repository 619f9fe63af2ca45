"""The jobs of a grid, in the variable ``_jobs``."""

import json
from http.server import BaseHTTPRequestHandler

import pytest

from kd_client.jobs.saved_reference import MIME_OF_MANY
from kd_magics.cards import card
from kd_magics.errors import BadOptions, NoResult, RemoteJobError, WatchStopped
from kd_pipeline.errors import TooManyRequests
from tests.kd_client.test_http_client import reply, serving
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_kernel import RunningKernel, printed
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"
GRID = "--grid lr=0.1,0.01 --grid depth=3,6"
TRAIN = "print(f'rmse={lr * depth:.3f} trees={depth}')"


def test_a_job_for_each_combination_and_a_table_of_them(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.good("rows = [1]")
    shown = notebook.good(
        f"{CELL} {GRID} --param depth=1 --in rows --name taxi -o mine --wait\n{TRAIN}\nlen(rows)"
    )
    jobs = list(reversed(engine.get("/jobs?limit=4")["jobs"]))
    urls = [f"History URL: {engine.url}/history/{job['id']}" for job in jobs]
    assert shown.text.splitlines() == [
        *urls,
        "Sent: rows (list, JSON, 3 B).",
        "4 of 4 jobs finished.",
    ]
    assert [job["params"] for job in jobs] == [
        {"lr": lr, "depth": depth} for lr in (0.1, 0.01) for depth in (3, 6)
    ]
    assert [job["name"] for job in jobs] == ["taxi-1", "taxi-2", "taxi-3", "taxi-4"]
    assert notebook.good("mine is _jobs").value
    first, second, blank, *lines = repr(notebook.good("_jobs").value).splitlines()
    assert (first, blank) == (f"4 jobs on {CLUSTER}: 4 finished", "")
    assert second == f"Best rmse: 0.03 by job {jobs[2]['id']} (lr=0.01, depth=3)"
    assert lines[0].split() == ["Job", "lr", "depth", "Status", "rmse", "trees"]
    assert [line.split() for line in lines[-4:]] == [
        [str(jobs[0]["id"]), "0.1", "3", "Finished", "0.3", "3"],
        [str(jobs[1]["id"]), "0.1", "6", "Finished", "0.6", "6"],
        [str(jobs[2]["id"]), "0.01", "3", "Finished", "0.03", "3"],
        [str(jobs[3]["id"]), "0.01", "6", "Finished", "0.06", "6"],
    ]
    bundle = notebook.good("_jobs._repr_mimebundle_()").value
    assert "<table>" in bundle["text/html"]
    assert bundle[MIME_OF_MANY] == {
        **{"version": 1, "submitted": jobs[3]["submitted"]},
        "jobs": [f"{CLUSTER}/{job['id']}" for job in jobs],
    }
    for call in ("_jobs.best('rmse')", "_jobs.best()"):
        best = notebook.good(call)
        assert best.text.startswith(f"{second}\n")
        assert (best.value.id, best.value.params) == (jobs[2]["id"], {"lr": 0.01, "depth": 3})
        assert repr(best.value).endswith("Finished (depth=3, lr=0.01, rmse 0.03, trees 3)")
    most = notebook.good("_jobs.best('trees', smallest=False)").value
    assert most.params["depth"] == 6
    assert "smallest=False" in notebook.fails("_jobs.best('trees')", BadOptions)
    assert "metrics: rmse, trees" in notebook.fails("_jobs.best('loss')", NoResult)
    some = notebook.good("_jobs[1:3]").value
    assert ([job.id for job in some], len(notebook.good("_jobs").value)) == (
        [jobs[1]["id"], jobs[2]["id"]],
        4,
    )
    assert notebook.good("_job is _jobs[-1]").value


def test_a_waiting_grid_raises_one_error_that_names_those_that_failed(notebook: Notebook) -> None:
    shown = notebook.run(f"{CELL} --wait --grid n=1,0,2,0.0\nprint(f'rate={{1 / n}}')\n1 / n")
    error = shown.error
    assert isinstance(error, RemoteJobError)
    ids = [job.id for job in notebook.shell.user_ns["_jobs"]]
    assert str(error) == (
        f"2 of 4 jobs did not finish: {ids[1]} (n=0), {ids[3]} (n=0.0). The first: Job {ids[1]} on "
        f"{CLUSTER}: Failed. ZeroDivisionError: division by zero (line 2)."
    )
    assert (error.job, error.status) == (ids[1], "Failed")
    assert "2 of 4 jobs finished.\n" in shown.text
    assert "  line 2\n" in shown.text
    told = notebook.good(f"{CELL} --wait --no-raise --grid n=1,0\n1 / n").text
    assert "1 of 2 jobs did not finish" in told


def test_what_helps_the_first_that_failed_is_said(notebook: Notebook) -> None:
    line = f"{CELL} --grid n=1,2 --wait --no-preflight"
    told = notebook.fails(f"{line}\nimport not_there", RemoteJobError)
    assert told.endswith("--requirements not_there installs it for the job.")


def test_more_than_a_hundred_jobs_are_refused(notebook: Notebook, engine: RunningEngine) -> None:
    before = engine.get("/history")
    values = ",".join(map(str, range(11)))
    sentence = notebook.fails(
        f"{CELL} --grid a={values} --grid b={values}\nprint(a, b)", BadOptions
    )
    assert "121 jobs, 100 are the limit; nothing was sent" in sentence
    assert engine.get("/history") == before


def test_all_jobs_of_a_grid_are_cancelled_together(
    notebook: Notebook, engine: RunningEngine
) -> None:
    shown = notebook.good(f"{CELL} --grid n=1,2,3\nimport time\ntime.sleep(60)")
    assert shown.text.endswith(
        "\n3 jobs; _jobs shows them as a table, _jobs.best() the best one.\n"
    )
    ids = [job.id for job in notebook.shell.user_ns["_jobs"]]
    assert eventually(lambda: engine.get("/jobs?status=Running")["jobs"])
    assert notebook.good("_jobs.wait(0)").value is notebook.shell.user_ns["_jobs"]
    assert "Cancelled" not in repr(notebook.good("_jobs").value)
    told = notebook.good("_ = _jobs.cancel()").text
    assert told == "".join(f"Job {number}: Cancelled.\n" for number in ids)
    told = notebook.good("_ = _jobs.cancel()").text
    assert told == "".join(f"Job {number} had ended already: Cancelled.\n" for number in ids)


@pytest.mark.parametrize("flags", ["--grid n=1,2 --param n=3", "--in n --grid n=1,2"])
def test_a_name_that_varies_is_the_grid_s(notebook: Notebook, flags: str) -> None:
    notebook.good("n = 7")
    shown = notebook.run(f"{CELL} {flags} --wait\nprint(n)")
    if "--in" in flags:
        assert isinstance(shown.error, BadOptions)
        assert "n is given by --in and by --grid" in str(shown.error)
    else:
        assert [job.log() for job in notebook.shell.user_ns["_jobs"]] == ["1\n", "2\n"]


def test_a_grid_that_the_engine_takes_a_part_of_keeps_the_jobs_it_took(
    notebook: Notebook, engine: RunningEngine
) -> None:
    taken: list[int] = []

    def pass_on(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if len(taken) == 2:
            detail = {"type": "TooManyRequests", "message": "The queue is full."}
            reply(handler, 429, json.dumps({"error": detail}).encode())
            return
        kind = {"Content-Type": "application/json"}
        answer = engine.call("POST", "/jobs", data=body, headers=kind)
        taken.append(answer.json()["id"])
        reply(handler, 201, answer.content)

    with serving(pass_on) as url:
        notebook.attach({CLUSTER: [(url, TOKEN)]})
        sentence = notebook.fails(f"{CELL} --grid n=1,2,3\nprint(n)", TooManyRequests)
        assert "The queue is full" in sentence
    notebook.attach({CLUSTER: [(engine.url, TOKEN)]})
    assert [job.id for job in notebook.shell.user_ns["_jobs"]] == taken
    assert [job.wait().log() for job in notebook.shell.user_ns["_jobs"]] == ["1\n", "2\n"]


def test_interrupting_a_waiting_grid_leaves_its_jobs(
    kernel: RunningKernel, engine: RunningEngine
) -> None:
    request = kernel.send(f"{CELL} --wait --grid n=1,2\nimport time\ntime.sleep(60)")
    eventually(lambda: len(engine.get("/jobs?status=Running")["jobs"]) == 2)
    kernel.read_until(lambda: printed(kernel.of(request)).count("History URL: ") == 2)
    kernel.interrupt()
    (error,) = [m["content"] for m in kernel.finish(request) if m["msg_type"] == "error"]
    assert error["ename"] == "WatchStopped"
    assert "the 2 jobs go on" in error["evalue"]
    assert len(engine.get("/jobs?status=Running")["jobs"]) == 2
    assert kernel.good("_ = _jobs.cancel()").count(": Cancelled.\n") == 2


def test_interrupting_a_grid_before_its_card_is_there_leaves_its_jobs(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(card, "show_grid", interrupted)
    sentence = notebook.fails(f"{CELL} --wait --grid n=1,2\nprint(n)", WatchStopped)
    assert "the 2 jobs go on" in sentence
    assert [job.wait().status for job in notebook.shell.user_ns["_jobs"]] == ["Finished"] * 2
