"""What ships on a real API server, with the tests' own KubeDirector in place of kubelets.

Members are what the images run, set up by the setup package's startscript, behind real HAProxies;
the notebook has a kubeconfig and its configmeta.json, as in a cluster.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from kd_pipeline.clusters import Cluster
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.running_server import eventually
from tests.kubedirector.operator import Operator, running_cluster
from tests.kubedirector.pods import Pod, Pods, running_pods
from tests.real_api_server import ADMIN_TOKEN, ApiServer
from tests.shipped import NOTEBOOK, lay_out, new_tenant

# Two data scientists with the role that ships, and somebody who may only look.
USER, OTHER_USER, READER = "user-token", "other-user-token", "reader-token"
USERS = {
    USER: ("ada", "data-scientists"),
    OTHER_USER: ("eve", "data-scientists"),
    READER: ("bob", "readers"),
}
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
    operator: Operator
    containers: Pods
    repository: Path

    def pods(self, cluster: str, role: str, number: int) -> list[Pod]:
        """Return a role's members once there are so many, all configured."""

        def found() -> list[Pod]:
            assert self.operator.errors == []
            pods = self.containers.of(cluster, role)
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
    with running_cluster(folder, USERS, race=0.1) as (server, operator):
        yield from _tenant(server, operator, tmp_path_factory.mktemp("pods"))


def _tenant(server: ApiServer, operator: Operator, folder: Path) -> Iterator[Tenant]:
    repository = ProjectRepository(folder / "project_repo").create().root
    registry = ApiServerRegistry(server.client(), new_tenant(server))
    with running_pods(operator, registry, folder, repository) as containers:
        lay_out(server, registry.namespace)
        server.apply(*READERS, namespace=registry.namespace)
        tenant = Tenant(server, registry, operator, containers, repository)
        tenant.pods(NOTEBOOK, "controller", 1)
        assert operator.panics == 0
        yield tenant
