"""TAB: names, flags, jobs, models, clusters and paths; in IPython and through a real kernel."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from kd_magics.catalogue import MAGICS
from kd_magics.completion import HELP
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import open_registry
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook

DOWN = [("http://127.0.0.1:9", TOKEN)]


@pytest.fixture
def full(
    empty_notebook: Notebook,
    engine: RunningEngine,
    surroundings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Notebook:
    """A notebook with a training and a deployment cluster, two jobs and some models."""
    empty_notebook.attach({CLUSTER: [(engine.url, TOKEN)], "deployment-engine-instance": DOWN})
    while len(engine.get("/jobs")["jobs"]) < 2:
        engine.submit("print(1)")
    registry = open_registry()
    for name, version in [("taxi", "2"), ("taxi", "10"), ("tips", "1")]:
        registry.register(ModelConfig(name, version, "models/x", "code/s.py"))
    registry.set_alias("taxi", "champion", "2")
    (surroundings / "project_repo/models/taxi/2").mkdir(parents=True)
    (surroundings / "project_repo/models/taxi/notes.txt").touch()
    (surroundings / "pkg").mkdir()
    monkeypatch.chdir(surroundings)
    empty_notebook.good("ride, rate = 1, 2")
    return empty_notebook


def tab(notebook: Notebook, line: str) -> list[str]:
    """Return what TAB at the end of a line offers, as IPython's terminal asks."""
    return list(notebook.shell.complete("", line, len(line))[1])


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("%%training-eng", ["%%training-engine-instance"]),
        ("%%traininge", ["%%trainingengineinstance"]),
        ("%%training-engine-instance --wa", ["--wait"]),
        ("%%trainingengineinstance --wait --na", ["--name"]),
        ("%jobs --st", ["--status"]),
        ("found = %jobs --st", ["--status"]),
        ("%jobs --status R", ["Running"]),
        ("%jobs --status=R", ["Running"]),
        ("%jobs --mine --cl", ["--cluster"]),
        ("%jobs --cluster t", [CLUSTER]),
        ("%deploy ta", ["taxi/10", "taxi/2", "taxi/champion"]),
        ("%deploy taxi/2 --to ", ["deployment-engine-instance"]),
        ("%undeploy taxi/2 --from d", ["deployment-engine-instance"]),
        ("%predict taxi/2 {} --on d", ["deployment-engine-instance"]),
        ("%register t", ["taxi", "tips"]),
        ("%register taxi --path mod", ["models/"]),
        ("%register taxi --path models/taxi/", ["models/taxi/2/", "models/taxi/notes.txt"]),
        ("%alias ti", ["tips", "tips/1"]),
        ("%alias taxi/c", ["taxi/champion"]),
        ("%unregister tips/", ["tips/1"]),
        ("%models -", [HELP]),
        ("%%trainingengineinstance --in rid", ["ride"]),
        ("%%trainingengineinstance --in ride,rat", ["ride,rate"]),
        ("%%trainingengineinstance --files util.py,pk", ["util.py,pkg/"]),
    ],
)
def test_tab_offers(full: Notebook, line: str, offers: list[str]) -> None:
    assert eventually(lambda: tab(full, line) if offers else []) == offers


def test_job_ids_come_newest_first_with_and_without_their_cluster(
    full: Notebook, engine: RunningEngine
) -> None:
    newest, older, *_ = (job["id"] for job in engine.get("/jobs")["jobs"])
    offers = eventually(lambda: tab(full, "%logs "))
    assert offers[:2] == [str(newest), str(older)]
    assert f"{CLUSTER}/{newest}" in offers
    assert tab(full, f"%logs {CLUSTER}/")[0] == f"{CLUSTER}/{newest}"
    assert tab(full, "%register taxi --job ")[0] == str(newest)


def test_a_flag_that_is_there_is_not_offered_again(full: Notebook) -> None:
    offers = tab(full, "%jobs --mine --")
    assert "--mine" not in offers
    assert {"--user", "--since", "--compare", HELP} <= set(offers)


@pytest.mark.parametrize("line", ["print --wa", "%time --wa", "%%bash --wa", "x = 5 % jobs --st"])
def test_other_lines_are_left_alone(full: Notebook, line: str) -> None:
    assert not {"--wait", "--status"} & set(tab(full, line))


def test_it_is_silent_where_nothing_answers(empty_notebook: Notebook) -> None:
    assert tab(empty_notebook, "%logs 1") == []
    empty_notebook.attach({"down": DOWN})
    shown = empty_notebook.good("get_ipython().complete('', '%logs 1', 7)")
    assert shown.value[1] == []
    assert shown.stderr == ""
    assert "Error" not in shown.text


def test_every_line_magic_completes(empty_notebook: Notebook) -> None:
    for name in MAGICS:
        assert HELP in tab(empty_notebook, f"%{name} -")


def test_unloading_takes_the_matcher_away(empty_notebook: Notebook) -> None:
    empty_notebook.good("%unload_ext kd_magics")
    assert empty_notebook.shell.Completer.custom_matchers == []


@pytest.fixture
def kernel(full: Notebook) -> Iterator[BlockingKernelClient]:
    """A real kernel with the magics, in the surroundings of the notebook."""
    manager, client = start_new_kernel(env=dict(os.environ))
    client.execute_interactive("%load_ext kd_magics", timeout=60)
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "offered", "start"),
    [
        ("%%training-eng", "%%training-engine-instance", 0),
        ("%%trainingengineinstance --wa", "--wait", 25),
        ("x = 1\n%deploy taxi/ch", "taxi/champion", 14),
        ("x = 1\nfound = %jobs --sta", "--status", 20),
        ("%register taxi --path models/ta", "models/taxi/", 22),
    ],
)
def test_a_front_end_gets_the_same(
    kernel: BlockingKernelClient, code: str, offered: str, start: int
) -> None:
    def matches() -> bool:
        content = kernel.complete(code, len(code), reply=True, timeout=60)["content"]
        return offered in content["matches"] and content["cursor_start"] == start

    assert eventually(matches)
