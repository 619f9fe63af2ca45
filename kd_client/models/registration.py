"""A model version as it shall be registered: its fields looked over, its ConfigMap built."""

import ast
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kd_client.attached import user_name
from kd_client.jobs.job import Job
from kd_client.models.deployment_states import deployed_on
from kd_client.models.input_example import example_beside
from kd_client.models.source import Source
from kd_pipeline.errors import Conflict, InvalidModel, KdError, PathNotFound
from kd_pipeline.fingerprints import fingerprint
from kd_pipeline.hints import Hint
from kd_pipeline.model_config import ModelConfig, check_name, check_version
from kd_pipeline.model_formats import known
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry import Registry, open_registry
from kd_pipeline.registry.base import check_same, free_version

Fingerprint = Callable[[Path], tuple[str, int]]


@dataclass(frozen=True)
class NewVersion:
    """What somebody wants to register; ``values`` are its "metrics" and "example", if any.

    A model of a known format needs no scoring script: its ``scoring_path`` may be empty.
    """

    name: str
    version: str
    path: str
    scoring_path: str
    description: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LookedOver:
    """A new version's ConfigMap, and what is wrong by the field it is wrong in ("" is all of it).

    The ConfigMap is as it would be, as far as it can be built.
    """

    model: ModelConfig
    problems: dict[str, KdError]

    def whole(self) -> ModelConfig:
        """Return the model; raises the first problem where there is one."""
        for problem in self.problems.values():
            raise problem
        return self.model


def look_over(
    new: NewVersion, repository: ProjectRepository, summed: Fingerprint = fingerprint
) -> LookedOver:
    """Check every field of a version and sum up its files; nothing is written."""
    problems: dict[str, KdError] = {}

    def tried(name: str, check: Callable[[], Any]) -> Any:
        try:
            return check()
        except KdError as error:
            problems[name] = error
            return None

    tried("name", lambda: check_name(new.name))
    tried("version", lambda: check_version(new.version))
    path = tried("path", lambda: _existing(repository, "path", new.path))
    script = None
    further: dict[str, str] = {}
    if new.scoring_path.strip():
        script = tried("scoring_path", lambda: _script(repository, new.scoring_path))
    elif path:
        found = tried("scoring_path", lambda: known(path))
        further = {"format": found.format} if found else {}
    texts = {key: json.dumps(value, sort_keys=True) for key, value in new.values.items()}
    sums: dict[str, str] = {}
    if path:
        sha256, size = summed(path)
        sums |= {"model_sha256": sha256, "size_bytes": str(size)}
    if script:
        sums["scoring_sha256"] = summed(script)[0]
    model = ModelConfig(
        new.name,
        new.version,
        repository.uri(path) if path else new.path,
        repository.uri(script) if script else new.scoring_path,
        new.description,
    ).with_extra(**dict(sorted(sums.items())), **further, **texts)
    if not problems:
        tried("", model.validate)
    return LookedOver(model, problems)


@dataclass(frozen=True)
class Registered:
    """A registered version; ``is_new`` is False where the very same was registered already.

    ``source`` is the job that it was taken from, or comes from.
    """

    model: ModelConfig
    is_new: bool
    source: Source

    @property
    def manifest(self) -> dict[str, Any]:
        """Return the ConfigMap."""
        return self.model.to_manifest()


def register(
    name: str,
    *,
    version: str | None = None,
    path: str | None = None,
    scoring_path: str | None = None,
    description: str = "",
    metrics: Any = None,
    example: Any = None,
    job: Job | None = None,
    from_job: bool = False,
    dry_run: bool = False,
) -> Registered:
    """Register a model version; the same again changes nothing.

    Without a ``version`` it is the next free one. Without a ``path``, or where it shall come
    ``from_job``, path, script and metrics are what ``job`` wrote and printed; the script is else
    that of the newest version. An ``example`` that is not given is the ``input_example.json`` in
    the model's folder. An empty ``scoring_path`` is no script: the model's format is known. With
    ``dry_run`` all is checked and nothing is written. Raises InvalidModel, UnsafePath,
    PathNotFound, BadOptions, VersionTaken.
    """
    check_name(name)
    repository, registry = ProjectRepository.default(), open_registry()
    source = Source.of(job, wanted=from_job or not path)
    versions = [model for model in registry.models() if model.name == name]
    path, scoring = source.places(name, (path, scoring_path), versions, repository)
    values: dict[str, Any] = {"metrics": dict(source.metrics)} if source.metrics else {}
    if metrics is not None:
        both = isinstance(metrics, dict) and "metrics" in values
        values["metrics"] = {**values["metrics"], **metrics} if both else metrics
    if example is None:
        example = example_beside(path, repository)
    if example is not None:
        values["example"] = example
    number = version or free_version(name, versions)
    new = NewVersion(name, number, path, scoring, description, values)
    model = look_over(new, repository).whole()
    same = None if version else same_files(model, versions)
    if same:
        return Registered(same, False, source)
    whole = with_circumstances(model, source.lineage())
    if not dry_run:
        return Registered(whole, registry.register(whole), source)
    held = next((one for one in registry.models() if one.key == whole.key), None)
    if held:
        check_same(whole, held, versions)
    return Registered(whole, held is None, source)


def with_circumstances(model: ModelConfig, lineage: Mapping[str, str]) -> ModelConfig:
    """Add who, when and which job, which do not count when the same model is registered again."""
    return model.with_extra(
        created=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        author=user_name(),
        **lineage,
    )


def same_files(model: ModelConfig, versions: list[ModelConfig]) -> ModelConfig | None:
    """Return the registered version that has the very same model and script, if there is one."""

    def files(one: ModelConfig) -> tuple[str | None, ...]:
        sums = (one.extra.get("model-sha256"), one.extra.get("scoring-sha256"))
        return one.path, one.scoring_path, *sums

    return next((one for one in versions if files(one) == files(model)), None)


def _existing(repository: ProjectRepository, key: str, path: str) -> Path:
    if not path.strip():
        raise InvalidModel(f"{key} is empty; name a place of the project repository.")
    return repository.existing(path)


def _script(repository: ProjectRepository, path: str) -> Path:
    script = _existing(repository, "scoring-path", path)
    if not script.is_file():
        raise PathNotFound(f"The script {path!r} is a folder; name the Python script.")
    if script.suffix == ".py":
        _check_python(script, path)
    return script


def _check_python(script: Path, path: str) -> None:
    """Raise InvalidModel for what no engine could load: found now, and not when it is deployed."""
    try:
        source = script.read_bytes()
    except OSError as error:
        raise PathNotFound(
            f"The script {path!r} cannot be read: {error.strerror or error}."
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except SyntaxError as error:
        where = f"line {error.lineno}: {error.msg}" if error.lineno else error.msg
        raise InvalidModel(f"The script {path!r} is not valid Python ({where}).") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise InvalidModel(f"The script {path!r} is not valid Python ({error}).") from None


def delete_version(registry: Registry, name: str, version: str) -> ModelConfig:
    """Delete a version's ConfigMap; return what it was.

    Raises ModelNotFound, and Conflict where it is deployed or has an alias.
    """
    model = registry.model(name, version)
    clusters = deployed_on(registry, model.configmap_name)
    if clusters:
        raise Conflict(
            f"{name}/{version} is deployed on {', '.join(clusters)}; take it off first.",
            hint=Hint("undeploy", (f"{name}/{version}", "--from", clusters[0]), "takes it off"),
        )
    registry.delete_model(name, version)
    return model
