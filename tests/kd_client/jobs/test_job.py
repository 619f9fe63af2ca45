"""The handle ``_job``."""

from kd_magics.errors import NoResult, RemoteJobError
from tests.kd_engines.training.running_engine import TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook


def test_the_handle_tells_all_of_its_job(notebook: Notebook, engine: RunningEngine) -> None:
    code = "class X:\n    def _repr_html_(self): return '<i>x</i>'\nprint('a<b')\nX()"
    url = notebook.good(f"%%trainingengineinstance --name n<1\n{code}").text.split()[-1]
    job = notebook.good("_job.wait()").value
    assert (job.id, job.cluster, job.status, job.url) == (
        engine.get("/jobs?limit=1")["jobs"][0]["id"],
        "training-engine-instance",
        "Finished",
        url,
    )
    assert job.log() == "a<b\n"
    assert [output["data"]["text/html"] for output in job.outputs()] == ["<i>x</i>"]
    assert repr(job) == f"Job {job.id} on training-engine-instance: Finished"
    assert "n&lt;1" in job._repr_html_()
    assert TOKEN not in repr(vars(job)) + job._repr_html_()


def test_waiting_can_end_before_the_job(notebook: Notebook) -> None:
    notebook.good("%%trainingengineinstance\nimport time\ntime.sleep(60)")
    job = notebook.good("_job.wait(0.3)").value
    assert job.status in ("Queued", "Running")
    job.cancel()
    assert job.wait(20).status == "Cancelled"


def test_a_handle_shows_its_last_state_where_the_engine_is_down(notebook: Notebook) -> None:
    notebook.good("%%trainingengineinstance\nimport time\ntime.sleep(60)")
    job = notebook.shell.user_ns["_job"]
    before = notebook.configmeta_path.read_text()
    notebook.attach({"training-engine-instance": [("http://127.0.0.1:9", TOKEN)]})
    assert repr(job).startswith(f"Job {job.id} on training-engine-instance: ")
    notebook.configmeta_path.write_text(before)
    job.cancel()


def test_a_running_job_has_no_result_yet_and_a_failed_one_raises_its_error(
    notebook: Notebook,
) -> None:
    notebook.good("%%trainingengineinstance --out x\nimport time\nx = 1\ntime.sleep(60)")
    assert "has no result yet" in notebook.fails("_job.result", NoResult)
    assert notebook.good("_job.failure").value is None
    notebook.good("_job.cancel().wait()")
    assert "Cancelled" in notebook.fails("_job.result", RemoteJobError)
    notebook.good("%%trainingengineinstance --out x\nx = 1 / 0")
    notebook.good("_job.wait()")
    assert "line 2" in notebook.fails("_job.result", RemoteJobError)
    failure = notebook.good("_job.failure").value
    assert (failure.kind, [frame.line for frame in failure.frames]) == ("ZeroDivisionError", [2])


def test_a_pickled_result_is_read_where_the_cell_asked_for_it_only(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.good("%%trainingengineinstance --pickle --out pair\npair = (1, {2})")
    assert notebook.good("_job.wait().result").value == (1, {2})
    number = notebook.shell.user_ns["_job"].id
    notebook.good("_job.log()")
    notebook.shell.user_ns["_job"].allow_pickle = False
    sentence = notebook.fails("_job.result", NoResult)
    assert f"Job {number} gives no value for pair: " in sentence
    assert "_job.allow_pickle = True" in sentence


def test_params_and_progress(notebook: Notebook) -> None:
    notebook.good(
        "%%trainingengineinstance --wait --param lr=0.5\nprint(f'Epoch 2/4 - loss: {lr}')"
    )
    job = notebook.shell.user_ns["_job"]
    assert job.params == {"lr": 0.5}
    assert job.progress.metrics == {"loss": 0.5}
