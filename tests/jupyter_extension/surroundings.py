"""Surroundings for the extension's plain functions: a registry of each kind, a repository."""

import json
from pathlib import Path

import pytest

from jupyter_extension.pipeline import Pipeline
from kd_pipeline.clusters import API_VERSION, APP_KIND, CLUSTER_KIND, Cluster
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import Registry
from tests.configmeta import configmeta
from tests.real_api_server import ApiServer
from tests.shipped import manifests, new_tenant

DEPLOYMENT, NOTEBOOK = "deployment-engine-instance", "jupyter-notebook"
DEAD = "http://127.0.0.1:9"  # "discard": nothing listens there


class Surroundings:
    """A notebook's environment in ``path``, and the registry that it names."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self._monkeypatch = path, monkeypatch
        self.repository, self.root = path / "project_repo", path / "notebooks"
        for folder in (self.repository / "models", self.repository / "code", self.root):
            folder.mkdir(parents=True)
        self.attach({})
        for name in ("KUBECONFIG", "KD_NAMESPACE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("KD_CONFIGMETA", str(path / "configmeta.json"))
        monkeypatch.setenv("KD_PROJECT_REPO", str(self.repository))
        monkeypatch.setenv("KD_REGISTRY", str(path / "manifests"))
        monkeypatch.setenv("KD_HOME", str(path / "home"))
        monkeypatch.setenv("JUPYTERHUB_USER", "ada")

    def attach(self, clusters: dict[str, list[tuple[str, str]]]) -> None:
        """Write the notebook's configmeta.json."""
        text = json.dumps(configmeta(NOTEBOOK, clusters=clusters))
        (self.path / "configmeta.json").write_text(text)

    def use(self, server: ApiServer) -> str:
        """Have the registry in a new namespace of an API server; return its name."""
        namespace = new_tenant(server)
        config = server.kubeconfig(self.path / "kubeconfig", namespace=namespace)
        self._monkeypatch.setenv("KD_REGISTRY", "kubernetes")
        self._monkeypatch.setenv("KUBECONFIG", str(config))
        return namespace

    def pipeline(self) -> Pipeline:
        """Return a new pipeline."""
        return Pipeline(self.root)

    def write(self, path: str, text: str = "weights") -> Path:
        """Write a file of the project repository."""
        file = self.repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file


def kdcluster(name: str, app: str = "deployment-engine") -> Cluster:
    """Return a kdcluster like the one that ships for an app, with no connections."""
    clusters = (Cluster(one) for one in manifests() if one["kind"] == CLUSTER_KIND)
    spec = next(dict(cluster.manifest["spec"]) for cluster in clusters if cluster.app == app)
    spec.pop("connections", None)
    return Cluster(
        {
            "apiVersion": API_VERSION,
            "kind": CLUSTER_KIND,
            "metadata": {"name": name},
            "spec": spec,
        }
    )


def kdapp(name: str, distro: str) -> dict[str, object]:
    """Return a kdapp with a balancer and engines, of which the latter need 3 GiB."""
    roles = [
        {"id": "LoadBalancer", "cardinality": "1"},
        {"id": "RESTServer", "cardinality": "1+", "minResources": {"cpu": "500m", "memory": "3Gi"}},
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": APP_KIND,
        "metadata": {"name": name},
        "spec": {
            "label": {"name": name},
            "distroID": distro,
            "version": "1.0",
            "configSchemaVersion": 7,
            "roles": roles,
            "config": {
                "selectedRoles": ["LoadBalancer", "RESTServer"],
                "roleServices": [{"roleID": "RESTServer", "serviceIDs": []}],
            },
        },
    }


def register(registry: Registry, *versions: str, name: str = "taxi", **extra: str) -> None:
    """Register versions of a model, without files."""
    for version in versions:
        model = ModelConfig(name, version, f"models/{name}/{version}", "code/score.py", "", extra)
        registry.register(model)
