"""The handle ``_job``."""

import platform

import pytest

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


PIPELINE = """
import pandas
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
rides = pandas.DataFrame({"borough": ["Queens", "Bronx"] * 3, "miles": range(6)})
columns = ColumnTransformer([("borough", OneHotEncoder(), ["borough"])], remainder="passthrough")
model = make_pipeline(columns, LinearRegression()).fit(rides, rides.miles * 3)
rows = len(rides)
"""


def test_a_pipeline_comes_back_once_the_job_is_trusted(notebook: Notebook) -> None:
    notebook.good(f"%%trainingengineinstance --out model,rides,rows\n{PIPELINE}")
    with pytest.warns(UserWarning, match="gives no value for model"):
        found = notebook.good("_job.wait().result").value
    assert ({*found}, found["rows"]) == ({"rides", "rows"}, 6)
    job = notebook.shell.user_ns["_job"]
    job.allow_pickle = True
    model = job.result["model"]
    assert model.predict(found["rides"]).tolist() == pytest.approx([0, 3, 6, 9, 12, 15])


def test_waiting_sets_what_it_may_and_says_how_to_read_the_rest(notebook: Notebook) -> None:
    shown = notebook.run(f"%%trainingengineinstance --wait --out model,rows\n{PIPELINE}")
    assert isinstance(shown.error, NoResult)
    number = notebook.shell.user_ns["_job"].id
    assert f"Set from job {number}: rows." in shown.text
    sentence = str(shown.error)
    assert f"Job {number} gives no value for model: it is kept as a pickle " in sentence
    assert f"(sklearn.pipeline.Pipeline; Python {platform.python_version()}, numpy " in sentence
    assert "_job.allow_pickle = True" in sentence
    notebook.good(f"%%trainingengineinstance --wait --pickle --out model\n{PIPELINE}")
    assert notebook.good("type(model).__name__").value == "Pipeline"


def test_a_large_value_comes_back_whole(notebook: Notebook) -> None:
    code = "import numpy\nlarge = numpy.arange(3_000_000)\npair = (1, 'x' * 20_000_000)"
    notebook.good(f"%%trainingengineinstance --wait --out large,pair\n{code}")
    assert notebook.good("int(large[-1]), pair[0], len(pair[1])").value == (
        2_999_999,
        1,
        20_000_000,
    )


def test_params_and_progress(notebook: Notebook) -> None:
    notebook.good(
        "%%trainingengineinstance --wait --param lr=0.5\nprint(f'Epoch 2/4 - loss: {lr}')"
    )
    job = notebook.shell.user_ns["_job"]
    assert job.params == {"lr": 0.5}
    assert job.progress.metrics == {"loss": 0.5}
