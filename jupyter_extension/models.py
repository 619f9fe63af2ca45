"""The registered models as the sidebar shows them: their lineage, flags, differences, aliases."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jupyter_extension.kept_registry import Snapshot
from jupyter_extension.model_checks import Verdict
from jupyter_extension.pipeline import Pipeline
from kd_client.models import aliases, registration
from kd_client.models.deployment_states import deployed_places, newer_than_deployed
from kd_pipeline import manifest_text
from kd_pipeline.messages.sidebar_models import (
    DiffRow,
    Lineage,
    Model,
    ModelDiff,
    ModelFlag,
    ModelRegistry,
    ModelYaml,
)
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry.base import natural


def model_registry(pipeline: Pipeline, known: str = "") -> ModelRegistry | None:
    """Return every registered version, by name and the newest first.

    None is that nothing has changed since the answer whose ``tag`` is ``known``; of a large
    registry that is known to a second.
    """
    found = pipeline.kept.glance() if known else pipeline.kept.snapshot()
    verdicts = pipeline.checks.of(found.models)
    tag = f"{pipeline.checks.generation} {found.read} {found.generation}"
    if known == tag:
        return None
    return ModelRegistry(
        tag=tag,
        models=_told(found, sorted_newest_first(found.models), verdicts),
        place=found.place,
        generation=found.generation,
        problems=found.problems,
    )


def model(pipeline: Pipeline, name: str, version: str) -> Model:
    """Return one version, by its number or an alias; raises ModelNotFound."""
    found = pipeline.kept.snapshot()
    models = [found.resolve(name, version)]
    return _told(found, models, pipeline.checks.of(models))[0]


def as_yaml(pipeline: Pipeline, name: str, version: str) -> ModelYaml:
    """Return a version's ConfigMap as ``kubectl apply`` takes it; raises ModelNotFound."""
    found = pipeline.kept.snapshot().resolve(name, version)
    return ModelYaml(manifest_text.write_all([found.to_manifest()]))


def diff(pipeline: Pipeline, one: tuple[str, str], other: tuple[str, str]) -> ModelDiff:
    """Return in which keys two versions' ConfigMaps differ; raises ModelNotFound."""
    found = pipeline.kept.snapshot()
    first, second = (found.resolve(*key).data() for key in (one, other))
    keys = list(dict.fromkeys([*first, *second]))
    rows = [
        DiffRow(key, first.get(key), second.get(key))
        for key in keys
        if first.get(key) != second.get(key)
    ]
    return ModelDiff(rows, [key for key in keys if first.get(key) == second.get(key)])


def describe(pipeline: Pipeline, name: str, version: str, description: str) -> Model:
    """Change a version's description; raises ModelNotFound."""
    with pipeline.kept.used() as registry:
        registry.describe(name, version, description)
    return model(pipeline, name, version)


def delete(pipeline: Pipeline, name: str, version: str) -> None:
    """Delete a version's ConfigMap; raises ModelNotFound, Conflict where it is in use."""
    with pipeline.kept.used() as registry:
        registration.delete_version(registry, name, version)


def set_alias(pipeline: Pipeline, name: str, alias: str, version: str) -> Model:
    """Move an alias to a version; raises ModelNotFound, InvalidModel."""
    with pipeline.kept.used() as registry:
        aliases.move_alias(registry, name, version, alias)
    return model(pipeline, name, version)


def delete_alias(pipeline: Pipeline, name: str, alias: str) -> None:
    """Delete an alias; raises NotFound."""
    with pipeline.kept.used() as registry:
        aliases.delete_alias(registry, name, alias)


def sorted_newest_first(models: Iterable[ModelConfig]) -> list[ModelConfig]:
    """Return models by name, of each the newest version first."""
    newest_first = sorted(models, key=lambda model: natural(model.version), reverse=True)
    return sorted(newest_first, key=lambda model: model.name)


def _told(
    found: Snapshot, models: Sequence[ModelConfig], verdicts: Mapping[str, Verdict]
) -> list[Model]:
    places = deployed_places(found.clusters)
    newer = newer_than_deployed(found.models, places)
    aliased = found.alias_words()
    return [
        _message(
            model,
            places.get(model.configmap_name, []),
            aliased.get(model.key, []),
            model.key in newer,
            verdicts[model.configmap_name],
        )
        for model in models
    ]


def _message(
    model: ModelConfig, places: list[str], aliased: list[str], is_newer: bool, verdict: Verdict
) -> Model:
    flags: list[ModelFlag] = []
    if not places:
        flags.append("NotDeployed")
    if is_newer:
        flags.append("NewerThanDeployed")
    if verdict.missing:
        flags.append("FilesMissing")
    elif verdict.changed:
        flags.append("FilesChanged")
    return Model(
        name=model.name,
        version=model.version,
        configmap=model.configmap_name,
        description=model.description,
        path=model.path,
        scoring_path=model.scoring_path,
        size_bytes=_number(model.extra.get("size-bytes")),
        metrics=_object(model.extra.get("metrics")),
        lineage=_lineage(model, verdict.cell_changed),
        aliases=aliased,
        deployed_on=places,
        flags=flags,
        extra=dict(model.extra),
    )


def _lineage(model: ModelConfig, cell_changed: bool | None) -> Lineage:
    extra = model.extra
    dirty = {"yes": True, "no": False}.get(extra.get("git-dirty", ""))
    keys = ("job-cluster", "code-sha256", "notebook", "cell-id", "file", "git-commit")
    texts = {key.replace("-", "_"): extra.get(key, "") for key in (*keys, "data", "author")}
    return Lineage(
        **texts,
        job_id=_number(extra.get("job-id")),
        git_dirty=dirty,
        created=extra.get("created", ""),
        params=_object(extra.get("params")),
        cell_changed=cell_changed,
    )


def _number(text: str | None) -> int | None:
    """Return a whole number of JavaScript's range; other tools may have written anything."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 else None


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
