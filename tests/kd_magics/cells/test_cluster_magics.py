"""The cell magics: their names, how they follow the connections, and what is refused unsent."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kd_client.cluster_names import Names, choose_names
from kd_magics.cells.submission import LARGEST_CELL
from kd_magics.errors import BadOptions, EmptyCell, EngineDown, InvalidCell, RemoteJobError
from kd_pipeline.errors import InvalidInput, TooLarge, Unauthorized, UnknownCluster
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"
NOWHERE = ("http://127.0.0.1:9", TOKEN)


def names_of(clusters: list[str], taken: tuple[str, ...] = ()) -> Names:
    return choose_names(clusters, taken.__contains__)


def test_a_cluster_has_its_own_name_and_that_without_dashes() -> None:
    names = names_of(["training-engine-instance", "plain"])
    assert names.clusters == {
        "training-engine-instance": "training-engine-instance",
        "trainingengineinstance": "training-engine-instance",
        "plain": "plain",
    }
    assert names.shown == {
        "training-engine-instance": "trainingengineinstance",
        "plain": "plain",
    }
    assert names.notes == []


def test_clusters_that_collapse_to_one_name_have_no_short_one() -> None:
    names = names_of(["a-bc", "ab-c"])
    assert set(names.clusters) == {"a-bc", "ab-c"}
    assert names.shown == {"a-bc": "a-bc", "ab-c": "ab-c"}
    assert "its name is a-bc" in names.notes[0]
    # One whose own name is the short name of the other keeps its own.
    assert names_of(["abc", "a-bc"]).clusters == {"abc": "abc", "a-bc": "a-bc"}


def test_a_magic_of_ipython_is_never_hidden() -> None:
    names = names_of(["ba-sh", "time", "time-cluster"], taken=("bash", "time"))
    assert names.clusters["ba-sh"] == "ba-sh"
    assert not {"bash", "time"} & set(names.clusters)
    assert names.clusters["time-cluster"] == "time-cluster"
    assert names.clusters["time-cluster-cluster"] == "time"
    assert any("its name is ba-sh" in note for note in names.notes)
    assert any("its name here is time-cluster-cluster" in note for note in names.notes)


def test_the_first_line_is_the_contracts(notebook: Notebook, engine: RunningEngine) -> None:
    for magic in (CELL, "%%training-engine-instance"):
        shown = notebook.good(f"{magic}\nprint(1)")
        job = engine.get("/jobs?limit=1")["jobs"][0]
        assert shown.text == f"History URL: {engine.url}/history/{job['id']}\n"
        assert job["user"] == "ada"
        assert notebook.shell.user_ns["_job"].id == job["id"]


def test_names_follow_the_connections_and_variables_live_on(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.good("x = 41")
    assert notebook.has("trainingengineinstance")
    notebook.attach({"other-one": [(engine.url, TOKEN)]})
    # The very next cell may use the new name.
    assert notebook.good("%%otherone\nprint(1)").text.startswith("History URL: ")
    assert not notebook.has("trainingengineinstance")
    assert not notebook.has("training-engine-instance")
    assert notebook.good("x + 1").value == 42
    notebook.attach({CLUSTER: [(engine.url, TOKEN)], "ba-sh": [NOWHERE], "ti-me": [NOWHERE]})
    bash = notebook.shell.magics_manager.magics["cell"]["bash"]
    notebook.good("x")
    assert notebook.shell.magics_manager.magics["cell"]["bash"] is bash
    assert notebook.has("ba-sh")
    assert notebook.has("trainingengineinstance")


def test_a_half_written_file_detaches_nothing(notebook: Notebook) -> None:
    notebook.good("1")
    whole = notebook.configmeta_path.read_text()
    notebook.configmeta_path.write_text(whole[:100])
    notebook.good("1")
    assert notebook.has("trainingengineinstance")
    changed = json.loads(whole)
    changed["connections"]["clusters"] = None
    notebook.configmeta_path.write_text(json.dumps(changed))
    notebook.good("1")
    assert not notebook.has("trainingengineinstance")


def test_a_magic_of_the_user_is_left_alone(notebook: Notebook) -> None:
    notebook.attach({"mine": [NOWHERE]})
    notebook.good("1")
    mine = lambda line, cell: None  # noqa: E731
    notebook.shell.magics_manager.register_function(mine, "cell", "mine")
    notebook.attach({})
    notebook.good("1")
    assert notebook.shell.magics_manager.magics["cell"]["mine"] is mine


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        (CELL, EmptyCell, "no code"),
        (f"{CELL}\n", EmptyCell, "no code"),
        (f"{CELL} --wait\n", EmptyCell, "no code"),
        (f"{CELL}\n\n  \n# only a comment\n", EmptyCell, "no code"),
        (f"{CELL}\nx = 1\nx = (\n", InvalidCell, "line 2 below the cell's first line"),
        (f"{CELL}\n%matplotlib inline\n", InvalidCell, "in a notebook only"),
        (f"{CELL}\nx = '\0'\n", InvalidCell, "null bytes"),
        (f"{CELL}\n{'(' * 500}{')' * 500}\n", InvalidCell, "not valid Python"),
        (f"{CELL}\nx = '{'a' * LARGEST_CELL}'\n", TooLarge, "4,194,304 are the limit"),
        (f"{CELL} --bad\nprint(1)\n", BadOptions, "--bad"),
        (f"{CELL} --timeout soon\nprint(1)\n", BadOptions, "soon"),
        (f"{CELL} --timeout -1\nprint(1)\n", BadOptions, "-1"),
        (f"{CELL} --name 'open\nprint(1)\n", BadOptions, "quote is not closed"),
        (f"{CELL} --name {'n' * 201}\nprint(1)\n", InvalidInput, "200"),
        (f"{CELL} --token abc\nprint(1)\n", BadOptions, "takes no token"),
        (f"{CELL} --token=abc\nprint(1)\n", BadOptions, "takes no token"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(
    notebook: Notebook, engine: RunningEngine, cell: str, error: type[Exception], words: str
) -> None:
    before = [job["id"] for job in engine.get("/history")]
    assert words in notebook.fails(cell, error)
    assert [job["id"] for job in engine.get("/history")] == before


def test_a_cluster_that_is_not_attached_is_an_error_of_the_cell(notebook: Notebook) -> None:
    message = notebook.fails("%%nosuchengine\nprint('not here')", UnknownCluster)
    assert "no cell magic %%nosuchengine" in message
    assert "trainingengineinstance" in message
    assert "%attachments" in message
    assert "one % sign" in notebook.fails("%%attachments\nprint(1)", UnknownCluster)
    assert notebook.good("%%time\nprint('its own')").text.startswith("its own")


def test_a_cluster_that_was_detached_fails_its_cells(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.attach({})
    assert "attached: none" in notebook.fails(f"{CELL}\nprint(1)", UnknownCluster)
    notebook.attach({CLUSTER: [(engine.url, engine.token)]})
    notebook.good(f"{CELL} --wait\nprint(1)")


def test_top_level_await_and_odd_text_are_fine(notebook: Notebook, engine: RunningEngine) -> None:
    code = "import asyncio\nawait asyncio.sleep(0)\nprint(r'grüße \\d {x} $HOME')"
    notebook.good(f"{CELL} --wait\n{code}")
    assert notebook.shell.user_ns["_job"].log() == "grüße \\d {x} $HOME\n"


def test_options_take_variables(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good("run = 7")
    notebook.good(f"{CELL} --name 'run {{run}}'\nprint(1)")
    assert engine.get("/jobs?limit=1")["jobs"][0]["name"] == "run {run}"
    notebook.good(f'{CELL} --name "run {{run}}"\nprint(1)')
    assert engine.get("/jobs?limit=1")["jobs"][0]["name"] == "run 7"


def test_an_engine_that_is_down_is_told_with_what_to_do(notebook: Notebook) -> None:
    notebook.attach({CLUSTER: [NOWHERE]})
    sentence = notebook.fails(f"{CELL}\nprint(1)", EngineDown)
    for words in ("training-engine-instance", "http://127.0.0.1:9", "kd up", "kubectl"):
        assert words in sentence


def test_the_next_endpoint_is_asked_where_one_is_down(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.attach({CLUSTER: [NOWHERE, (engine.url, TOKEN)]})
    assert notebook.good(f"{CELL}\nprint(1)").text.startswith(f"History URL: {engine.url}/")


def test_a_wrong_token_is_one_sentence(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.attach({CLUSTER: [(engine.url, "f00d" * 8)]})
    sentence = notebook.fails(f"{CELL}\nprint(1)", Unauthorized)
    assert "training-engine-instance" in sentence
    assert "f00d" not in sentence


def test_loading_twice_and_unloading_twice(notebook: Notebook) -> None:
    def line_magics() -> set[str]:
        return set(notebook.shell.magics_manager.magics["line"])

    notebook.good("%load_ext kd_magics")
    notebook.good("%reload_ext kd_magics")
    assert notebook.has("trainingengineinstance")
    assert len(notebook.shell.input_transformers_cleanup) == len(
        set(notebook.shell.input_transformers_cleanup)
    )
    notebook.good("%unload_ext kd_magics")
    assert not {"attachments", "logs", "register", "models", "deploy", "predict"} & line_magics()
    assert not notebook.has("trainingengineinstance")
    notebook.good("%unload_ext kd_magics")
    notebook.good("%load_ext kd_magics")
    assert notebook.has("trainingengineinstance")
    assert {"attachments", "logs", "undeploy"} <= line_magics()


def test_help_has_options_and_an_example(notebook: Notebook) -> None:
    for magic, words in {
        "logs": "--tail",
        "register": "--scoring",
        "deploy": "--to",
        "undeploy": "--from",
        "predict": "--on",
        "models": "%models",
        "attachments": "%attachments",
    }.items():
        doc = notebook.shell.magics_manager.magics["line"][magic].getdoc()
        assert words in doc
        assert f"%{magic}" in doc
    notebook.good("1")
    doc = notebook.shell.magics_manager.magics["cell"]["trainingengineinstance"].getdoc()
    assert "--timeout" in doc
    assert "%%trainingengineinstance" in doc


def test_a_failed_job_stops_nothing_unless_waited_for(notebook: Notebook) -> None:
    notebook.good(f"{CELL}\n1/0")
    notebook.fails("%logs -f", RemoteJobError)


def test_the_package_alone_imports_at_once() -> None:
    code = (
        "import sys, kd_magics; "
        "assert not {'requests', 'yaml', 'watchfiles', 'IPython', 'msgspec'} & set(sys.modules)"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
