"""A cluster in trouble: what is told, that nothing is lost, and that it recovers by itself."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from kd_pipeline.errors import (
    Forbidden,
    NotFound,
    TooLarge,
    Unavailable,
    VersionTaken,
)
from kd_pipeline.registry.api_server import ApiServerRegistry
from kd_pipeline.registry.api_watch import until_it_ends
from tests.kd_engines.running_server import eventually
from tests.kd_pipeline.test_registry import ENGINE, TAXI
from tests.kubedirector.operator import running_cluster
from tests.real_api_server import ApiServer
from tests.shipped import new_tenant
from tests.tcp_proxy import TcpProxy

pytestmark = pytest.mark.slow
SEEN_WITHIN_S = 2.0
RBAC = Path(__file__).resolve().parents[2] / "deploy" / "rbac.yaml"
MODEL_LABEL = "kubedirector.hpe.com/cmType=model"


@pytest.fixture
def registry(api_server: ApiServer) -> ApiServerRegistry:
    return ApiServerRegistry(api_server.client(), new_tenant(api_server))


@pytest.fixture
def watched(registry: ApiServerRegistry) -> Iterator[list[tuple[float, str]]]:
    """Return when which generation was seen by somebody who watches the registry."""
    with watching(registry) as seen:
        yield seen


class watching:  # noqa: N801 - used as a function
    """Collect a registry's generations in a thread, until left."""

    def __init__(self, registry: ApiServerRegistry) -> None:
        self._registry, self._stop = registry, threading.Event()
        self._seen: list[tuple[float, str]] = []
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> list[tuple[float, str]]:
        self._thread.start()
        eventually(lambda: self._seen)
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _watch(self) -> None:
        for generation in self._registry.changes(self._stop):
            self._seen.append((time.monotonic(), generation))


def test_what_kubectl_changes_is_seen_at_once(
    api_server: ApiServer, registry: ApiServerRegistry, watched: list[Any], tmp_path: Path
) -> None:
    model, engine = tmp_path / "model.yaml", tmp_path / "engine.yaml"
    model.write_text(yaml.safe_dump(TAXI.to_manifest()))
    engine.write_text(yaml.safe_dump(ENGINE.manifest))
    connect = '{"spec":{"connections":{"configmaps":["taxi-1"]}}}'
    for line, found in (
        (f"apply -f {model}", lambda: [m.key for m in registry.models()] == [("taxi", "1")]),
        (
            "annotate configmap taxi-1 note=seen",
            lambda: len(registry.models()) == 1,
        ),
        (f"apply -f {engine}", lambda: [c.name for c in registry.clusters()] == ["engine"]),
        (
            f"patch kdcluster engine --type=merge -p {connect}",
            lambda: registry.cluster("engine").connections("configmaps") == ["taxi-1"],
        ),
        ("label configmap taxi-1 kubedirector.hpe.com/cmType-", lambda: registry.models() == []),
        (f"label configmap taxi-1 {MODEL_LABEL}", lambda: len(registry.models()) == 1),
        ("delete configmap taxi-1", lambda: registry.models() == []),
    ):
        before = watched[-1]
        # The operator refuses a change while it has a new status in mind.
        words = ("-n", registry.namespace, *line.split())
        eventually(lambda words=words: not api_server.kubectl(*words, check=False).returncode)
        done = time.monotonic()
        eventually(lambda before=before: watched[-1] != before)
        assert watched[-1][0] - done < SEEN_WITHIN_S, line
        assert found(), line


def test_kubectl_sees_what_is_registered_and_connected(
    api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    def kubectl(*words: str) -> str:
        return api_server.kubectl("-n", registry.namespace, *words).stdout

    registry.register(TAXI)
    assert "taxi-1" in kubectl("get", "configmap", "-l", MODEL_LABEL)
    registry.apply_cluster(ENGINE)
    registry.connect("engine", "configmaps", "taxi-1")
    path = "jsonpath={.spec.connections.configmaps}"
    assert kubectl("get", "kdcluster", "engine", "-o", path) == '["taxi-1"]'
    registry.delete_model("taxi", "1")
    assert "taxi-1" not in kubectl("get", "configmap")


def test_of_two_users_at_once_one_wins_and_the_other_is_told(
    api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    users = [registry, ApiServerRegistry(api_server.client(), registry.namespace)]
    for turn in range(20):
        start = threading.Barrier(2)

        def register(user: int, version: str = str(turn), start: Any = start) -> str:
            model = type(TAXI)("taxi", version, "p", "s", extra={"model-sha256": str(user)})
            start.wait()
            try:
                return str(users[user].register(model))
            except VersionTaken as error:
                return type(error).__name__

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(register, (0, 1))) == ["True", "VersionTaken"]


def test_a_namespace_that_is_deleted_is_told_and_one_made_anew_serves(
    own_api_server: ApiServer, registry: ApiServerRegistry, watched: list[Any]
) -> None:
    name = registry.namespace
    own_api_server.kubectl("delete", "namespace", name, "--wait=false")
    with pytest.raises(Unavailable, match="the namespace is being deleted"):
        registry.register(TAXI)
    finalize(own_api_server, name)
    with pytest.raises(NotFound, match=f'namespaces "{name}" not found'):
        registry.register(TAXI)
    own_api_server.kubectl("create", "namespace", name)
    before = len(watched)
    assert registry.register(TAXI) is True
    eventually(lambda: len(watched) > before)


def finalize(api_server: ApiServer, name: str) -> None:
    """Do what the namespace controller does once the namespace is empty."""
    manifest = json.loads(api_server.kubectl("get", "namespace", name, "-o", "json").stdout)
    manifest["spec"]["finalizers"] = []
    path = api_server.folder / f"{name}.json"
    path.write_text(json.dumps(manifest))
    api_server.kubectl("replace", "--raw", f"/api/v1/namespaces/{name}/finalize", "-f", str(path))


def test_a_quota_that_is_used_up_is_told_and_nothing_is_lost(
    own_api_server: ApiServer, registry: ApiServerRegistry
) -> None:
    registry.register(TAXI)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"count/configmaps": "1"}},
    }
    own_api_server.apply(quota, namespace=registry.namespace)
    # The quota controller, which does not run here, counts what there is.
    status = '{"status":{"hard":{"count/configmaps":"1"},"used":{"count/configmaps":"1"}}}'
    own_api_server.kubectl(
        "-n", registry.namespace, "patch", "quota", "few", "--subresource=status",
        "--type=merge", "-p", status,
    )  # fmt: skip
    second = type(TAXI)("taxi", "2", "p", "s")
    with pytest.raises(Forbidden, match=r"The quota is used up: .*count/configmaps=1"):
        registry.register(second)
    assert [m.version for m in registry.models()] == ["1"]
    own_api_server.kubectl("-n", registry.namespace, "delete", "quota", "few")
    assert registry.register(second) is True


def test_more_than_a_mebibyte_is_told(registry: ApiServerRegistry) -> None:
    manifest = TAXI.to_manifest()
    manifest["data"]["metrics"] = "x" * 1_100_000
    with pytest.raises(TooLarge, match="a ConfigMap holds 1 MiB at most"):
        registry.objects.call("create", "ConfigMap", body=manifest)


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Any]]:
    """Return a maker of registries whose user has our Role without one verb of one resource."""
    users = {f"user-{n}": (f"user-{n}", "some") for n in range(8)}
    _, role, binding = yaml.safe_load_all(RBAC.read_text())
    unused = iter(users)

    def make(verb: str, resource: str) -> ApiServerRegistry:
        user, namespace = next(unused), new_tenant(server)
        admin = ApiServerRegistry(server.client(), namespace)
        admin.apply_cluster(ENGINE)
        admin.register(TAXI)
        less = json.loads(json.dumps(role))
        for rule in less["rules"]:
            if resource in rule["resources"]:
                rule["verbs"].remove(verb)
        subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
        less["metadata"]["name"] = binding["metadata"]["name"] = "lacking"
        bound = {"subjects": [subject], "roleRef": {**binding["roleRef"], "name": "lacking"}}
        server.apply(less, {**binding, **bound}, namespace=namespace)
        return ApiServerRegistry(server.client(user), namespace)

    with running_cluster(tmp_path_factory.mktemp("lacking"), users) as (server, _):
        yield make


OTHER = type(TAXI)("other", "1", "p", "s")


@pytest.mark.parametrize(
    ("verb", "resource", "call"),
    [
        ("list", "configmaps", lambda r: r.models()),
        ("create", "configmaps", lambda r: r.register(OTHER)),
        ("delete", "configmaps", lambda r: r.delete_model("taxi", "1")),
        ("list", "kubedirectorclusters", lambda r: r.clusters()),
        ("get", "kubedirectorclusters", lambda r: r.connect("engine", "configmaps", "a")),
        ("patch", "kubedirectorclusters", lambda r: r.connect("engine", "configmaps", "a")),
        ("list", "kubedirectorapps", lambda r: r.apps()),
    ],
)
def test_each_verb_that_is_forbidden_is_named(
    lacking: Callable[[str, str], Any], verb: str, resource: str, call: Callable[[Any], object]
) -> None:
    registry = lacking(verb, resource)
    sentence = f"You may not {verb} {resource} in namespace {registry.namespace}; ask the admin"
    with pytest.raises(Forbidden, match=sentence):
        call(registry)
    assert registry.missing_permissions() == [f"{verb} {resource}"]


def test_nothing_is_lost_while_the_server_is_killed_again_and_again(
    tmp_path: Path,
) -> None:
    with running_cluster(tmp_path) as (server, _):
        registry = ApiServerRegistry(server.client(), new_tenant(server))
        _register_while_it_is_killed(server, registry)


def _register_while_it_is_killed(server: ApiServer, registry: ApiServerRegistry) -> None:
    done: list[str] = []
    stop = threading.Event()

    def register() -> None:
        while not stop.is_set():
            model = type(TAXI)("taxi", str(len(done) + 1), "p", "s")
            try:
                registry.register(model)  # again, with the same content, where the answer was lost
                done.append(model.version)
                stop.wait(0.02)
            except Unavailable:
                stop.wait(0.2)

    with (
        ThreadPoolExecutor(1) as pool,
        watching(ApiServerRegistry(server.client(), registry.namespace)) as seen,
    ):
        registering = pool.submit(register)
        for _ in range(3):
            before = len(done)
            eventually(lambda before=before: registering.done() or len(done) > before + 3, 60)
            server.kill()
            server.start()
        stop.set()
        registering.result(30)
        assert {m.version for m in registry.models()} >= set(done)
        assert len(done) > 9
        eventually(lambda: seen[-1][1] == registry.generation())
    # What the server has forgotten (410 Gone) is listed anew.
    watched, _ = registry.objects.begin_watch("ConfigMap")
    assert until_it_ends(watched, "1", threading.Event(), threading.Event()) == ""
    server.kill()


def test_a_connection_that_falls_silent_is_noticed(
    own_api_server: ApiServer, registry: ApiServerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No end, no reset, no bytes: only a time limit tells that a watch is dead."""
    for limit in ("api_watch.SILENCE_S", "api_namespace.READ_S"):
        monkeypatch.setattr(f"kd_pipeline.registry.{limit}", 2.0)
    proxy = TcpProxy(own_api_server.port)
    client = own_api_server.client()
    client.configuration.host = f"https://127.0.0.1:{proxy.port}"
    with watching(ApiServerRegistry(client, registry.namespace)) as seen:
        proxy.silence()
        registry.register(TAXI)
        eventually(lambda: seen[-1][1] == registry.generation(), 20)
    proxy.close()


def test_a_server_that_answers_too_slowly_is_told(
    own_api_server: ApiServer, registry: ApiServerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = TcpProxy(own_api_server.port)
    client = own_api_server.client()
    client.configuration.host = f"https://127.0.0.1:{proxy.port}"
    slow = ApiServerRegistry(client, registry.namespace)
    assert slow.models() == []
    monkeypatch.setattr("kd_pipeline.registry.api_namespace.READ_S", 0.5)
    proxy.silence()
    with pytest.raises(Unavailable, match=r"does not answer \(.*\); check the network"):
        slow.models()
    proxy.close()
