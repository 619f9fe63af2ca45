"""What is wanted on deployments, on each kind of registry; their engines are down here."""

import pytest

from jupyter_extension import deployments
from jupyter_extension.pipeline import Pipeline
from kd_pipeline.clusters import Cluster
from kd_pipeline.errors import Conflict, InvalidInput, ModelNotFound, UnknownCluster
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.jupyter_extension.surroundings import (
    DEAD,
    DEPLOYMENT,
    NOTEBOOK,
    Surroundings,
    kdcluster,
    register,
)
from tests.shipped import wait_until_configured


def shown(pipeline: Pipeline, name: str = DEPLOYMENT) -> list[tuple[str, bool, str]]:
    found = deployments.deployment(pipeline, name).models
    return [(f"{m.name}/{m.version}", m.wanted, m.state) for m in found]


class TestDeployments:
    @pytest.fixture(autouse=True)
    def a_kdcluster(self, pipeline: Pipeline) -> None:
        """Have two versions, and a kdcluster that is not connected to the notebook."""
        register(pipeline.registry(), "1", example='{"a": 1}')
        register(pipeline.registry(), "2")
        pipeline.registry().apply_cluster(kdcluster(DEPLOYMENT))
        pipeline.registry().apply_cluster(kdcluster("train", "training-engine"))
        if isinstance(registry := pipeline.registry(), ApiServerRegistry):
            wait_until_configured(registry, DEPLOYMENT)

    def test_one_that_is_not_connected_shows_what_is_wanted(self, pipeline: Pipeline) -> None:
        registry = pipeline.registry()
        registry.connect(DEPLOYMENT, "configmaps", "taxi-1")
        (found,) = deployments.deployment_list(pipeline).deployments
        assert (found.name, found.app, found.connected) == (DEPLOYMENT, "deployment-engine", False)
        on_kubernetes = isinstance(registry, ApiServerRegistry)
        told = {("configured", 1, 1), ("updating", 1, 1)} if on_kubernetes else {("unknown", 1, 0)}
        assert (found.state, found.members_wanted, found.members) in told
        assert "not connected to this notebook" in found.reason
        (model,) = found.models
        assert (model.wanted, model.state, model.has_example) == (True, "Unknown", True)

    def test_one_that_is_down_says_so(self, anywhere: Surroundings, pipeline: Pipeline) -> None:
        anywhere.attach({DEPLOYMENT: [(DEAD, "0d5e" * 8)]})
        deployments.connect(pipeline, DEPLOYMENT, "taxi", "1")
        found = deployments.deployment(pipeline, DEPLOYMENT)
        on_kubernetes = isinstance(pipeline.registry(), ApiServerRegistry)
        told = ("configured", 1) if on_kubernetes else ("down", 0)  # there, KubeDirector tells
        assert (found.connected, found.state, found.members) == (True, *told)
        assert "does not answer" in found.reason
        assert found.models[0].state == "Unknown"

    def test_models_come_and_go_with_their_aliases(self, pipeline: Pipeline) -> None:
        registry = pipeline.registry()
        registry.set_alias("taxi", "champion", "1")
        assert deployments.connect(pipeline, DEPLOYMENT, "taxi", "champion").models
        deployments.connect(pipeline, DEPLOYMENT, "taxi", "2")
        assert shown(pipeline) == [("taxi/1", True, "Unknown"), ("taxi/2", True, "Unknown")]
        connected = registry.cluster(DEPLOYMENT).connections("configmaps")
        assert connected == ["taxi-1", "taxi-aliases", "taxi-2"]
        with pytest.raises(Conflict, match="which clients ask; move the alias first"):
            deployments.disconnect(pipeline, DEPLOYMENT, "taxi", "1")
        deployments.disconnect(pipeline, DEPLOYMENT, "taxi", "2")
        assert deployments.disconnect(pipeline, DEPLOYMENT, "taxi", "1").models == []
        assert registry.cluster(DEPLOYMENT).connections("configmaps") == []
        assert deployments.disconnect(pipeline, DEPLOYMENT, "taxi", "1").models == []

    def test_what_does_not_exist_is_not_connected(self, pipeline: Pipeline) -> None:
        with pytest.raises(ModelNotFound):
            deployments.connect(pipeline, DEPLOYMENT, "taxi", "9")
        for name in ("train", "nowhere"):
            with pytest.raises(UnknownCluster, match=f"there are: {DEPLOYMENT}"):
                deployments.connect(pipeline, name, "taxi", "1")
        assert pipeline.registry().cluster("train").connections("configmaps") == []

    def test_a_configmap_that_is_gone_is_told(self, pipeline: Pipeline) -> None:
        pipeline.registry().connect(DEPLOYMENT, "configmaps", "bus-1")
        reason = deployments.deployment(pipeline, DEPLOYMENT).reason
        assert "Connected, but not registered: bus-1." in reason

    def test_members_change(self, pipeline: Pipeline) -> None:
        assert deployments.set_members(pipeline, DEPLOYMENT, 3).members_wanted == 3
        for wrong in (0, -1, 65):
            with pytest.raises(InvalidInput, match="1 to 64"):
                deployments.set_members(pipeline, DEPLOYMENT, wrong)
        with pytest.raises(UnknownCluster):
            deployments.set_members(pipeline, "train", 2)
        assert deployments.deployment(pipeline, DEPLOYMENT).members_wanted == 3

    def test_one_that_is_asked_to_be_connected_says_so(self, pipeline: Pipeline) -> None:
        notebook = kdcluster(NOTEBOOK, "jupyter-notebook")
        pipeline.registry().apply_cluster(notebook.connect("clusters", DEPLOYMENT))
        reason = deployments.deployment(pipeline, DEPLOYMENT).reason
        assert reason == "It is being connected to this notebook, which takes a moment."


def test_without_any_configmeta_the_registry_is_shown(here: Surroundings) -> None:
    (here.path / "configmeta.json").unlink()
    pipeline = here.pipeline()
    pipeline.registry().apply_cluster(kdcluster(DEPLOYMENT))
    found = deployments.deployment_list(pipeline)
    assert [d.name for d in found.deployments] == [DEPLOYMENT]
    assert found.apps == ["deployment-engine"]
    assert "Nothing is known to be connected" in found.notices[0]


def test_one_that_is_connected_but_in_no_registry_is_shown(here: Surroundings) -> None:
    here.attach({"deploy-else": [(DEAD, "0d5e" * 8)]})
    (found,) = deployments.deployment_list(here.pipeline()).deployments
    assert (found.name, found.connected, found.app, found.members_wanted) == (
        *("deploy-else", True),
        "",
        0,
    )
    with pytest.raises(UnknownCluster):
        deployments.connect(here.pipeline(), "deploy-else", "taxi", "1")


def test_what_kubedirector_tells_is_shown(here: Surroundings) -> None:
    pipeline = here.pipeline()
    detail = {"schedulingErrorMessage": "0/3 nodes have enough memory"}
    members = [
        {"pod": "kdss-1-0", "state": "configured"},
        {"pod": "kdss-1-1", "state": "create pending", "stateDetail": detail},
    ]
    status = {"state": "creating", "roles": [{"id": "RESTServer", "members": members}]}
    cluster = kdcluster(DEPLOYMENT).with_members("RESTServer", 3)
    pipeline.registry().apply_cluster(Cluster({**cluster.manifest, "status": status}))
    found = deployments.deployment(pipeline, DEPLOYMENT)
    assert (found.state, found.members, found.members_wanted) == ("creating", 1, 3)
    assert "kdss-1-1: 0/3 nodes have enough memory." in found.reason
