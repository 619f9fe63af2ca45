"""What KubeDirector's operator refuses to take, and what editing a kdcluster makes of it."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from kd_pipeline.clusters import Cluster as ClusterManifest
from kd_pipeline.errors import Conflict, Forbidden, UnknownCluster
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.running_server import eventually
from tests.kubedirector.operator import NoContainers, Operator, running_cluster
from tests.kubedirector.rules import BUSY, NOTIFYING, READ_ONLY, Object
from tests.real_api_server import ApiServer
from tests.shipped import (
    DEPLOYMENT,
    NOTEBOOK,
    TRAINING,
    lay_out,
    manifests,
    new_tenant,
    wait_until_configured,
)

pytestmark = pytest.mark.slow
USERS = {"of-ana": ("ana", "data-scientists"), "of-ben": ("ben", "data-scientists")}
Cluster = tuple[ApiServer, Operator]


class SlowContainers(NoContainers):
    """Members that take their time, until they are let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def sync(self, clusters: list[Object], changed: bool) -> None:
        """Wait to be let go."""
        if changed:
            self.begun.set()
            self.go.wait(60)


@contextmanager
def slow(operator: Operator) -> Iterator[SlowContainers]:
    """Have the operator take its time, until the end at most."""
    before, operator.containers = operator.containers, (containers := SlowContainers())
    try:
        yield containers
    finally:
        containers.go.set()
        operator.containers = before


@contextmanager
def busy(operator: Operator, registry: ApiServerRegistry) -> Iterator[SlowContainers]:
    """Have the operator be at another kdcluster, until the end at most."""
    with slow(operator) as containers:
        registry.edit_cluster(TRAINING, lambda c: c.with_members("RESTServer", 2))
        assert containers.begun.wait(20)
        yield containers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("kubernetes"), USERS) as cluster:
        yield cluster


@pytest.fixture
def operator(cluster: Cluster) -> Operator:
    """Return the operator, which has refused nothing yet."""
    cluster[1].admission.refused.clear()
    return cluster[1]


@pytest.fixture
def registry(cluster: Cluster, operator: Operator) -> ApiServerRegistry:
    """Return a namespace with what ships, all of it configured."""
    server, _ = cluster
    namespace = new_tenant(server)
    lay_out(server, namespace)
    return ApiServerRegistry(server.client("of-ana"), namespace)


def connecting(registry: ApiServerRegistry) -> "Future[bool]":
    """Begin to connect a model to the deployment engine."""
    return ThreadPoolExecutor(1).submit(registry.connect, DEPLOYMENT, "configmaps", "taxi-1")


def test_what_ships_is_taken_and_no_member_gets_a_public_address(
    registry: ApiServerRegistry, operator: Operator
) -> None:
    clusters = registry.clusters()
    assert len(clusters) == 3
    assert {cluster.manifest["spec"]["serviceType"] for cluster in clusters} == {"ClusterIP"}
    assert (operator.admission.refused, operator.panics) == ([], 0)


def test_a_model_is_connected_and_taken_off(registry: ApiServerRegistry) -> None:
    status = registry.cluster(DEPLOYMENT).manifest["status"]
    assert registry.connect(DEPLOYMENT, "configmaps", "taxi-1")
    assert not registry.connect(DEPLOYMENT, "configmaps", "taxi-1")
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == ["taxi-1"]
    assert registry.disconnect(DEPLOYMENT, "configmaps", "taxi-1")
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == []
    wait_until_configured(registry, DEPLOYMENT)
    assert registry.cluster(DEPLOYMENT).manifest["status"]["roles"] == status["roles"]


def test_a_change_waits_until_the_one_before_is_processed(
    registry: ApiServerRegistry, operator: Operator
) -> None:
    with slow(operator) as containers:
        registry.edit_cluster(DEPLOYMENT, lambda c: c.with_members("RESTServer", 3))
        assert containers.begun.wait(20)
        edit = connecting(registry)
        eventually(lambda: NOTIFYING in operator.admission.refused)
        containers.go.set()
        assert edit.result(20)
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == ["taxi-1"]
    roles = {role.id: role.members for role in registry.cluster(DEPLOYMENT).roles}
    assert roles == {"LoadBalancer": 1, "RESTServer": 3}


def test_200_quick_edits_of_two_users_all_land(
    cluster: Cluster, registry: ApiServerRegistry, operator: Operator
) -> None:
    """While the operator writes in between, and a quarter of all edits meets such a moment."""
    operator.admission.race = 0.25
    ben = ApiServerRegistry(cluster[0].client("of-ben"), registry.namespace)

    def edits(user: ApiServerRegistry, name: str) -> bool:
        return all(
            user.connect(DEPLOYMENT, "configmaps", f"{name}-{number}")
            and (number % 2 == 0 or user.disconnect(DEPLOYMENT, "configmaps", f"{name}-{number}"))
            for number in range(67)
        )

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(edits, (registry, ben), ("ana", "ben")))
    operator.admission.race = 0.0
    held = registry.cluster(DEPLOYMENT).connections("configmaps")
    assert sorted(held) == sorted(f"{u}-{n}" for u in ("ana", "ben") for n in range(0, 67, 2))
    assert READ_ONLY in operator.admission.refused


def test_what_never_ends_is_told_with_who_is_at_it(
    cluster: Cluster,
    registry: ApiServerRegistry,
    operator: Operator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kd_pipeline.registry.api_edits.EDIT_WITHIN_S", 0.5)
    with slow(operator) as containers:
        three = '[{"op":"replace","path":"/spec/roles/1/members","value":3}]'
        where = ("-n", registry.namespace, "kdcluster", DEPLOYMENT)
        cluster[0].kubectl("patch", "--type=json", "-p", three, *where)
        assert containers.begun.wait(20)
        with pytest.raises(Conflict) as error:
            registry.connect(DEPLOYMENT, "configmaps", "taxi-1")
    told = str(error.value)
    assert f"kdcluster '{DEPLOYMENT}' could not be changed for 0.5 s; try again" in told
    assert NOTIFYING in told
    assert "KubeDirector has it in state 'updating'. It waits for kdss-" in told
    assert "The last change was that of kubectl-patch at 20" in told


def test_one_that_is_made_anew_takes_the_change_then(
    cluster: Cluster, registry: ApiServerRegistry, operator: Operator
) -> None:
    server, _ = cluster
    with busy(operator, registry) as containers:
        where = ("kdcluster", DEPLOYMENT, "-n", registry.namespace)
        server.kubectl("delete", *where, "--wait=false")
        edit = connecting(registry)
        time.sleep(0.3)
        assert not edit.done()
        containers.go.set()
        eventually(lambda: DEPLOYMENT not in [c.name for c in registry.clusters()])
    with pytest.raises(UnknownCluster, match=DEPLOYMENT):
        edit.result(20)
    (engine,) = [one for one in manifests() if one["metadata"]["name"] == DEPLOYMENT]
    server.apply(engine, namespace=registry.namespace)
    assert registry.connect(DEPLOYMENT, "configmaps", "taxi-1")  # before it has a status
    assert BUSY in operator.admission.refused


def test_a_new_kdcluster_is_connected_once_kubedirector_has_seen_it(
    cluster: Cluster, registry: ApiServerRegistry, operator: Operator
) -> None:
    server, _ = cluster
    with busy(operator, registry) as containers:
        (engine,) = [one for one in manifests() if one["metadata"]["name"] == DEPLOYMENT]
        new = {**engine, "metadata": {"name": "canary"}}
        with pytest.raises(Forbidden, match="create kubedirectorclusters"):
            registry.create_cluster(ClusterManifest(new))
        server.apply(new, namespace=registry.namespace)
        edit = ThreadPoolExecutor(1).submit(registry.connect, NOTEBOOK, "clusters", "canary")
        time.sleep(0.3)
        assert not edit.done()
        containers.go.set()
        assert edit.result(20)
    wait_until_configured(registry, NOTEBOOK)
    assert "canary" in registry.cluster(NOTEBOOK).connections("clusters")
    assert operator.panics == 0
    assert registry.connect(NOTEBOOK, "clusters", "nowhere")  # is left out without a word


def test_an_operator_that_restarts_is_waited_for(
    cluster: Cluster, registry: ApiServerRegistry, operator: Operator
) -> None:
    """As it does where the notebook is applied before its engines are there."""
    server, _ = cluster
    namespace = new_tenant(server)
    with busy(operator, registry) as containers:
        for manifest in reversed(manifests()):
            if manifest["kind"] == "KubeDirectorCluster":
                server.apply(manifest, namespace=namespace)
        containers.go.set()
    registry = ApiServerRegistry(server.client("of-ana"), namespace)
    eventually(lambda: operator.panics)
    assert registry.connect(DEPLOYMENT, "configmaps", "taxi-1")
    wait_until_configured(registry, NOTEBOOK)
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == ["taxi-1"]
    operator.panics = 0
