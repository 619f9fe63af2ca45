"""A kubeconfig that leads to a tenant, and surroundings without any."""

import json
from pathlib import Path

import pytest
import yaml

from tests.kd_pipeline.kubeconfigs import Settings
from tests.real_api_server import ApiServer
from tests.shipped import new_tenant


@pytest.fixture
def no_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing that leads to a registry but what a test sets."""
    for name in ("KD_REGISTRY", "KD_NAMESPACE", "KD_CONTEXT", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("KUBECONFIG", "KD_CONFIGMETA"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("KD_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def whole_kubeconfig(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return a kubeconfig that leads to a tenant's namespace."""
    if not hasattr(api_server, "ca"):
        pytest.skip("needs an API server of the tests' own, not that of --kubeconfig")
    path = tmp_path_factory.mktemp("whole") / "config"
    found: Settings = yaml.safe_load(
        api_server.kubeconfig(path, namespace=new_tenant(api_server)).read_text()
    )
    return found


@pytest.fixture
def kubeconfig(whole_kubeconfig: Settings) -> Settings:
    """Return one to be changed."""
    copy: Settings = json.loads(json.dumps(whole_kubeconfig))
    return copy
