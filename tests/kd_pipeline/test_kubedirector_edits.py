"""What KubeDirector's operator refuses to take, and what editing a kdcluster makes of it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
import yaml

from kd_pipeline.errors import Conflict, InvalidInput
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kubedirector_admission import BUSY, READ_ONLY, Admission, enforced, set_status
from tests.real_api_server import ApiServer, running_server

pytestmark = pytest.mark.slow
ENGINE = "deployment-engine-instance"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running_server(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture
def admission(server: ApiServer) -> Iterator[Admission]:
    with enforced(server) as admission:
        yield admission


@pytest.fixture
def registry(server: ApiServer, admission: Admission) -> ApiServerRegistry:
    """Return a namespace with what ships, whose deployment engine is configured."""
    registry = ApiServerRegistry(server.client(), server.new_namespace())
    for path in sorted((files("kd_engines.local") / "manifests").iterdir(), key=str):
        if path.name.endswith(".yaml"):
            server.apply(yaml.safe_load(path.read_text()), namespace=registry.namespace)
    set_status(registry, ENGINE, state="configured")
    return registry


def test_what_ships_is_taken_and_no_member_gets_a_public_address(
    registry: ApiServerRegistry, admission: Admission
) -> None:
    clusters = registry.clusters()
    assert len(clusters) == 3
    assert {cluster.manifest["spec"]["serviceType"] for cluster in clusters} == {"ClusterIP"}
    assert admission.refused == []


def test_a_model_is_connected_and_taken_off(
    registry: ApiServerRegistry, admission: Admission
) -> None:
    assert registry.connect(ENGINE, "configmaps", "taxi-1")
    assert not registry.connect(ENGINE, "configmaps", "taxi-1")
    assert registry.cluster(ENGINE).connections("configmaps") == ["taxi-1"]
    assert registry.disconnect(ENGINE, "configmaps", "taxi-1")
    assert registry.cluster(ENGINE).connections("configmaps") == []
    assert registry.cluster(ENGINE).manifest["status"] == {"state": "configured"}
    assert admission.refused == []


def test_members_are_changed(registry: ApiServerRegistry) -> None:
    assert registry.edit_cluster(ENGINE, lambda c: c.with_members("RESTServer", 3))
    roles = {role.id: role.members for role in registry.cluster(ENGINE).roles}
    assert roles == {"LoadBalancer": 1, "RESTServer": 3}


def test_a_change_waits_until_the_one_before_is_processed(
    registry: ApiServerRegistry, admission: Admission
) -> None:
    pending = {"pod": "kdss-0", "stateDetail": {"pendingNotifyCmds": [{"arguments": ["x"]}]}}
    set_status(registry, ENGINE, state="spec modified", roles=[{"id": "R", "members": [pending]}])

    def process() -> None:
        time.sleep(0.5)
        set_status(registry, ENGINE, state="configured")
        time.sleep(0.5)
        set_status(registry, ENGINE, state="configured", roles=None)

    threading.Thread(target=process).start()
    assert registry.connect(ENGINE, "configmaps", "taxi-1")
    assert registry.cluster(ENGINE).connections("configmaps") == ["taxi-1"]
    assert BUSY in admission.refused
    assert len(set(admission.refused)) == 2


def test_edits_of_many_arrive_while_the_operator_writes_in_between(
    registry: ApiServerRegistry, admission: Admission
) -> None:
    admission.race = 0.25
    names = [f"taxi-{number}" for number in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda name: registry.connect(ENGINE, "configmaps", name), names))
    assert sorted(registry.cluster(ENGINE).connections("configmaps")) == sorted(names)
    assert set(admission.refused) == {READ_ONLY}


def test_an_operator_that_never_comes_back_is_told(
    registry: ApiServerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kd_pipeline.registry.api_errors.EDIT_WITHIN_S", 0.5)
    set_status(registry, ENGINE, state="spec modified")
    with pytest.raises(Conflict, match=r"could not be changed for 0\.5 s.*previous spec change"):
        registry.connect(ENGINE, "configmaps", "taxi-1")


def test_one_that_is_being_deleted_is_told_at_once(
    registry: ApiServerRegistry, server: ApiServer
) -> None:
    finalizers = '{"metadata": {"finalizers": ["kubedirector.hpe.com/cleanup"]}}'
    where = ("kubedirectorcluster", ENGINE, "-n", registry.namespace)
    server.kubectl("patch", *where, "--type=merge", "-p", finalizers)
    server.kubectl("delete", *where, "--wait=false")
    with pytest.raises(InvalidInput, match="is being deleted"):
        registry.connect(ENGINE, "configmaps", "taxi-1")
