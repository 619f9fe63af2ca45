"""The whole pipeline on one machine: notebook, training, registry, deployment, each real."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import requests
from nbclient import NotebookClient

from kd_pipeline.connections import Endpoint
from kd_pipeline.registry import FolderRegistry
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, TRAINING, RunningHome
from tests.kd_engines.running_server import eventually
from tests.kd_magics.running_notebook import Notebook

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SECOND = "second-deployment"
TRAIN = """%%trainingengineinstance --wait
import os, pathlib
model = pathlib.Path("models/double/{version}")
model.parent.mkdir(parents=True, exist_ok=True)
model.write_text("{factor}")
pathlib.Path("code/double.py").write_text('''
def load(path):
    return float(open(path).read())
def predict(model, args):
    return model * args["a"]
''')
print("written by job", os.environ["KD_JOB_ID"])
"""
REGISTER = "%register double --version {v} --path models/double/{v} --scoring code/double.py"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHome]:
    """Run a training engine and two deployment engines, connected to one notebook."""
    home = RunningHome(tmp_path_factory.mktemp("kd") / "home", deployment=True)
    home.copy(DEPLOYMENT, SECOND)
    clusters = [TRAINING, DEPLOYMENT, SECOND]
    home.edit(NOTEBOOK, lambda spec: spec.update(connections={"clusters": clusters}))
    home.up()
    yield home
    home.kd("down")
    assert [process.cmdline() for process in home.processes()] == []


@pytest.fixture
def notebook(home: RunningHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Open a notebook of that home, with the magics loaded."""
    notebook = Notebook(home.surround(monkeypatch))
    notebook.good("%load_ext kd_magics")
    yield notebook
    notebook.close()
    tokens = home.secrets()
    assert not [t for t in tokens if any(t in shown.everything for shown in notebook.shown)]


def predict(home: RunningHome, cluster: str, version: str) -> requests.Response:
    endpoint: Endpoint = home.connections().cluster(cluster).api_endpoints()[0]
    return requests.post(
        f"{endpoint.url}/double/{version}/predict",
        json={"use_scoring": "true", "scoring_args": {"a": 21}},
        headers={"X-Auth-Token": endpoint.token},
        timeout=30,
    )


def test_from_a_cell_to_predictions_on_several_deployments(
    home: RunningHome, notebook: Notebook
) -> None:
    shown = notebook.good(TRAIN.format(version=1, factor=2)).text
    assert shown.startswith("History URL: http://127.0.0.1:")
    assert "written by job 1" in shown
    notebook.good(REGISTER.format(v=1))
    notebook.good(TRAIN.format(version=2, factor=3))
    notebook.good(REGISTER.format(v=2))
    notebook.good(f"%deploy double/1 --to {DEPLOYMENT}")
    notebook.good(f"%deploy double/1 --to {SECOND}")
    notebook.good(f"%deploy double/2 --to {SECOND}")
    assert [predict(home, name, "1").json()["result"] for name in (DEPLOYMENT, SECOND)] == [42, 42]
    assert predict(home, SECOND, "2").json()["output"] == "63.0"
    assert predict(home, DEPLOYMENT, "2").status_code == 404
    assert notebook.good(f'%predict double/2 {{"a": 1}} --on {SECOND}').value == 3.0
    models = FolderRegistry(home.manifests).models()
    assert [(m.extra["job-id"], len(m.extra["model-sha256"])) for m in models] == [
        ("1", 64),
        ("2", 64),
    ]


def test_every_process_may_be_killed_in_turn(home: RunningHome, notebook: Notebook) -> None:
    """Supervisor, training engine, deployment engine, worker: all comes back by itself."""
    if predict(home, DEPLOYMENT, "1").status_code != 200:
        pytest.fail("the test before this one deploys double/1")
    history = home.call("GET", "/history")
    worker = model_of(home, DEPLOYMENT)["pid"]
    os.kill(worker, signal.SIGKILL)
    assert predict(home, DEPLOYMENT, "1").json()["result"] == 42

    running = home.call("POST", "/jobs", {"code": "import time\ntime.sleep(6)\nprint('whole')"})
    for cluster in (TRAINING, DEPLOYMENT):
        pid = home.member(cluster)["pid"]
        home.kill(pid)
        eventually(lambda cluster=cluster, pid=pid: home.member(cluster)["pid"] not in (pid, None))
        home.wait(cluster)
    assert predict(home, DEPLOYMENT, "1").json()["result"] == 42

    home.kill(home.status()["supervisor"])
    assert predict(home, DEPLOYMENT, "1").json()["result"] == 42
    home.up()
    notebook.good("%deploy double/2 --to deployment-engine-instance")
    assert predict(home, DEPLOYMENT, "2").json()["result"] == 63
    job = running["id"]
    eventually(lambda: home.call("GET", f"/jobs/{job}?wait=5&known=Running")["ended"])
    assert home.call("GET", f"/logs/{job}")["logs"] == "whole\n"
    now = {entry["id"]: entry for entry in home.call("GET", "/history")}
    assert [now[entry["id"]]["status"] for entry in history] == [e["status"] for e in history]
    assert now.keys() == {entry["id"] for entry in history} | {job}


def model_of(home: RunningHome, cluster: str) -> dict[str, Any]:
    endpoint = home.connections().cluster(cluster).api_endpoints()[0]
    headers = {"X-Auth-Token": endpoint.token}
    answer = requests.get(f"{endpoint.url}/models/double/1", headers=headers, timeout=30)
    return dict(answer.json())


def test_a_half_written_configmeta_loses_nothing(home: RunningHome, notebook: Notebook) -> None:
    """KubeDirector truncates the file and writes it through a pipe."""
    stop = threading.Event()
    files = [home.folder(name) / "configmeta.json" for name in (NOTEBOOK, DEPLOYMENT)]
    tearing = threading.Thread(target=tear, args=(files, stop.is_set))
    tearing.start()
    try:
        for _ in range(20):
            assert "trainingengineinstance  python" in notebook.good("%attachments").text
            assert predict_by_record(home).json()["result"] == 42
    finally:
        stop.set()
        tearing.join()
    notebook.good("%%trainingengineinstance\nprint('still attached')")


def tear(files: list[Path], stopped: Callable[[], bool]) -> None:
    whole = {file: file.read_bytes() for file in files}
    while not stopped():
        for file, content in whole.items():
            with file.open("r+b") as out:
                out.truncate(0)
                out.write(content[: len(content) // 2])
                out.flush()
                out.write(content[len(content) // 2 :])


def predict_by_record(home: RunningHome) -> requests.Response:
    record = json.loads((home.folder(DEPLOYMENT) / "member.json").read_bytes())
    return requests.post(
        f"http://127.0.0.1:{record['port']}/double/1/predict",
        json={"scoring_args": {"a": 21}},
        headers={"X-Auth-Token": record["token"]},
        timeout=30,
    )


def test_a_kernel_of_one_s_own_finds_all_of_kd_up(
    home: RunningHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KD_CONFIGMETA", "KD_PROJECT_REPO", "KD_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KD_HOME", str(home.path))
    cells = ["%load_ext kd_magics", TRAIN.format(version=9, factor=4), REGISTER.format(v=9)]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    ran = NotebookClient(book, timeout=90, resources={"metadata": {"path": tmp_path}}).execute()
    said = "".join(output.get("text", "") for output in ran.cells[-1].outputs)
    assert "double" in said, ran.cells[-1].outputs
    assert ("double", "9") in {model.key for model in FolderRegistry(home.manifests).models()}
