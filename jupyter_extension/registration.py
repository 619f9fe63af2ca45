"""Register a model from the sidebar's form: what it begins with, what is wrong, and writing it."""

import json
from dataclasses import dataclass
from typing import Any

from jupyter_extension import models
from jupyter_extension.pipeline import Pipeline
from kd_client.models.candidates import candidates
from kd_client.models.registration import NewVersion, look_over, with_circumstances
from kd_client.models.source import Source
from kd_pipeline import manifest_text
from kd_pipeline.errors import InvalidInput, KdError, VersionTaken
from kd_pipeline.messages.sidebar_models import (
    Model,
    Registration,
    RegistrationCheck,
    RegistrationDraft,
    RegistrationProblem,
)
from kd_pipeline.model_config import LARGEST_MODEL_BYTES, ModelConfig
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry.base import check_same, free_version


@dataclass(frozen=True)
class _Looked:
    model: ModelConfig
    problems: dict[str, KdError]


def check(pipeline: Pipeline, wanted: Registration) -> RegistrationCheck:
    """Return what is wrong with each field, and the ConfigMap as it would be written."""
    looked = _looked(pipeline, wanted)
    problems = [RegistrationProblem(field, str(error)) for field, error in looked.problems.items()]
    return RegistrationCheck(
        problems=problems,
        configmap=looked.model.configmap_name,
        yaml=manifest_text.write_all([looked.model.to_manifest()]),
        size_bytes=looked.model.size_bytes(),
        limit_bytes=LARGEST_MODEL_BYTES,
        free_version=free_version(wanted.name, pipeline.kept.snapshot().models),
    )


def register(pipeline: Pipeline, wanted: Registration) -> tuple[Model, bool]:
    """Register a version; return it, and False where the same was registered already.

    Raises what is wrong, as the first problem of :func:`check` tells it.
    """
    looked = _looked(pipeline, wanted)
    for field, problem in looked.problems.items():
        problem.field = field or None
        raise problem
    with pipeline.kept.used() as registry:
        is_new = registry.register(looked.model)
    return models.model(pipeline, wanted.name, wanted.version), is_new


def draft(pipeline: Pipeline, job: str, name: str) -> RegistrationDraft:
    """Return what the form begins with: of a job, or with nothing but a name and its version."""
    registered = pipeline.kept.snapshot().models
    if not job:
        version = free_version(name, registered) if name else ""
        return RegistrationDraft(Registration(name, version, "", ""), [], [])
    source = pipeline.attached.job(job)
    found = candidates(source, name, registered)
    registration = Registration(
        name=found.name,
        version=found.version,
        path=found.paths[0] if found.paths else "",
        scoring_path=found.scripts[0] if found.scripts else "",
        metrics=json.dumps(found.metrics, sort_keys=True) if found.metrics else "",
        example=found.example,
        job=f"{source.cluster}/{source.id}",
    )
    return RegistrationDraft(registration, found.paths, found.scripts, found.note)


def _looked(pipeline: Pipeline, wanted: Registration) -> _Looked:
    """Look over all fields of a registration, each on its own."""
    problems: dict[str, KdError] = {}
    values: dict[str, Any] = {}
    for field in ("metrics", "example"):
        try:
            if text := getattr(wanted, field).strip():
                values[field] = _json(field, text)
        except InvalidInput as error:
            problems[field] = error
    lineage: dict[str, str] = {}
    if wanted.job:
        try:
            job = pipeline.attached.job(wanted.job)
            lineage = Source(job).lineage()
        except KdError as error:
            problems["job"] = error
    new = NewVersion(
        wanted.name,
        wanted.version,
        wanted.path.strip(),
        wanted.scoring_path.strip(),
        wanted.description,
        values,
    )
    looked = look_over(new, ProjectRepository.default(), pipeline.sums.of)
    model = with_circumstances(looked.model, lineage)
    problems = {**looked.problems, **problems}
    taken = _taken(looked.model, pipeline.kept.snapshot().models)
    if taken and not {"name", "version"} & {*problems}:
        problems["version"] = taken
    if not problems:
        try:
            model.validate()
        except KdError as error:
            problems[""] = error
    return _Looked(model, problems)


def _taken(model: ModelConfig, registered: list[ModelConfig]) -> KdError | None:
    """Return why a version cannot be registered; None also where it is the very same."""
    for held in registered:
        if held.key == model.key or held.configmap_name == model.configmap_name:
            try:
                check_same(model, held, registered)
            except VersionTaken as error:
                return error
    return None


def _json(field: str, text: str) -> Any:
    """Return the value of a JSON text; metrics must be an object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f'{field} is not valid JSON ({error}); write it like {{"distance": 1.5}}.'
        ) from None
    if field == "metrics" and not isinstance(value, dict):
        raise InvalidInput('metrics is not a JSON object; write it like {"rmse": 5.2}.')
    return value
