"""What only a registry on an API server has: refusals, other users, and servers that go away."""

import copy
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_pipeline.clusters import Cluster
from kd_pipeline.errors import (
    Forbidden,
    InvalidInput,
    InvalidModel,
    NotFound,
    Unauthorized,
    Unavailable,
    VersionTaken,
)
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import open_registry
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.running_server import eventually
from tests.kd_pipeline.test_registry import ENGINE, TAXI
from tests.real_api_server import ApiServer
from tests.shipped import new_tenant, wait_until_configured

pytestmark = pytest.mark.slow
TENANT_TOKEN = "a-tenant-of-the-tests"


@pytest.fixture
def registry(api_server: ApiServer) -> ApiServerRegistry:
    return ApiServerRegistry(api_server.client(), new_tenant(api_server))


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run a server without KubeDirector, and with a user who may do nothing."""
    users = {TENANT_TOKEN: ("ana", "tenants")}
    server = ApiServer(tmp_path_factory.mktemp("own"), users)
    yield server
    server.kill()


def test_what_we_write_is_what_kubectl_and_kubedirector_read(
    api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    registry.register(TAXI)
    written = registry.objects.get("ConfigMap", "taxi-1")
    assert written["metadata"]["labels"] == {"kubedirector.hpe.com/cmType": "model"}
    assert written["data"] == TAXI.to_manifest()["data"]
    assert written["metadata"]["managedFields"][0]["manager"] == "kd-magics"


def test_a_configmap_that_is_no_model_is_left_alone(
    api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "taxi-1"}}
    api_server.apply({**other, "data": {"a": "b"}}, namespace=registry.namespace)
    with pytest.raises(InvalidModel, match="that is not a model exists already"):
        registry.register(TAXI)
    assert registry.objects.get("ConfigMap", "taxi-1")["data"] == {"a": "b"}
    assert registry.models() == []


def test_more_models_than_a_page_are_all_there(
    registry: ApiServerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kd_pipeline.registry.api_namespace.PAGE", 3)
    for version in range(1, 9):
        registry.register(ModelConfig("taxi", str(version), "p", "s"))
    assert [model.version for model in registry.models()] == [str(v) for v in range(1, 9)]


def test_what_kubedirector_adds_to_a_kdcluster_stays(
    api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    registry.apply_cluster(ENGINE)
    wait_until_configured(registry, "engine")
    before = registry.cluster("engine").manifest
    registry.connect("engine", "configmaps", "taxi-1")
    after = registry.cluster("engine").manifest
    assert registry.cluster("engine").connections("configmaps") == ["taxi-1"]
    for key in ("annotations", "finalizers"):
        assert after["metadata"][key] == before["metadata"][key]
    assert after["status"]["roles"] == before["status"]["roles"]


def test_a_kdcluster_that_the_definition_refuses_is_told(registry: ApiServerRegistry) -> None:
    spec = copy.deepcopy(ENGINE.manifest["spec"])
    del spec["roles"][0]["resources"]["limits"]
    with pytest.raises(InvalidInput, match=r"roles\[0\]\.resources\.limits"):
        registry.apply_cluster(Cluster({**ENGINE.manifest, "spec": spec}))


def test_a_kdcluster_that_kubedirector_refuses_is_told(registry: ApiServerRegistry) -> None:
    spec = copy.deepcopy(ENGINE.manifest["spec"])
    spec["roles"][0]["resources"]["requests"]["memory"] = "1Mi"
    with pytest.raises(InvalidInput, match="Minimum value must be"):
        registry.apply_cluster(Cluster({**ENGINE.manifest, "spec": spec}))


def test_the_contents_of_other_configmaps_are_not_read(
    api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    registry.register(TAXI)
    for number in range(20):
        other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"big-{number}"}}
        api_server.apply({**other, "data": {"a": "b" * 1_000_000}}, namespace=registry.namespace)
    registry.models()
    tracemalloc.start()
    try:
        for read in (registry.models, registry.generation, registry.aliases):
            read()
        registry.objects.begin_watch("ConfigMap")
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_expired_credentials_are_told(api_server: ApiServer) -> None:
    registry = ApiServerRegistry(api_server.client("expired"), "default")
    with pytest.raises(Unauthorized, match="they may have expired"):
        registry.models()


def test_a_forbidden_verb_names_what_to_ask_for(own_server: ApiServer) -> None:
    registry = ApiServerRegistry(own_server.client(TENANT_TOKEN), "default")
    with pytest.raises(Forbidden, match="not list configmaps in namespace default; ask the admin"):
        registry.models()


def test_a_cluster_without_kubedirector_is_told(own_server: ApiServer) -> None:
    registry = ApiServerRegistry(own_server.client(), "default")
    with pytest.raises(NotFound, match="KubeDirector is not installed"):
        registry.clusters()


def test_a_server_that_is_down_is_told_and_watches_come_back(
    own_api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    stop = threading.Event()
    seen: list[str] = []
    watching = threading.Thread(target=lambda: seen.extend(_each(registry, stop, seen)))
    watching.start()
    eventually(lambda: len(seen) == 1)
    registry.register(TAXI)
    eventually(lambda: len(seen) >= 2)
    own_api_server.kill()
    with pytest.raises(Unavailable, match="does not answer"):
        registry.models()
    own_api_server.start()
    assert [model.key for model in registry.models()] == [("taxi", "1")]
    before = len(seen)
    began = time.monotonic()
    registry.delete_model("taxi", "1")
    eventually(lambda: len(seen) > before and seen[-1] == registry.generation())
    assert time.monotonic() - began < 20
    stop.set()
    watching.join(timeout=10)
    assert not watching.is_alive()


def _each(registry: ApiServerRegistry, stop: threading.Event, seen: list[str]) -> list[str]:
    for generation in registry.changes(stop):
        seen.append(generation)
    return []


def test_two_users_race_and_one_is_told(api_server: ApiServer, registry: ApiServerRegistry) -> None:
    """The other user's write comes between our look and ours."""
    other = ApiServerRegistry(api_server.client(), registry.namespace)
    look = registry.models

    def look_then_lose() -> list[ModelConfig]:
        found = look()
        registry.models = look  # type: ignore[method-assign]
        other.register(TAXI.with_extra(model_sha256="theirs"))
        return found

    registry.models = look_then_lose  # type: ignore[method-assign]
    with pytest.raises(VersionTaken, match="is registered already"):
        registry.register(TAXI)


def test_the_largest_model_fits_and_a_larger_one_is_told(registry: ApiServerRegistry) -> None:
    registry.register(ModelConfig("big", "1", "p", "s", extra={"metrics": "x" * 60_000}))
    with pytest.raises(InvalidModel, match="65,536 are the limit"):
        registry.register(ModelConfig("big", "2", "p", "s", extra={"metrics": "x" * 70_000}))


def test_a_kubeconfig_file_leads_here(
    api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = new_tenant(api_server)
    config = api_server.kubeconfig(tmp_path / "config", namespace=namespace)
    for name in ("KD_REGISTRY", "KD_CONFIGMETA", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KD_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("KUBECONFIG", str(config))
    registry = open_registry()
    assert (registry.backend, registry.place) == (
        "kubernetes",
        f"namespace {namespace} of {api_server.url}",
    )
    assert registry.register(TAXI) is True
    config.write_text("clusters: [")
    with pytest.raises(InvalidInput, match="config cannot be used: it is not YAML"):
        open_registry()
