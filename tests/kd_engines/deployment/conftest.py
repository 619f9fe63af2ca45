"""A running deployment engine for the tests of a module."""

from collections.abc import Callable, Iterator

import pytest

from tests.kd_engines.deployment.running_deployment import RunningDeployment


@pytest.fixture(scope="module")
def start_deployment(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., RunningDeployment]]:
    """Start engines with settings of their own; all are stopped at the end."""
    started: list[RunningDeployment] = []

    def start(**environment: str) -> RunningDeployment:
        engine = RunningDeployment(tmp_path_factory.mktemp("deployment"), **environment)
        started.append(engine)
        return engine

    yield start
    for engine in started:
        if engine.process.poll() is None:
            engine.stop()


@pytest.fixture(scope="module")
def engine(start_deployment: Callable[..., RunningDeployment]) -> RunningDeployment:
    """Return an engine that the tests of a module share."""
    return start_deployment()
