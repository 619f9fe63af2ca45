"""%register, %describe and %unregister: a model version as a ConfigMap, with its lineage."""

import json
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime

from kd_magics.fingerprints import fingerprint
from kd_magics.models import deployed_on
from kd_magics.options import Options, json_option, model_version
from kd_magics.session import Session, user_name
from kd_magics.training_client import ended_well
from kd_pipeline.errors import Conflict, KdError, PathNotFound
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry import open_registry


def parser() -> Options:
    """Return the parser of %register."""
    options = Options("%register")
    options.add_argument("model", metavar="NAME")
    options.add_argument("--version", required=True)
    options.add_argument("--path", required=True)
    options.add_argument("--scoring", required=True, metavar="SCRIPT")
    options.add_argument("--description", default="")
    options.add_argument("--metrics", metavar="JSON")
    options.add_argument("--example", metavar="JSON")
    return options


def register(session: Session, line: str) -> None:
    """Register the model version that a line describes; the same again changes nothing."""
    options = parser().read(line, session.shell.user_ns)
    model = _described(session, options, ProjectRepository.default())
    registry = open_registry()
    model = _with_circumstances(model, session)
    if registry.register(model):
        print(f"Registered {model.name}/{model.version} as ConfigMap {model.configmap_name}.")
    else:
        print(
            f"{model.name}/{model.version} is registered already as ConfigMap "
            f"{model.configmap_name}, with the same content: nothing to do."
        )


def _described(session: Session, options: Namespace, repository: ProjectRepository) -> ModelConfig:
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
    sha256, size = fingerprint(path)
    model = replace(
        model, path=repository.uri(path), scoring_path=repository.uri(script)
    ).with_extra(model_sha256=sha256, scoring_sha256=fingerprint(script)[0], size_bytes=str(size))
    for key in ("metrics", "example"):
        if (text := getattr(options, key)) is not None:
            value = json_option(text, session.shell.user_ns, f"%register: --{key}")
            model = model.with_extra(**{key: json.dumps(value, sort_keys=True)})
    return model.validate()


def _with_circumstances(model: ModelConfig, session: Session) -> ModelConfig:
    """Add who, when and which job, which do not count when the same model is registered again."""
    return model.with_extra(
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        author=user_name(),
        **_last_job(session),
    )


def _last_job(session: Session) -> dict[str, str]:
    """Return id and code hash of this notebook's last job if it finished well."""
    if session.job is None:
        return {}
    try:
        job = session.job.message
    except KdError:
        return {}  # the lineage is an extra: a stopped engine keeps nobody from registering
    if not ended_well(job):
        return {}
    return {"job_id": str(job.id)} | ({"code_sha256": job.code_sha256} if job.code_sha256 else {})


def describe(session: Session, line: str) -> None:
    """Change the description of a registered version."""
    options = Options("%describe")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument("text", metavar="TEXT")
    given = options.read(line, session.shell.user_ns)
    name, version = given.model
    open_registry().describe(name, version, given.text)
    print(f"{name}/{version}: {given.text}")


def unregister(session: Session, line: str) -> None:
    """Delete a version's ConfigMap; raises Conflict where it is deployed or has an alias."""
    options = Options("%unregister")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    name, version = options.read(line, session.shell.user_ns).model
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
