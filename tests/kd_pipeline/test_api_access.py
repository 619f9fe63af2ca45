"""How a registry finds its API server and its credentials, and that none of them is told."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client import Configuration

from kd_pipeline.errors import (
    InvalidInput,
    KdError,
    Unauthorized,
)
from kd_pipeline.registry import open_registry
from kd_pipeline.registry.api_access import token_words
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.configmeta import configmeta
from tests.kd_pipeline.test_registry import TAXI
from tests.real_api_server import ApiServer
from tests.shipped import new_tenant

pytestmark = pytest.mark.slow
RBAC = Path(__file__).resolve().parents[2] / "deploy" / "rbac.yaml"


@pytest.fixture
def registry(api_server: ApiServer) -> ApiServerRegistry:
    return ApiServerRegistry(api_server.client(), new_tenant(api_server))


def test_a_renewed_token_is_used_without_a_restart(
    api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = new_tenant(api_server)
    config = api_server.kubeconfig(tmp_path / "config", "expired", namespace)
    _surroundings(monkeypatch, tmp_path, KUBECONFIG=str(config))
    with pytest.raises(Unauthorized, match=r"may have expired\. Log in to the cluster again"):
        open_registry().register(TAXI)
    api_server.kubeconfig(config, namespace=namespace)
    assert open_registry().register(TAXI) is True


def test_a_pods_service_account_leads_here(
    own_api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = new_tenant(own_api_server)
    own_api_server.kubectl("-n", namespace, "apply", "-f", str(RBAC))
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    made = own_api_server.kubectl("-n", namespace, "create", "token", "kd-notebook")
    (folder / "token").write_text(made.stdout)
    (folder / "ca.crt").write_bytes(own_api_server.ca.read_bytes())
    (folder / "namespace").write_text(namespace)
    monkeypatch.setattr("kd_pipeline.registry.surroundings.SERVICE_ACCOUNT", folder)
    files = "kubernetes.config.incluster_config.SERVICE_"
    monkeypatch.setattr(f"{files}TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(f"{files}CERT_FILENAME", str(folder / "ca.crt"))
    where = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": own_api_server.port}
    _surroundings(monkeypatch, tmp_path, **where)
    registry = open_registry()
    assert registry.place == f"namespace {namespace} of {own_api_server.url}"
    assert registry.missing_permissions() == []
    assert str(registry.credentials()).startswith("good until 20")
    assert registry.register(TAXI) is True


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"exp": 1_700_000_000}, "expired 2023-11-14 22:13 UTC"),
        ({"exp": 4_100_000_000}, "good until 2099-12-03 16:53 UTC"),
        ({"exp": "soon"}, None),
        ({"exp": 1e30}, None),
        ({}, None),
        ([], None),
    ],
)
def test_a_token_tells_until_when_it_is_good(claims: Any, told: str | None) -> None:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    configuration = Configuration()
    configuration.api_key = {"authorization": f"Bearer head.{body}.signature"}
    assert token_words(configuration) == told
    assert token_words(Configuration()) is None


def test_a_kubeconfig_that_is_connected_as_a_secret_leads_here(
    own_api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = new_tenant(own_api_server)
    config = own_api_server.kubeconfig(tmp_path / "config", namespace=namespace).read_bytes()
    meta = tmp_path / "configmeta.json"

    def connect(content: bytes) -> None:
        entry = {
            "metadata": {"name": _base64(b"my-cluster")},
            "data": {"config": _base64(_base64(content).encode())},
            "labels": {"kubedirector.hpe.com/secretType": _base64(b"kubeconfig")},
            "annotations": None,
        }
        meta.write_text(json.dumps(configmeta(secrets={"kubeconfig": [entry]})))

    connect(config.replace(b"an-administrator", b"an-expired-administrator"))
    _surroundings(monkeypatch, tmp_path, KD_CONFIGMETA=str(meta))
    with pytest.raises(Unauthorized, match="connect a newer kubeconfig"):
        open_registry().models()
    connect(config)
    assert open_registry().register(TAXI) is True
    connect(b"no kubeconfig")
    with pytest.raises(InvalidInput, match="kubeconfig of the connected secret cannot be used"):
        open_registry()


def test_no_refusal_tells_a_token(api_server: ApiServer, registry: ApiServerRegistry) -> None:
    told = []
    for user in ("expired-secret-token", "another-secret"):
        stranger = ApiServerRegistry(api_server.client(user), registry.namespace)
        for call in (stranger.models, stranger.clusters, stranger.missing_permissions):
            with pytest.raises(KdError) as error:
                call()
            told.append(str(error.value))
    assert not any("secret" in sentence for sentence in told)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _surroundings(monkeypatch: pytest.MonkeyPatch, folder: Path, **variables: Any) -> None:
    """Leave nothing in the environment that leads to a registry but ``variables``."""
    names = ("KD_REGISTRY", "KD_NAMESPACE", "KD_CONFIGMETA", "KUBECONFIG")
    for name in (*names, "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KD_HOME", str(folder / "nothing"))
    monkeypatch.setenv("KUBECONFIG", str(folder / "none"))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
