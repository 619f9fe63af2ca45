"""A job once more."""

from pathlib import Path

import pytest

from kd_magics.errors import BadOptions, RemoteJobError
from kd_pipeline.errors import InvalidInput, NotFound
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"


def test_values_and_files_go_again_and_params_are_replaced(
    notebook: Notebook,
    engine: RunningEngine,
    surroundings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(surroundings)
    module = surroundings / "scaling.py"
    module.write_text("def scaled(x):\n    return 10 * x\n")
    notebook.good("rows = [1, 2]")
    notebook.good(
        f"{CELL} --wait --in rows --files scaling.py --param lr=1 --param n=5 "
        "--name one --out got\nfrom scaling import scaled\ngot = [scaled(sum(rows)), lr, n]"
    )
    first = notebook.shell.user_ns["_job"]
    module.unlink()
    shown = notebook.good("del rows, got\n%rerun --param lr=0.5 --wait")
    second = notebook.shell.user_ns["_job"]
    assert second.id == first.id + 1
    assert shown.text.splitlines() == [
        f"History URL: {engine.url}/history/{second.id}",
        "Job Status: Finished",
        f"Set from job {second.id}: got.",
    ]
    assert notebook.shell.user_ns["got"] == [30, 0.5, 5]
    assert second.params == {"lr": 0.5, "n": 5}
    assert first.params == {"lr": 1, "n": 5}
    told = engine.get(f"/jobs/{second.id}")
    assert (told["name"], told["rerun_of"], told["user"]) == ("one", first.id, "ada")


def test_another_job_by_its_number_with_another_name(
    notebook: Notebook, engine: RunningEngine
) -> None:
    one = engine.submit("print('one')", name="first")["id"]
    engine.submit("print('two')")
    notebook.good(f"%rerun {one} --name again")
    assert notebook.good("_job.wait().log()").value == "one\n"
    assert engine.get("/jobs?limit=1")["jobs"][0]["name"] == "again"
    notebook.good(f"%rerun training-engine-instance/{one} --wait")
    assert notebook.good("_job.log()").value == "one\n"


def test_what_cannot_be_run_again_is_told(notebook: Notebook, engine: RunningEngine) -> None:
    assert "sent no job yet" in notebook.fails("%rerun", BadOptions)
    assert "no job" in notebook.fails("%rerun 9999", NotFound)
    notebook.good(f"{CELL} --wait --param lr=1\nprint(lr)")
    before = engine.get("/history")
    sentence = notebook.fails("%rerun --param rate=2", InvalidInput)
    assert "rate" in sentence
    assert "lr" in sentence
    assert engine.get("/history") == before


def test_a_failed_job_fails_again_as_an_error(notebook: Notebook) -> None:
    notebook.good(f"{CELL} --param n=0\nprint(1 / n)")
    assert "line 2" in notebook.fails("%rerun --wait", RemoteJobError)
    notebook.good("%rerun --wait --param n=2")
    assert notebook.good("_job.log()").value == "0.5\n"
