"""What ships on a real API server, with the tests' own KubeDirector in place of kubelets.

Members are what the images run, set up by the setup package's startscript, behind real HAProxies;
the notebook has a kubeconfig and its configmeta.json, as in a cluster.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from kd_pipeline.clusters import Cluster
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.running_server import eventually
from tests.kubedirector import KubeDirector, Pod
from tests.kubedirector_admission import enforced
from tests.real_api_server import ADMIN_TOKEN, ApiServer, running_server

TRAINING, DEPLOYMENT = "training-engine-instance", "deployment-engine-instance"
NOTEBOOK = "jupyter-notebook"
RBAC = Path(__file__).resolve().parents[1] / "deploy" / "rbac.yaml"
# A data scientist with the role that ships, and somebody who may only look.
USER, READER = "user-token", "reader-token"
USERS = {USER: ("ada", "data-scientists"), READER: ("bob", "readers")}
LOOKS = ["get", "list", "watch"]
READERS = [
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "readers"},
        "rules": [
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": LOOKS},
            {
                "apiGroups": ["kubedirector.hpe.com"],
                "resources": ["kubedirectorclusters", "kubedirectorapps"],
                "verbs": LOOKS,
            },
        ],
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "readers"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}],
    },
]


@dataclass
class Tenant:
    """A namespace that KubeDirector looks after, and its shared folder."""

    server: ApiServer
    registry: ApiServerRegistry
    kubedirector: KubeDirector
    repository: Path

    def pods(self, cluster: str, role: str, number: int) -> list[Pod]:
        """Return a role's members once there are so many, all configured."""

        def found() -> list[Pod]:
            assert self.kubedirector.errors == []
            pods = self.kubedirector.pods(cluster, role)
            return pods if len(pods) == number else []

        return list(eventually(found, 90))

    def scale(self, cluster: str, members: int) -> None:
        """Change a kdcluster's RESTServers, as `kubectl edit` would."""

        def edit(before: Cluster) -> Cluster:
            manifest = yaml.safe_load(yaml.safe_dump(before.manifest))
            for role in manifest["spec"]["roles"]:
                if role["id"] == "RESTServer":
                    role["members"] = members
            return Cluster(manifest)

        self.registry.edit_cluster(cluster, edit)

    def environment(self, folder: Path, token: str = ADMIN_TOKEN) -> dict[str, str]:
        """Return what a kernel in the notebook's pod has in its environment, for a user."""
        (pod,) = self.pods(NOTEBOOK, "controller", 1)
        config = self.server.kubeconfig(folder / "config", token, self.registry.namespace)
        return {
            "KUBECONFIG": str(config),
            "KD_CONFIGMETA": str(pod.guest.configmeta),
            "KD_PROJECT_REPO": str(self.repository),
            "KD_HOME": str(folder / "none"),
        }


def running_tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """Apply the manifests that ship to a real API server, and let KubeDirector see to them."""
    folder = tmp_path_factory.mktemp("kubernetes")
    with running_server(folder, USERS) as server, enforced(server, race=0.1):
        yield from _tenant(server, tmp_path_factory)


def _tenant(server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    registry = ApiServerRegistry(server.client(), server.new_namespace())
    for path in (files("kd_engines.local") / "manifests").iterdir():
        if path.name.endswith(".yaml"):
            server.apply(yaml.safe_load(path.read_text()), namespace=registry.namespace)
    rbac = yaml.safe_load_all(RBAC.read_text())
    server.apply(*rbac, *READERS, namespace=registry.namespace)
    folder = tmp_path_factory.mktemp("pods")
    repository = ProjectRepository(folder / "project_repo").create().root
    kubedirector = KubeDirector(registry, folder, repository)
    tenant = Tenant(server, registry, kubedirector, repository)
    tenant.pods(NOTEBOOK, "controller", 1)
    yield tenant
    kubedirector.close()
