"""The handle ``_job``."""

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
