"""%register, %describe and %unregister: a model version as a ConfigMap, with its lineage."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from kd_magics.models.deployment_states import deployed_on
from kd_magics.models.model_source import Source
from kd_magics.models.new_version import NewVersion, look_over, same_files, with_circumstances
from kd_magics.options import Options, json_option, model_version
from kd_magics.session import Session
from kd_pipeline.errors import Conflict
from kd_pipeline.model_config import ModelConfig, check_name
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry import Registry, open_registry
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
    same = None if numbered else same_files(model, versions)
    if same is None and registry.register(with_circumstances(model, source.lineage())):
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
    values: dict[str, Any] = {"metrics": dict(metrics)} if metrics else {}
    for key in ("metrics", "example"):
        if (text := getattr(options, key)) is not None:
            given = json_option(text, session.shell.user_ns, f"%register: --{key}")
            both = isinstance(given, dict) and isinstance(values.get(key), dict)
            values[key] = {**values[key], **given} if both else given
    new = NewVersion(
        name=options.model,
        version=options.version,
        path=options.path,
        scoring_path=options.scoring,
        description=options.description,
        values=values,
    )
    return look_over(new, repository).whole()


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
    model = delete_version(open_registry(), name, version)
    print(f"{name}/{version} is not registered any more; its files are still at {model.path}.")


def delete_version(registry: Registry, name: str, version: str) -> ModelConfig:
    """Delete a version's ConfigMap; return what it was.

    Raises ModelNotFound, and Conflict where it is deployed or has an alias.
    """
    model = registry.model(name, version)
    clusters = deployed_on(registry, model.configmap_name)
    if clusters:
        raise Conflict(
            f"{name}/{version} is deployed on {', '.join(clusters)}; take it off first: "
            f"%undeploy {name}/{version} --from {clusters[0]}"
        )
    registry.delete_model(name, version)
    return model
