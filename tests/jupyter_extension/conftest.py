"""A Jupyter server over a real training engine, shared by the tests of a module."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_extension.pipeline import Pipeline
from tests.configmeta import configmeta
from tests.jupyter_extension.running_jupyter import RunningJupyter
from tests.jupyter_extension.surroundings import Surroundings
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

DEAD_PORT = 9  # "discard": nothing listens there


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """Return a training engine."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "project_repo").mkdir()
    running = RunningEngine(folder / "project_repo", folder / "configmeta.json")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def server(
    engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningJupyter]:
    """Return a Jupyter server to which that engine and a dead cluster are connected."""
    home = tmp_path_factory.mktemp("jupyter")
    clusters = {
        CLUSTER: [(engine.url, TOKEN)],
        "down": [(f"http://127.0.0.1:{DEAD_PORT}", TOKEN)],
        "deploy-down": [(f"http://127.0.0.1:{DEAD_PORT}", TOKEN)],
    }
    (home / "configmeta.json").write_text(json.dumps(configmeta(clusters=clusters)))
    running = RunningJupyter(home, KD_REGISTRY=str(home), KD_PROJECT_REPO=str(engine.repository))
    yield running
    running.stop()
    log = running.log()
    assert TOKEN not in log
    assert "Traceback" not in log


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """Return a notebook's surroundings with an empty folder as its registry."""
    return Surroundings(tmp_path, monkeypatch)


@pytest.fixture(params=["folder", pytest.param("kubernetes", marks=pytest.mark.slow)])
def anywhere(request: pytest.FixtureRequest, here: Surroundings) -> Surroundings:
    """Return surroundings with an empty registry of each kind."""
    if request.param == "kubernetes":
        here.use(request.getfixturevalue("api_server"))
    return here


@pytest.fixture
def pipeline(anywhere: Surroundings) -> Pipeline:
    """Return a pipeline over an empty registry of each kind."""
    return anywhere.pipeline()
