"""A real Kubernetes API server: the tests' own, or that of ``pytest --kubeconfig FILE``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.any_cluster import AnyCluster
from tests.kubedirector.operator import running_cluster
from tests.real_api_server import ApiServer

LONG_FOLDERS = frozenset({"browser", "chaos", "deploy", "notebooks"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--kubeconfig``."""
    parser.addoption(
        "--kubeconfig",
        type=Path,
        help="run the Kubernetes tests on this cluster, which must have KubeDirector's kinds",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that none of them is left to one worker alone."""
    here = Path(__file__).parent

    def is_long(item: pytest.Item) -> bool:
        folder = item.path.relative_to(here).parts[:-1]
        return not folder or folder[0] in LONG_FOLDERS

    items.sort(key=lambda item: not is_long(item))


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
