"""What notebooks of 2020 have: magics that are gone, forms that still do their work."""

import pytest

from kd_magics.errors import BadOptions, ForeignUrl
from kd_magics.former_magics import FORMER
from kd_pipeline.errors import NotFound, UnknownCluster
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook


@pytest.mark.parametrize("name", FORMER)
def test_a_magic_that_is_gone_stops_a_run_and_says_what_to_use(
    notebook: Notebook, name: str
) -> None:
    sentence = notebook.fails(f"%{name} --pwd Admin123 {{x}}", NotFound)
    assert sentence.startswith(f"%{name} no longer exists. ")
    assert "Admin123" not in notebook.shown[-1].everything


def test_what_somebody_else_has_by_that_name_stays(empty_notebook: Notebook) -> None:
    shell = empty_notebook.shell
    empty_notebook.good("%unload_ext kd_magics")
    assert not {*FORMER} & {*shell.magics_manager.magics["line"]}
    shell.register_magic_function(lambda line: f"mounted {line}", "line", "mount")
    empty_notebook.good("%load_ext kd_magics")
    assert empty_notebook.good("%mount here").value == "mounted here"
    empty_notebook.good("%unload_ext kd_magics")
    assert empty_notebook.good("%mount here").value == "mounted here"


def test_a_cluster_is_named_by_its_row(notebook: Notebook, engine: RunningEngine) -> None:
    at = [(engine.url, TOKEN)]
    notebook.attach({"another-engine": [("http://127.0.0.1:9", TOKEN)], CLUSTER: at})
    listed = notebook.good("%attachments").text.splitlines()[2:4]
    row = 1 + [line.startswith("trainingengineinstance") for line in listed].index(True)
    shown = notebook.good(f"# an older tutorial's form\n%%train {row} --name old\nprint('here')")
    job = notebook.shell.user_ns["_job"]
    assert shown.text.startswith(f"History URL: {engine.url}/history/{job.id}\n")
    assert engine.wait(job.id)["name"] == "old"
    assert engine.log(job.id) == "here\n"
    for line in ("3", "0", "", "--name x", "²"):
        sentence = notebook.fails(f"%%train {line}\n1", UnknownCluster)
        assert "so this cell did not run: 1 is %%" in sentence
    notebook.attach({CLUSTER: at})
    notebook.good("%%train --wait\nprint('the only one')")
    notebook.attach({"train": at})
    notebook.good("%%train --wait\nprint('a cluster of that name')")
    notebook.attach({})
    assert "There is no cell magic %%train" in notebook.fails("%%train 1\n1", UnknownCluster)


def test_a_log_is_named_by_its_url_alone(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good("%%trainingengineinstance --wait\nprint('hello')")
    job = notebook.shell.user_ns["_job"].id
    for host in ("127.0.0.1", "localhost", "LOCALHOST"):
        for flag in ("", "--url "):
            shown = notebook.good(f"%logs {flag}http://{host}:{engine.port}/history/{job}")
            assert shown.text == "Job Status: Finished\nhello\n"
    notebook.fails("%logs http://example.org/history/2", ForeignUrl)
    notebook.fails(f"%logs http://localhost:1/history/{job}", ForeignUrl)
    assert "port" in notebook.fails(f"%logs http://localhost:99999999/history/{job}", BadOptions)
    notebook.fails(
        f"%logs http://localhost/history/1 --url http://localhost/history/{job}", BadOptions
    )
