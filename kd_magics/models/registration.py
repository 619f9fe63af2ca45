"""%register, %describe and %unregister: a model version as a ConfigMap, with its lineage."""

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kd_magics.models.deployment_states import deployed_on
from kd_magics.models.fingerprints import fingerprint
from kd_magics.models.model_source import Source
from kd_magics.options import Options, json_option, model_version
from kd_magics.session import Session, user_name
from kd_pipeline.errors import Conflict, PathNotFound
from kd_pipeline.model_config import ModelConfig, check_name
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry import open_registry
from kd_pipeline.registry.base import free_version


def parser() -> Options:
    """Return the parser of %register."""
    options = Options("%register")
    options.add_argument("model", metavar="NAME")
    options.add_argument("--version")
    options.add_argument("--path")
    options.add_argument("--scoring", metavar="SCRIPT")
    options.add_argument("--job", metavar="[CLUSTER/]JOB")
    options.add_argument("--description", default="")
    options.add_argument("--metrics", metavar="JSON")
    options.add_argument("--example", metavar="JSON")
    return options


def register(session: Session, line: str) -> None:
    """Register the model version that a line describes; the same again changes nothing."""
    options = parser().read(line, session.shell.user_ns)
    check_name(options.model)
    repository, registry = ProjectRepository.default(), open_registry()
    source = Source.of(session, options.job, wanted=bool(options.job or not options.path))
    versions = [m for m in registry.models() if m.name == options.model]
    source.fill(options, versions, repository)
    numbered = options.version is not None
    options.version = options.version or free_version(options.model, versions)
    model = _described(session, options, repository, source.metrics)
    same = None if numbered else _same_files(model, versions)
    if same is None and registry.register(_with_circumstances(model, source)):
        print(f"Registered {model.name}/{model.version} as ConfigMap {model.configmap_name}.")
        if source.wanted:
            print(source.sentence(model))
        return
    model = same or model
    print(
        f"{model.name}/{model.version} is registered already as ConfigMap "
        f"{model.configmap_name}, with the same content: nothing to do."
    )


def _described(
    session: Session,
    options: Namespace,
    repository: ProjectRepository,
    metrics: Mapping[str, float],
) -> ModelConfig:
    """Return the model as its files are now; raises InvalidModel, UnsafePath, PathNotFound."""
    model = ModelConfig(
        name=options.model,
        version=options.version,
        path=options.path,
        scoring_path=options.scoring,
        description=options.description,
    ).validate()
    path, script = repository.existing(options.path), repository.existing(options.scoring)
    if not script.is_file():
        raise PathNotFound(f"--scoring {options.scoring!r} is a folder; name the Python script.")
    values: dict[str, Any] = {"metrics": dict(metrics)} if metrics else {}
    for key in ("metrics", "example"):
        if (text := getattr(options, key)) is not None:
            given = json_option(text, session.shell.user_ns, f"%register: --{key}")
            both = isinstance(given, dict) and isinstance(values.get(key), dict)
            values[key] = {**values[key], **given} if both else given
    sha256, size = fingerprint(path)
    model = replace(
        model, path=repository.uri(path), scoring_path=repository.uri(script)
    ).with_extra(model_sha256=sha256, scoring_sha256=fingerprint(script)[0], size_bytes=str(size))
    texts = {key: json.dumps(value, sort_keys=True) for key, value in values.items()}
    return model.with_extra(**texts).validate()


def _same_files(model: ModelConfig, versions: list[ModelConfig]) -> ModelConfig | None:
    """Return the registered version that has the very same model and script, if there is one."""

    def files(one: ModelConfig) -> tuple[str | None, ...]:
        sums = (one.extra.get("model-sha256"), one.extra.get("scoring-sha256"))
        return one.path, one.scoring_path, *sums

    return next((one for one in versions if files(one) == files(model)), None)


def _with_circumstances(model: ModelConfig, source: Source) -> ModelConfig:
    """Add who, when and which job, which do not count when the same model is registered again."""
    return model.with_extra(
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        author=user_name(),
        **source.lineage(),
    ).validate()


def describe_parser() -> Options:
    """Return the parser of %describe."""
    options = Options("%describe")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument("text", metavar="TEXT")
    return options


def unregister_parser() -> Options:
    """Return the parser of %unregister."""
    options = Options("%unregister")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    return options


def describe(session: Session, line: str) -> None:
    """Change the description of a registered version."""
    given = describe_parser().read(line, session.shell.user_ns)
    name, version = given.model
    open_registry().describe(name, version, given.text)
    print(f"{name}/{version}: {given.text}")


def unregister(session: Session, line: str) -> None:
    """Delete a version's ConfigMap; raises Conflict where it is deployed or has an alias."""
    name, version = unregister_parser().read(line, session.shell.user_ns).model
    registry = open_registry()
    model = registry.model(name, version)
    clusters = deployed_on(registry, model.configmap_name)
    if clusters:
        raise Conflict(
            f"{name}/{version} is deployed on {', '.join(clusters)}; take it off first: "
            f"%undeploy {name}/{version} --from {clusters[0]}"
        )
    registry.delete_model(name, version)
    print(f"{name}/{version} is not registered any more; its files are still at {model.path}.")
