"""Registered models as the sidebar gets them, on each kind of registry."""

import pytest
import yaml

from jupyter_extension import models
from jupyter_extension.pipeline import Pipeline
from kd_pipeline.errors import Conflict, InvalidModel, ModelNotFound, NotFound
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import FolderRegistry
from tests.jupyter_extension.surroundings import DEPLOYMENT, kdcluster, register


class TestModels:
    def test_an_empty_registry_has_its_place(self, pipeline: Pipeline) -> None:
        found = models.model_registry(pipeline)
        assert (found.models, found.problems) == ([], [])
        assert found.place == pipeline.registry().place

    def test_they_are_by_name_the_newest_first(self, pipeline: Pipeline) -> None:
        register(pipeline.registry(), "9", "10", "1")
        register(pipeline.registry(), "1", name="bus")
        found = models.model_registry(pipeline).models
        expected = [("bus", "1"), ("taxi", "10"), ("taxi", "9"), ("taxi", "1")]
        assert [(model.name, model.version) for model in found] == expected

    def test_the_generation_changes_with_the_registry(self, pipeline: Pipeline) -> None:
        first = models.model_registry(pipeline).generation
        assert models.model_registry(pipeline).generation == first
        register(pipeline.registry(), "1")
        assert models.model_registry(pipeline).generation != first

    def test_flags_tell_what_is_not_deployed(self, pipeline: Pipeline) -> None:
        registry = pipeline.registry()
        register(registry, "1", "2", "3")
        registry.apply_cluster(kdcluster(DEPLOYMENT))
        flags = {m.version: m.flags for m in models.model_registry(pipeline).models}
        assert flags["3"][:2] == flags["1"][:2] == ["NotDeployed", "FilesMissing"]
        registry.connect(DEPLOYMENT, "configmaps", "taxi-2")
        found = {m.version: m for m in models.model_registry(pipeline).models}
        assert found["2"].deployed_on == [DEPLOYMENT]
        assert "NotDeployed" not in found["2"].flags
        assert found["3"].flags[:2] == ["NotDeployed", "NewerThanDeployed"]
        assert "NewerThanDeployed" not in found["1"].flags

    def test_lineage_metrics_and_further_keys_are_told(self, pipeline: Pipeline) -> None:
        extra = {
            "metrics": '{"rmse": 5.5}',
            "size-bytes": "700",
            "job-cluster": "train",
            "job-id": "9",
            "git-commit": "abc",
            "git-dirty": "yes",
            "params": '{"lr": 0.1}',
            "data": "s3://trips/2026",
            "author": "ada",
            "created": "2026-01-01T00:00:00Z",
            "colour": "blue",
        }
        register(pipeline.registry(), "1", **extra)
        found = models.model(pipeline, "taxi", "1")
        assert (found.metrics, found.size_bytes, found.extra) == ({"rmse": 5.5}, 700, extra)
        lineage = found.lineage
        assert (lineage.job_cluster, lineage.job_id, lineage.git_commit) == ("train", 9, "abc")
        assert (lineage.git_dirty, lineage.params) == (True, {"lr": 0.1})
        assert (lineage.data, lineage.author, lineage.cell_changed) == (
            *("s3://trips/2026", "ada"),
            None,
        )

    def test_what_other_tools_wrote_is_told_as_far_as_it_goes(self, pipeline: Pipeline) -> None:
        odd = {"metrics": "good", "size-bytes": "much", "job-id": "9" * 400, "params": "[" * 9000}
        register(pipeline.registry(), "1", **odd)
        found = models.model(pipeline, "taxi", "1")
        assert (found.metrics, found.size_bytes, found.lineage.job_id) == ({}, None, None)
        assert found.lineage.params == {}
        assert found.extra["metrics"] == "good"

    def test_an_alias_moves_and_goes(self, pipeline: Pipeline) -> None:
        registry = pipeline.registry()
        register(registry, "1", "2")
        registry.apply_cluster(kdcluster(DEPLOYMENT).connect("configmaps", "taxi-1"))
        assert models.set_alias(pipeline, "taxi", "champion", "1").aliases == ["champion"]
        assert "taxi-aliases" in registry.cluster(DEPLOYMENT).connections("configmaps")
        assert models.set_alias(pipeline, "taxi", "champion", "2").aliases == ["champion"]
        assert models.model(pipeline, "taxi", "1").aliases == []
        assert models.model(pipeline, "taxi", "champion").version == "2"
        models.delete_alias(pipeline, "taxi", "champion")
        assert models.model(pipeline, "taxi", "2").aliases == []
        with pytest.raises(NotFound, match="no alias 'champion'"):
            models.delete_alias(pipeline, "taxi", "champion")
        with pytest.raises(InvalidModel, match="cannot be an alias"):
            models.set_alias(pipeline, "taxi", "2nd", "2")
        with pytest.raises(ModelNotFound):
            models.set_alias(pipeline, "taxi", "champion", "3")

    def test_a_description_changes(self, pipeline: Pipeline) -> None:
        register(pipeline.registry(), "1")
        assert models.describe(pipeline, "taxi", "1", "größer: besser").description
        assert pipeline.registry().model("taxi", "1").description == "größer: besser"

    def test_what_is_in_use_is_not_deleted(self, pipeline: Pipeline) -> None:
        registry = pipeline.registry()
        register(registry, "1")
        registry.apply_cluster(kdcluster(DEPLOYMENT).connect("configmaps", "taxi-1"))
        with pytest.raises(Conflict, match=f"deployed on {DEPLOYMENT}"):
            models.delete(pipeline, "taxi", "1")
        registry.disconnect(DEPLOYMENT, "configmaps", "taxi-1")
        registry.set_alias("taxi", "champion", "1")
        with pytest.raises(Conflict, match="has the alias champion"):
            models.delete(pipeline, "taxi", "1")
        registry.delete_alias("taxi", "champion")
        models.delete(pipeline, "taxi", "1")
        assert models.model_registry(pipeline).models == []
        with pytest.raises(ModelNotFound):
            models.delete(pipeline, "taxi", "1")

    def test_the_yaml_is_the_configmap(self, pipeline: Pipeline) -> None:
        register(pipeline.registry(), "1", example='{"Straße": 1}')
        text = models.as_yaml(pipeline, "taxi", "1").yaml
        assert yaml.safe_load(text) == pipeline.registry().model("taxi", "1").to_manifest()
        assert "Straße" in text

    def test_a_diff_has_what_differs_and_what_does_not(self, pipeline: Pipeline) -> None:
        register(pipeline.registry(), "1", metrics='{"rmse": 5}', author="ada")
        register(pipeline.registry(), "2", metrics='{"rmse": 4}')
        found = models.diff(pipeline, ("taxi", "1"), ("taxi", "2"))
        rows = {row.key: (row.one, row.other) for row in found.rows}
        assert rows["metrics"] == ('{"rmse": 5}', '{"rmse": 4}')
        assert rows["author"] == ("ada", None)
        assert set(found.same) == {"name", "description", "scoring-path"}
        with pytest.raises(ModelNotFound, match="registered are: 1, 2"):
            models.diff(pipeline, ("taxi", "1"), ("taxi", "3"))

    def test_a_configmap_that_is_no_whole_model_is_told(self, pipeline: Pipeline) -> None:
        model = ModelConfig("taxi", "1", "p", "s").to_manifest()
        del model["data"]["path"]
        registry = pipeline.registry()
        if isinstance(registry, FolderRegistry):
            registry.apply([model])
        else:
            registry.objects.call("create", "ConfigMap", body=model)
        (problem,) = models.model_registry(pipeline).problems
        assert "lacks path" in problem
        if isinstance(registry, FolderRegistry):
            (registry.path / "configmap-taxi-1.yaml").unlink()
        else:
            registry.objects.call("delete", "ConfigMap", name="taxi-1")
        assert models.model_registry(pipeline).problems == []
