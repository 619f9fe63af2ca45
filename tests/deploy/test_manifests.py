"""The manifests that ship, taken by a real API server, and what the tenant's role allows."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kd_pipeline.errors import Forbidden
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.mount_points import MOUNT_POINTS
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kubedirector.operator import running_cluster
from tests.kubedirector.rules import DEFAULTS
from tests.real_api_server import ApiServer
from tests.shipped import lay_out, manifests, new_tenant

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
USER_TOKEN, STRANGER_TOKEN = "a-data-scientist", "a-stranger"
TAXI = ModelConfig("taxi", "1", "models/taxi/1", "code/score.py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run an API server with two users, one of them a data scientist."""
    users = {USER_TOKEN: ("ana", "data-scientists"), STRANGER_TOKEN: ("bob", "others")}
    with running_cluster(tmp_path_factory.mktemp("kubernetes"), users) as (server, _):
        yield server


@pytest.fixture
def namespace(server: ApiServer) -> str:
    """Return a tenant's namespace with our manifests and our role."""
    name = new_tenant(server)
    lay_out(server, name)
    return name


def test_kubedirectors_definitions_take_them_as_they_are(server: ApiServer, namespace: str) -> None:
    registry = ApiServerRegistry(server.client(), namespace)
    kinds = [manifest["kind"] for manifest in manifests()]
    assert len(registry.apps()) == kinds.count("KubeDirectorApp") == 3
    assert len(registry.clusters()) == kinds.count("KubeDirectorCluster") == 3
    assert registry.problems == {}
    for manifest in manifests():
        if manifest["kind"] == "KubeDirectorCluster":
            # Unknown fields are pruned: what comes back whole was all known.
            taken = registry.cluster(manifest["metadata"]["name"]).manifest["spec"]
            assert taken == {**DEFAULTS, **manifest["spec"]}


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


def test_the_other_manifests_of_a_tenant_are_taken(server: ApiServer) -> None:
    (namespace, *others) = yaml.safe_load_all((ROOT / "deploy" / "tenant.yaml").read_text())
    server.apply(namespace)
    name = namespace["metadata"]["name"]
    server.apply(*others, namespace=name)
    for file in ("project-repository.yaml", "network-policies.yaml"):
        documents = list(yaml.safe_load_all((ROOT / "deploy" / file).read_text()))
        server.apply(*documents, namespace=name)
        assert len(documents) >= 2


def test_every_pod_mounts_the_claim_that_ships_at_the_contracts_mount_point() -> None:
    claim, _ = yaml.safe_load_all((ROOT / "deploy" / "project-repository.yaml").read_text())
    mounts = [
        projection
        for manifest in manifests()
        if manifest["kind"] == "KubeDirectorCluster"
        for role in manifest["spec"]["roles"]
        for projection in role.get("volumeProjections", ())
    ]
    assert {mount["pvcName"] for mount in mounts} == {claim["metadata"]["name"]}
    assert {mount["mountPath"] for mount in mounts} == {MOUNT_POINTS[0]}
    assert len(mounts) == 3


def test_network_rules_name_the_ports_and_apps_that_ship() -> None:
    """A rule that selects nothing would be a rule that protects nothing."""
    apps = {m["metadata"]["name"]: m for m in manifests() if m["kind"] == "KubeDirectorApp"}
    ports = {
        service["endpoint"]["port"] for app in apps.values() for service in app["spec"]["services"]
    }
    text = (ROOT / "deploy" / "network-policies.yaml").read_text()
    rules = list(yaml.safe_load_all(text))
    named = {int(port) for port in re.findall(r"port: (\d+)", text)} - {53}
    assert named <= ports
    for rule in rules:
        selector = rule["spec"]["podSelector"]
        wanted = selector.get("matchLabels", {}).get("kubedirector.hpe.com/kdapp")
        assert wanted is None or wanted in apps


def test_the_role_allows_no_more(server: ApiServer, namespace: str) -> None:
    tenants = server.new_namespace()
    stranger = ApiServerRegistry(server.client(STRANGER_TOKEN), namespace)
    assert "create configmaps" in stranger.missing_permissions()
    assert len(stranger.missing_permissions()) == 13
    with pytest.raises(Forbidden, match=f"list configmaps in namespace {tenants}"):
        ApiServerRegistry(server.client(USER_TOKEN), tenants).models()
    with pytest.raises(Forbidden, match="list configmaps"):
        stranger.models()
    documents = yaml.safe_load_all((ROOT / "deploy" / "rbac.yaml").read_text())
    (rules,) = [document["rules"] for document in documents if document["kind"] == "Role"]
    allowed = {resource for rule in rules for resource in rule["resources"]}
    assert allowed == {"configmaps", "kubedirectorclusters", "kubedirectorapps"}
