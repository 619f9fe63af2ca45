"""A model version as it shall be registered: its fields looked over, its ConfigMap built."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kd_magics.models.fingerprints import fingerprint
from kd_magics.session import user_name
from kd_pipeline.errors import InvalidModel, KdError, PathNotFound
from kd_pipeline.model_config import ModelConfig, check_name, check_version
from kd_pipeline.project_repository import ProjectRepository

Fingerprint = Callable[[Path], tuple[str, int]]


@dataclass(frozen=True)
class NewVersion:
    """What somebody wants to register; ``values`` are its "metrics" and "example", if any."""

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
    script = tried("scoring_path", lambda: _script(repository, new.scoring_path))
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
    ).with_extra(**dict(sorted(sums.items())), **texts)
    if not problems:
        tried("", model.validate)
    return LookedOver(model, problems)


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
    return script
