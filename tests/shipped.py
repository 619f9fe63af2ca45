"""The manifests that ship, laid out in a namespace in the order of docs/kubernetes.md."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.running_server import eventually
from tests.real_api_server import ApiServer

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
TRAINING, DEPLOYMENT = "training-engine-instance", "deployment-engine-instance"
NOTEBOOK = "jupyter-notebook"


def manifests() -> list[dict[str, Any]]:
    """Return the kdapps and kdclusters, by file name: kdapps first, the notebook last."""
    folder = files("kd_engines.local") / "manifests"
    found = [
        yaml.safe_load(path.read_text())
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.name.endswith(".yaml")
    ]
    return sorted(found, key=_order)


def new_tenant(server: ApiServer) -> str:
    """Return a new namespace with all that kdclusters want to be there, and none of them."""
    namespace = server.new_namespace()
    account, role, binding = yaml.safe_load_all((DEPLOY / "rbac.yaml").read_text())
    claim, _ = yaml.safe_load_all((DEPLOY / "project-repository.yaml").read_text())
    apps = (one for one in manifests() if one["kind"] == APP_KIND)
    server.apply(account, role, binding, claim, *apps, namespace=namespace)
    return namespace


def lay_out(server: ApiServer, namespace: str) -> None:
    """Create the kdclusters in a tenant, each one when those before it are configured."""
    registry = ApiServerRegistry(server.client(), namespace)
    for manifest in manifests():
        if manifest["kind"] == CLUSTER_KIND:
            server.apply(manifest, namespace=namespace)
            wait_until_configured(registry, manifest["metadata"]["name"])


def wait_until_configured(registry: ApiServerRegistry, cluster: str) -> None:
    """Wait until KubeDirector has made a kdcluster's members and has nothing more to do."""

    def state() -> bool:
        status = registry.cluster(cluster).manifest.get("status") or {}
        return bool(status.get("state") == "configured")

    eventually(state, 90)


def _order(manifest: dict[str, Any]) -> tuple[bool, bool]:
    connections = manifest["spec"].get("connections") or {}
    return manifest["kind"] == CLUSTER_KIND, bool(connections.get("clusters"))
