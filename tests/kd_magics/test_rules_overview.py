"""The design rules that the overview shows, each by its number."""

import json
import os
from pathlib import Path

import pytest

from kd_magics.catalogue import COMMANDS, MAGICS
from kd_magics.errors import BadOptions
from kd_pipeline.errors import InvalidModel, PathNotFound, VersionTaken
from kd_pipeline.model_config import CM_TYPE_LABEL
from kd_pipeline.registry import open_registry
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook

SECOND = "other-cluster"
DOWN = [("http://127.0.0.1:9", TOKEN)]
SAVE = """
import os, pathlib
os.chdir({root!r})
pathlib.Path("models/taxi/5").mkdir(parents=True)
pathlib.Path("models/taxi/5/model.bin").write_text("weights")
pathlib.Path("code").mkdir()
pathlib.Path("code/score.py").write_text("print(1)")
"""


def test_rule_01_the_first_lines_are_those_of_the_2020_product(
    notebook: Notebook, engine: RunningEngine
) -> None:
    text = notebook.good("%attachments").text
    assert text == (
        "Training Cluster        ML Engine\n"
        "----------------------  -----------\n"
        "trainingengineinstance  python\n"
    )
    first = notebook.good("%%trainingengineinstance\nprint('old')").text.splitlines()[0]
    assert first.startswith(f"History URL: {engine.url}/history/")
    notebook.good("_job.wait()")
    url = first.removeprefix("History URL: ")
    told = notebook.good(f"%logs --url {url}").text
    assert told.startswith("Job Status: Finished\nold\n")


def test_rule_11_attachments_shows_each_cluster_s_state_and_names_come_and_go(
    notebook: Notebook, engine: RunningEngine
) -> None:
    both = {CLUSTER: [(engine.url, TOKEN)], SECOND: DOWN, "ba-sh": DOWN}
    notebook.attach(both)
    text = notebook.good("%attachments").outputs[0]["text/plain"]
    header = text.splitlines()[0]
    for column in ("State", "Queue", "Python", "CPUs", "GPUs", "Free memory"):
        assert column in header
    assert "answers" in text
    assert "does not answer" in text
    assert "ba-sh: bash is another magic, so its name is ba-sh." in text
    assert notebook.has("othercluster")
    assert notebook.has(SECOND)
    notebook.attach({CLUSTER: both[CLUSTER]})
    assert "othercluster" not in notebook.good("%attachments").outputs[0]["text/plain"]
    assert not notebook.has("othercluster")
    assert not notebook.has(SECOND)


def test_rule_12_jobs_of_all_clusters_mine_first_with_links_that_work(
    notebook: Notebook, engine: RunningEngine
) -> None:
    mine = engine.submit("print('mine')", user="ada", name="of-ada")["id"]
    other = engine.submit("print('other')", user="bob", name="of-bob")["id"]
    for job in (mine, other):
        engine.wait(job)
    notebook.attach({CLUSTER: [(engine.url, TOKEN)], SECOND: DOWN})
    value = notebook.good("%jobs").value
    names = [job.last.name for job in value]
    assert names.index("of-ada") < names.index("of-bob")
    lines = repr(value).splitlines()
    for column in ("Job", "Status", "Submitted", "User"):
        assert column in lines[0]
    assert f"{SECOND} does not answer" in repr(value)
    assert notebook.good(f"%logs {CLUSTER}/{mine}").text == "Job Status: Finished\nmine\n"
    for magic in ("%logs", "%why", "%cancel"):
        assert f"{magic} {CLUSTER}/" in lines[-1]


def test_rule_13_registering_from_a_job_fills_in_everything_and_checks_before_it_writes(
    notebook: Notebook, engine: RunningEngine
) -> None:
    root = os.environ["KD_PROJECT_REPO"]
    job, log = engine.run(SAVE.format(root=root))
    assert job["status"] == "Finished", log
    reference = f"--job {job['id']}"
    for line, error in [
        (f"Taxi! {reference}", InvalidModel),
        (f"taxi {reference} --path models/none", PathNotFound),
        (f"taxi {reference} --version a/b", InvalidModel),
        (f'taxi {reference} --description "{"x" * 70_000}"', InvalidModel),
        (f"taxi --job {job['id'] + 1000}", Exception),
    ]:
        shown = notebook.run(f"%register {line}")
        assert isinstance(shown.error, error)
        assert open_registry().models() == []
    notebook.good(f"%register taxi {reference}")
    model = open_registry().model("taxi", "1")
    assert model.path == "repo://project_repo/models/taxi/5"
    assert model.scoring_path == "repo://project_repo/code/score.py"
    assert model.extra["job-id"] == str(job["id"])
    assert model.to_manifest()["metadata"]["labels"][CM_TYPE_LABEL] == "model"
    file = Path(root) / "models/taxi/5/model.bin"
    written = file.stat().st_mtime
    file.write_text("others!")
    os.utime(file, (written, written))
    line = f"%register taxi --version 1 {reference}"
    assert "register this one as version 2" in notebook.fails(line, VersionTaken)


@pytest.mark.parametrize("magic", ["%attachments", "%jobs", "%models", "%deployments"])
def test_rule_16_every_table_has_a_text_and_needs_no_widget(
    notebook: Notebook, engine: RunningEngine, magic: str
) -> None:
    engine.submit("print(1)")
    shown = notebook.good(magic)
    if shown.value is not None:
        text, html = repr(shown.value), shown.value._repr_html_()
    elif shown.outputs:
        (bundle,) = shown.outputs
        assert set(bundle) == {"text/plain", "text/html"}
        text, html = bundle["text/plain"], bundle["text/html"]
    else:
        text, html = shown.text, "<table>"  # a sentence, where there is nothing to show
    assert len(text.strip()) > 20
    assert "<table>" in html
    assert "<" not in text
    assert "widget" not in json.dumps([text, html])


def test_rule_19_help_is_complete_and_tab_knows_clusters_jobs_and_flags(
    notebook: Notebook, engine: RunningEngine
) -> None:
    lines = notebook.shell.magics_manager.magics["line"]
    for name in MAGICS:
        told = notebook.good(f"%{name} --help").text
        assert told.strip() == lines[name].getdoc().strip()
        for action in MAGICS[name].parser().actions():
            for flag in action.option_strings:
                assert flag in told, f"%{name}? does not tell of {flag}"
    job = engine.submit("print(1)")["id"]

    def tab(line: str) -> list[str]:
        return list(notebook.shell.complete("", line, len(line))[1])

    assert tab("%%training-eng") == [f"%%{CLUSTER}"]
    assert "--compare" in tab("%jobs --")
    assert eventually(lambda: str(job) in tab("%logs "))


def test_rule_19_a_wrong_option_says_where_the_help_is(notebook: Notebook) -> None:
    assert "See %jobs?" in notebook.fails("%jobs --colour red", BadOptions)


def test_rule_15_every_action_is_a_magic_with_help_and_a_command(notebook: Notebook) -> None:
    ours = MAGICS.keys() & notebook.shell.magics_manager.magics["line"].keys()
    assert ours >= {"register", "describe", "unregister", "deploy", "undeploy", "predict", "alias"}
    for name in ours:
        assert f"%{name}" in notebook.good(f"%{name} --help").text
    assert {name for name in COMMANDS if not COMMANDS[name].in_terminal} == {
        "loadMlflow",
        "Setexp",
    }
