"""A new deployment kdcluster, on each kind of registry."""

from typing import Any

import pytest
import yaml

from jupyter_extension import deployments, new_deployment
from jupyter_extension.pipeline import Pipeline
from kd_pipeline.clusters import APP_KIND, Cluster
from kd_pipeline.connections import ENGINE_ROLE
from kd_pipeline.errors import Conflict, InvalidInput, ModelNotFound
from kd_pipeline.messages.sidebar_models import NewDeployment
from kd_pipeline.registry import FolderRegistry, Registry
from tests.jupyter_extension.surroundings import (
    DEPLOYMENT,
    NOTEBOOK,
    kdapp,
    kdcluster,
    register,
)
from tests.shipped import manifests

APP = "deployment-engine"


def put_app(registry: Registry, app: dict[str, Any]) -> None:
    """Put a kdapp in the place of the one of its name, as an administrator does."""
    if isinstance(registry, FolderRegistry):
        registry.apply([app])
    else:
        registry.objects.call("delete", "KubeDirectorApp", name=app["metadata"]["name"])
        registry.objects.call("create", "KubeDirectorApp", body=app)


def edited(cluster: Cluster, **spec: Any) -> Cluster:
    manifest = yaml.safe_load(yaml.safe_dump(cluster.manifest))
    manifest["spec"] |= spec
    return Cluster(manifest)


@pytest.fixture
def registry(pipeline: Pipeline) -> Registry:
    """Return a registry with a notebook and both kinds of apps."""
    found = pipeline.registry()
    if isinstance(found, FolderRegistry):
        found.apply([one for one in manifests() if one["kind"] == APP_KIND])
    found.apply_cluster(kdcluster(NOTEBOOK, "jupyter-notebook"))
    return found


class TestNewDeployment:
    def test_it_is_like_another_of_its_app(self, pipeline: Pipeline, registry: Registry) -> None:
        register(registry, "1", "2")
        registry.set_alias("taxi", "champion", "1")
        other = edited(kdcluster(DEPLOYMENT), namingScheme="CrNameRole")
        registry.apply_cluster(other.connect("configmaps", "taxi-2"))
        wanted = NewDeployment("canary", APP, 3, ["taxi/champion"])
        told = new_deployment.create(pipeline, wanted)
        assert (told.name, told.app, told.members_wanted, told.connected) == (
            *("canary", APP),
            3,
            False,
        )
        assert [(m.name, m.version, m.wanted) for m in told.models] == [("taxi", "1", True)]
        assert "is being connected to this notebook" in told.reason
        spec = registry.cluster("canary").manifest["spec"]
        assert (spec["namingScheme"], spec["appCatalog"]) == ("CrNameRole", "local")
        assert spec["connections"] == {"configmaps": ["taxi-1", "taxi-aliases"]}
        assert (
            spec["roles"]
            == registry.cluster(DEPLOYMENT).with_members(ENGINE_ROLE, 3).manifest["spec"]["roles"]
        )
        assert registry.cluster(NOTEBOOK).connections("clusters") == ["canary"]

    def test_the_first_one_is_as_its_app_says(self, pipeline: Pipeline, registry: Registry) -> None:
        put_app(registry, kdapp(APP, "hpecp/deploymt-engine"))
        claim = {"pvcName": "project-repo", "mountPath": "/bd-fs-mnt/project_repo"}
        new_deployment.create(pipeline, NewDeployment("first", APP))
        spec = registry.cluster("first").manifest["spec"]
        balancer, engine = spec["roles"]
        assert (balancer["id"], balancer["members"]) == ("LoadBalancer", 1)
        assert (engine["id"], engine["members"]) == ("RESTServer", 1)
        assert engine["resources"]["limits"] == {"cpu": "1", "memory": "3Gi"}
        assert engine["resources"]["requests"] == {"cpu": "500m", "memory": "3Gi"}
        assert spec["serviceType"] == "ClusterIP"
        assert engine["volumeProjections"] == [{**claim, "readOnly": True}]
        assert "volumeProjections" not in balancer

    @pytest.mark.parametrize(
        ("fields", "error", "words"),
        [
            ({"name": "Canary"}, InvalidInput, "cannot name a deployment"),
            ({"name": "a" * 64}, InvalidInput, "1 to 63"),
            ({"name": "../x"}, InvalidInput, "cannot name a deployment"),
            ({"name": NOTEBOOK}, Conflict, "already"),
            ({"members": 0}, InvalidInput, "1 to 64"),
            ({"members": 65}, InvalidInput, "1 to 64"),
            ({"app": "training-engine"}, InvalidInput, f"there are: {APP}"),
            ({"app": ""}, InvalidInput, "is not a deployment kdapp"),
            ({"models": ["taxi/9"]}, ModelNotFound, "taxi/9"),
            ({"models": ["taxi"]}, InvalidInput, "is not NAME/VERSION"),
        ],
    )
    def test_what_is_wrong_writes_nothing(
        self,
        pipeline: Pipeline,
        registry: Registry,
        fields: dict[str, Any],
        error: type[Exception],
        words: str,
    ) -> None:
        given = {"name": "canary", "app": APP, **fields}
        with pytest.raises(error, match=words):
            new_deployment.create(pipeline, NewDeployment(**given))
        assert [cluster.name for cluster in registry.clusters()] == [NOTEBOOK]

    def test_without_the_notebook_s_kdcluster_it_says_so(
        self, pipeline: Pipeline, registry: Registry
    ) -> None:
        own = pipeline.attached.connections
        assert own().cluster_name == NOTEBOOK
        if isinstance(registry, FolderRegistry):
            (registry.path / f"kdcluster-{NOTEBOOK}.yaml").unlink()
        else:
            registry.objects.call("delete", "KubeDirectorCluster", name=NOTEBOOK)
        told = new_deployment.create(pipeline, NewDeployment("canary", APP))
        assert "could not be connected to this notebook" in told.reason
        assert deployments.deployment(pipeline, "canary").name == "canary"
