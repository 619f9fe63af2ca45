"""One test class for every place where a registry can be."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kd_pipeline.clusters import Cluster
from kd_pipeline.errors import Conflict, InvalidModel, ModelNotFound, UnknownCluster, VersionTaken
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import FolderRegistry, Registry, open_registry
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.real_api_server import ApiServer
from tests.shipped import DEPLOYMENT, manifests, new_tenant

TAXI = ModelConfig("taxi", "1", "models/taxi/1", "code/score.py", extra={"model-sha256": "a"})
ENGINE = next(Cluster(one) for one in manifests() if one["metadata"]["name"] == DEPLOYMENT)
ENGINE = Cluster({**ENGINE.manifest, "metadata": {"name": "engine"}})


@pytest.fixture(params=["folder", pytest.param("kubernetes", marks=pytest.mark.slow)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    """Return an empty registry of each kind: a folder, and a namespace of a real API server."""
    if request.param == "folder":
        return FolderRegistry(tmp_path / "manifests")
    server: ApiServer = request.getfixturevalue("api_server")
    return ApiServerRegistry(server.client(), new_tenant(server))


def put(registry: Registry, request: pytest.FixtureRequest, manifest: dict[str, Any]) -> None:
    """Write a manifest as it is, in the way of a person with an editor or with kubectl."""
    manifests: Path = request.getfixturevalue("tmp_path") / "manifests"
    manifests.mkdir(exist_ok=True)
    path = manifests / f"{manifest['metadata']['name']}.yaml"
    path.write_text(yaml.safe_dump(manifest))
    if isinstance(registry, ApiServerRegistry):
        server: ApiServer = request.getfixturevalue("api_server")
        server.kubectl("apply", "-n", registry.namespace, "-f", str(path))


class TestRegistry:
    def test_a_model_is_registered_once(self, registry: Registry) -> None:
        assert registry.register(TAXI) is True
        assert registry.register(TAXI) is False
        assert registry.register(TAXI.with_extra(created="later", author="ana")) is False
        assert [m.key for m in registry.models()] == [("taxi", "1")]

    def test_a_version_does_not_change(self, registry: Registry) -> None:
        registry.register(TAXI)
        with pytest.raises(VersionTaken, match=r"model-sha256.*register this one as version 2"):
            registry.register(TAXI.with_extra(model_sha256="b"))
        assert registry.model("taxi", "1").extra["model-sha256"] == "a"

    def test_an_invalid_model_is_not_written(self, registry: Registry) -> None:
        with pytest.raises(InvalidModel):
            registry.register(replace(TAXI, name="No Name"))
        assert registry.models() == []

    def test_versions_are_in_natural_order(self, registry: Registry) -> None:
        for version in ("10", "9", "1.0", "beta", "1"):
            registry.register(ModelConfig("taxi", version, "p", "s"))
        assert [m.version for m in registry.models()] == ["beta", "1", "1.0", "9", "10"]

    def test_unknown_names_are_told_with_the_known(self, registry: Registry) -> None:
        registry.register(TAXI)
        with pytest.raises(ModelNotFound, match="versions of taxi: 1"):
            registry.model("taxi", "2")
        with pytest.raises(ModelNotFound, match="registered: taxi"):
            registry.delete_model("bus", "1")
        with pytest.raises(UnknownCluster, match="there are: none"):
            registry.connect("engine", "configmaps", "taxi-1")

    def test_connecting_is_idempotent(self, registry: Registry) -> None:
        registry.apply_cluster(ENGINE)
        assert registry.connect("engine", "configmaps", "taxi-1") is True
        assert registry.connect("engine", "configmaps", "taxi-1") is False
        assert registry.cluster("engine").connections("configmaps") == ["taxi-1"]
        assert registry.disconnect("engine", "configmaps", "taxi-1") is True
        assert registry.disconnect("engine", "configmaps", "taxi-1") is False

    def test_a_new_kdcluster_replaces_none(self, registry: Registry) -> None:
        registry.create_cluster(ENGINE)
        registry.connect("engine", "configmaps", "taxi-1")
        with pytest.raises(Conflict, match="There is a kdcluster 'engine' already"):
            registry.create_cluster(ENGINE)
        assert registry.cluster("engine").connections("configmaps") == ["taxi-1"]

    def test_no_connection_is_lost_between_writers(self, registry: Registry) -> None:
        registry.apply_cluster(ENGINE)
        wanted = [f"model-{number}" for number in range(20)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: registry.connect("engine", "configmaps", name), wanted))
        assert sorted(registry.cluster("engine").connections("configmaps")) == sorted(wanted)

    def test_one_of_many_writers_gets_a_version(self, registry: Registry) -> None:
        def register(content: int) -> bool:
            try:
                return registry.register(TAXI.with_extra(model_sha256=str(content)))
            except VersionTaken:
                return False

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(register, range(8))) == 1

    def test_changes_are_told(self, registry: Registry) -> None:
        stop = threading.Event()
        changes = registry.changes(stop)
        first = next(changes)
        assert first == registry.generation()
        registry.register(TAXI)
        assert next(changes) == registry.generation() != first
        stop.set()
        assert list(changes) == []

    def test_a_deleted_model_is_gone(self, registry: Registry) -> None:
        registry.register(TAXI)
        registry.delete_model("taxi", "1")
        assert registry.models() == []
        assert registry.register(TAXI) is True

    def test_a_model_without_its_label_is_told(
        self, registry: Registry, request: pytest.FixtureRequest
    ) -> None:
        other = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
        put(registry, request, {**other, "data": {"colour": "blue"}})
        registry.register(ModelConfig("taxi", "2", "models/taxi/2", "code/score.py"))
        unlabelled = TAXI.to_manifest()
        del unlabelled["metadata"]["labels"]
        put(registry, request, unlabelled)
        assert [model.key for model in registry.models()] == [("taxi", "2")]
        (told,) = registry.problems.values()
        assert "ConfigMap 'taxi-1' looks like a model but lacks the label" in told
        put(registry, request, TAXI.to_manifest())
        assert [model.version for model in registry.models()] == ["1", "2"]
        assert registry.problems == {}

    @pytest.mark.parametrize(
        "label", ["kubedirector.hpe.com/cmtype: model", "kubedirector.hpe.com/cmType: Model"]
    )
    def test_a_label_in_other_capitals_is_told(
        self, registry: Registry, request: pytest.FixtureRequest, label: str
    ) -> None:
        manifest = TAXI.to_manifest()
        manifest["metadata"]["labels"] = yaml.safe_load(label)
        put(registry, request, manifest)
        assert registry.models() == []
        (told,) = registry.problems.values()
        assert "'taxi-1' looks like a model but lacks the label" in told
        assert f"(it has {label})" in told

    def test_two_configmaps_of_one_version_are_told_apart(
        self, registry: Registry, request: pytest.FixtureRequest
    ) -> None:
        registry.register(TAXI)
        copy = replace(TAXI, path="models/other", configmap_name="a-copy").to_manifest()
        put(registry, request, copy)
        assert [m.configmap_name for m in registry.models()] == ["a-copy", "taxi-1"]
        sentence = "taxi/1 is registered by the ConfigMaps a-copy and taxi-1; delete one"
        assert registry.problems["taxi/1"].startswith(sentence)
        for call in (
            lambda: registry.model("taxi", "1"),
            lambda: registry.delete_model("taxi", "1"),
            lambda: registry.describe("taxi", "1", "which?"),
            lambda: registry.set_alias("taxi", "champion", "1"),
        ):
            with pytest.raises(Conflict, match=sentence):
                call()
        assert len(registry.models()) == 2


class TestFolder:
    """What only a folder of manifests has: files that people and kubectl read and write too."""

    def test_a_file_of_several_manifests_is_edited_in_place(self, tmp_path: Path) -> None:
        registry = FolderRegistry(tmp_path)
        both = tmp_path / "all.yaml"
        both.write_text(yaml.safe_dump_all([ENGINE.manifest, TAXI.to_manifest()]))
        registry.connect("engine", "configmaps", "taxi-1")
        documents = list(yaml.safe_load_all(both.read_text()))
        assert documents[0]["spec"]["connections"] == {"configmaps": ["taxi-1"]}
        assert documents[1] == TAXI.to_manifest()
        registry.delete_model("taxi", "1")
        assert len(list(yaml.safe_load_all(both.read_text()))) == 1

    def test_what_we_write_is_one_private_manifest_a_file(self, tmp_path: Path) -> None:
        FolderRegistry(tmp_path).register(TAXI)
        path = tmp_path / "configmap-taxi-1.yaml"
        assert yaml.safe_load(path.read_text()) == TAXI.to_manifest()
        assert path.stat().st_mode & 0o077 == 0

    def test_a_broken_file_does_not_hide_the_others(self, tmp_path: Path) -> None:
        registry = FolderRegistry(tmp_path)
        registry.register(TAXI)
        (tmp_path / "broken.yaml").write_text("a: [1\n")
        (tmp_path / "list.yaml").write_text("- just\n- a list\n")
        assert [m.key for m in registry.models()] == [("taxi", "1")]
        assert set(registry.problems) == {"broken.yaml", "list.yaml"}

    def test_the_surroundings_say_where(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KD_HOME", str(tmp_path))
        monkeypatch.setenv("KUBECONFIG", os.devnull)
        monkeypatch.delenv("KD_REGISTRY", raising=False)
        open_registry().register(TAXI)
        assert (tmp_path / "manifests" / "configmap-taxi-1.yaml").exists()

    def test_an_alias_moves_from_version_to_version(self, registry: Registry) -> None:
        for version in ("1", "2"):
            registry.register(replace(TAXI, version=version, configmap_name=f"taxi-{version}"))
        before = registry.generation()
        assert registry.set_alias("taxi", "champion", "1") is None
        assert registry.generation() != before
        assert registry.set_alias("taxi", "champion", "2") == "1"
        assert registry.aliases_of("taxi").versions == {"champion": "2"}
        assert registry.resolve("taxi", "champion").version == "2"
        assert [m.version for m in registry.models()] == ["1", "2"]
        with pytest.raises(Conflict, match="taxi/2 has the alias champion; move it"):
            registry.delete_model("taxi", "2")
        assert registry.delete_alias("taxi", "champion") is True
        assert registry.delete_alias("taxi", "champion") is False
        registry.delete_model("taxi", "2")

    def test_a_description_may_change_and_nothing_else_does(self, registry: Registry) -> None:
        registry.register(TAXI)
        before = registry.generation()
        registry.describe("taxi", "1", "trained in January: ü")
        assert registry.generation() != before
        assert registry.model("taxi", "1") == replace(
            TAXI, description="trained in January: ü", labels=registry.model("taxi", "1").labels
        )
        with pytest.raises(ModelNotFound):
            registry.describe("taxi", "2", "x")
        with pytest.raises(InvalidModel, match="65,536 are the limit"):
            registry.describe("taxi", "1", "x" * 70_000)

    def test_what_cannot_be_an_alias_is_told(self, registry: Registry) -> None:
        registry.register(TAXI)
        registry.register(replace(TAXI, version="best", configmap_name="taxi-best"))
        with pytest.raises(ModelNotFound, match="versions of taxi: best, 1"):
            registry.set_alias("taxi", "champion", "7")
        with pytest.raises(InvalidModel, match="taxi/best is a registered version"):
            registry.set_alias("taxi", "best", "1")
        for alias in ("2", "", "name", "a b", "x" * 64, "-a", "a-"):
            with pytest.raises(InvalidModel, match="cannot be an alias"):
                registry.set_alias("taxi", alias, "1")
        assert registry.aliases() == {}

    def test_a_model_that_holds_the_aliases_name_is_told(self, registry: Registry) -> None:
        registry.register(TAXI)
        registry.register(ModelConfig("taxi", "aliases", "p", "s"))
        with pytest.raises(InvalidModel, match="'taxi-aliases' that is not a model exists already"):
            registry.set_alias("taxi", "champion", "1")

    def test_aliases_set_at_once_are_all_there(self, registry: Registry) -> None:
        registry.register(TAXI)
        names = [f"alias{n}" for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: registry.set_alias("taxi", name, "1"), names))
        assert sorted(registry.aliases_of("taxi").versions) == names
