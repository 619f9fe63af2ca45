"""A real Kubernetes API server for the registry's tests."""

from collections.abc import Iterator

import pytest

from tests.real_api_server import ApiServer


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run an API server that knows KubeDirector's kinds."""
    server = ApiServer(tmp_path_factory.mktemp("kubernetes"))
    server.install_kubedirector()
    yield server
    server.kill()
