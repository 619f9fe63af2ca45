"""Real training engines for tests, and a check that nothing is left of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine, job_processes


@pytest.fixture(scope="module")
def start_engine(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RunningEngine]]:
    """Start engines (``repository`` may be shared); none of their processes may be left after."""
    engines: list[RunningEngine] = []

    def start(repository: Path | None = None, **environment: str) -> RunningEngine:
        folder = tmp_path_factory.mktemp("engine")
        repository = repository or folder / "project_repo"
        repository.mkdir(exist_ok=True)
        engine = RunningEngine(repository, folder / "configmeta.json", **environment)
        engines.append(engine)
        return engine

    yield start
    for engine in engines:
        if engine.process.poll() is None:
            for job in engine.get("/jobs?limit=1000")["jobs"]:
                if not job["ended"]:
                    engine.call("POST", f"/jobs/{job['id']}/cancel")
            eventually(lambda engine=engine: not engine.get("/jobs?status=Running")["jobs"])
            engine.stop()
    for engine in engines:
        eventually(lambda engine=engine: not job_processes(engine.repository), 10)


@pytest.fixture(scope="module")
def engine(start_engine: Callable[..., RunningEngine]) -> RunningEngine:
    """One engine for a module's tests."""
    return start_engine(KD_MAX_RUNNING="2")
