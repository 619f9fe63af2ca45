"""A real Kubernetes API server: the tests' own, or that of ``pytest --kubeconfig FILE``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.any_cluster import AnyCluster
from tests.kubedirector.operator import running_cluster
from tests.real_api_server import ApiServer


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--kubeconfig``."""
    parser.addoption(
        "--kubeconfig",
        type=Path,
        help="run the Kubernetes tests on this cluster, which must have KubeDirector's kinds",
    )


@pytest.fixture(scope="session")
def api_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ApiServer]:
    """Return an API server that KubeDirector sees to."""
    folder = tmp_path_factory.mktemp("kubernetes")
    named = request.config.getoption("--kubeconfig")
    if named:
        cluster = AnyCluster(named, folder)
        yield cluster
        cluster.close()
        return
    with running_cluster(folder) as (server, _):
        yield server


@pytest.fixture
def own_api_server(api_server: ApiServer) -> ApiServer:
    """Return the tests' own API server, for tests that kill it or need its port and its users."""
    if isinstance(api_server, AnyCluster):
        pytest.skip("needs an API server of the tests' own, not that of --kubeconfig")
    return api_server
