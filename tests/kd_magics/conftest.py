"""A notebook with the magics, a real training engine, and a watch over tokens."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.configmeta import configmeta
from tests.kd_engines.training.running_engine import (
    CLUSTER,
    TOKEN,
    RunningEngine,
    eventually,
    job_processes,
)
from tests.kd_magics.running_kernel import RunningKernel
from tests.kd_magics.running_notebook import Notebook


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """A training engine for a module's tests; nothing of it is left after."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "project_repo").mkdir()
    running = RunningEngine(folder / "project_repo", folder / "configmeta.json", KD_MAX_RUNNING="2")
    yield running
    for job in running.get("/jobs?limit=1000")["jobs"]:
        if not job["ended"]:
            running.call("POST", f"/jobs/{job['id']}/cancel")
    eventually(lambda: not running.get("/jobs?status=Running")["jobs"])
    running.stop()
    eventually(lambda: not job_processes(running.repository), 10)


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment of a notebook with an empty project repository and registry."""
    for name in ("project_repo", "manifests", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("KD_CONFIGMETA", str(tmp_path / "configmeta.json"))
    monkeypatch.setenv("KD_PROJECT_REPO", str(tmp_path / "project_repo"))
    monkeypatch.setenv("KD_REGISTRY", str(tmp_path / "manifests"))
    monkeypatch.setenv("KD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTERHUB_USER", "ada")
    return tmp_path


@pytest.fixture
def attached(surroundings: Path, engine: RunningEngine) -> Path:
    """Surroundings in which the engine is attached; the engine's project repository."""
    meta = configmeta(clusters={CLUSTER: [(engine.url, TOKEN)]})
    (surroundings / "configmeta.json").write_text(json.dumps(meta))
    return surroundings


@pytest.fixture
def empty_notebook(surroundings: Path) -> Iterator[Notebook]:
    """A notebook with the magics, and no configmeta.json; no cell of it may show a token."""
    notebook = Notebook(surroundings / "configmeta.json")
    notebook.good("%load_ext kd_magics")
    yield notebook
    notebook.close()
    for shown in notebook.shown:
        assert TOKEN not in shown.everything
        assert TOKEN not in str(shown.error)


@pytest.fixture
def notebook(empty_notebook: Notebook, engine: RunningEngine) -> Notebook:
    """A notebook to which the module's engine is attached as ``training-engine-instance``."""
    empty_notebook.attach({CLUSTER: [(engine.url, TOKEN)]})
    return empty_notebook


@pytest.fixture
def kernel(surroundings: Path, engine: RunningEngine) -> Iterator[RunningKernel]:
    """A kernel that a Jupyter server has started for a notebook; no message may have a token."""
    path = surroundings / "configmeta.json"
    path.write_text(json.dumps(configmeta(clusters={CLUSTER: [(engine.url, TOKEN)]})))
    running = RunningKernel(path, JPY_SESSION_NAME="notebooks/try.ipynb")
    yield running
    running.kill()
    for _, message in running.messages:
        assert TOKEN not in repr(message["content"])
