"""What the notebook's tests share: real trips, and models that the notebook's cells trained."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SAMPLE = ROOT.parent / "shared" / "data" / "yellow_tripdata_2009-01_sample.csv"
sys.path[:0] = [str(NOTEBOOKS), str(NOTEBOOKS / "code")]


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests off the network."""
    os.environ.setdefault("KD_TAXI_DOWNLOAD", "no")


@pytest.fixture(scope="session")
def sample() -> Path:
    """Return the file of real trips; without it the test is skipped."""
    if not SAMPLE.is_file():
        pytest.skip("../shared/data with the real trips is missing")
    return SAMPLE


@pytest.fixture(scope="session")
def training_cells() -> list[str]:
    """Return the code that the notebook's cells send to the training engine."""
    cells = nbformat.read(NOTEBOOKS / "nyc_taxi.ipynb", as_version=4).cells
    magic = "%%trainingengineinstance"
    return [c.source.partition("\n")[2] for c in cells if c.source.startswith(magic)]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, training_cells: list[str]) -> Path:
    """Return a project repository in which both training cells have run, without an engine."""
    from taxi_source import lay_out, new_trips_arrive

    from kd_pipeline.project_repository import ProjectRepository

    repository = ProjectRepository(tmp_path_factory.mktemp("project_repo"))
    new_trips_arrive(lay_out(repository), repository)
    for cell in training_cells:
        subprocess.run(
            [sys.executable, "-c", cell],
            cwd=repository.root,
            env={**os.environ, "KD_PROJECT_REPO": str(repository.root)},
            check=True,
        )
    return repository.root
