"""The manifests that ship, taken by a real API server, and what the tenant's role allows."""

import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from kd_pipeline.errors import Forbidden
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.real_api_server import ApiServer

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
USER_TOKEN, STRANGER_TOKEN = "a-data-scientist", "a-stranger"
TAXI = ModelConfig("taxi", "1", "models/taxi/1", "code/score.py")


def shipped() -> list[dict[str, Any]]:
    folder = files("kd_engines.local") / "manifests"
    return [
        yaml.safe_load(path.read_text())
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.name.endswith(".yaml")
    ]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run an API server with two users, one of them a data scientist."""
    users = {USER_TOKEN: ("ana", "data-scientists"), STRANGER_TOKEN: ("bob", "others")}
    server = ApiServer(tmp_path_factory.mktemp("kubernetes"), users)
    server.install_kubedirector()
    yield server
    server.kill()


@pytest.fixture
def namespace(server: ApiServer) -> str:
    """Return a tenant's namespace with our manifests and our role."""
    name = server.new_namespace()
    server.apply(*shipped(), namespace=name)
    rbac = yaml.safe_load_all((ROOT / "deploy" / "rbac.yaml").read_text())
    server.apply(*rbac, namespace=name)
    return name


def test_kubedirectors_definitions_take_them_as_they_are(server: ApiServer, namespace: str) -> None:
    registry = ApiServerRegistry(server.client(), namespace)
    kinds = [manifest["kind"] for manifest in shipped()]
    assert len(registry.apps()) == kinds.count("KubeDirectorApp") == 3
    assert len(registry.clusters()) == kinds.count("KubeDirectorCluster") == 3
    assert registry.problems == {}
    for manifest in shipped():
        if manifest["kind"] == "KubeDirectorCluster":
            # Unknown fields are pruned: what comes back whole was all known.
            assert (
                registry.cluster(manifest["metadata"]["name"]).manifest["spec"]
                == (manifest["spec"])
            )


def test_the_role_allows_all_that_the_magics_do(server: ApiServer, namespace: str) -> None:
    registry = ApiServerRegistry(server.client(USER_TOKEN), namespace)
    assert registry.missing_permissions() == []
    stop = threading.Event()
    changes = registry.changes(stop)
    first = next(changes)
    registry.register(TAXI)
    assert next(changes) != first
    stop.set()
    assert registry.connect("deployment-engine-instance", "configmaps", "taxi-1")
    assert registry.disconnect("deployment-engine-instance", "configmaps", "taxi-1")
    registry.apply_cluster(registry.cluster("training-engine-instance"))
    assert next(app.name for app in registry.apps()) == "deployment-engine"
    registry.delete_model("taxi", "1")


def test_the_role_allows_no_more(server: ApiServer, namespace: str) -> None:
    tenants = server.new_namespace()
    stranger = ApiServerRegistry(server.client(STRANGER_TOKEN), namespace)
    assert "create configmaps" in stranger.missing_permissions()
    assert len(stranger.missing_permissions()) == 14
    with pytest.raises(Forbidden, match=f"list configmaps in namespace {tenants}"):
        ApiServerRegistry(server.client(USER_TOKEN), tenants).models()
    with pytest.raises(Forbidden, match="list configmaps"):
        stranger.models()
    rules = yaml.safe_load((ROOT / "deploy" / "rbac.yaml").read_text().split("---")[0])["rules"]
    allowed = {resource for rule in rules for resource in rule["resources"]}
    assert allowed == {"configmaps", "kubedirectorclusters", "kubedirectorapps"}
