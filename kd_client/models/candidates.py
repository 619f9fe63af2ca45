"""What a registration would take from a job: its paths, script, metrics, and the next version."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from kd_client.jobs.job import Job
from kd_client.models.artifacts import Artifacts, artifacts_of
from kd_client.models.input_example import example_beside
from kd_client.models.source import printed_metrics
from kd_client.training_client import ended_well
from kd_pipeline.errors import KdError
from kd_pipeline.model_config import ModelConfig, check_name
from kd_pipeline.project_repository import SCHEME, ProjectRepository
from kd_pipeline.registry.base import free_version, natural


@dataclass(frozen=True)
class Candidates:
    """What a job wrote, the likeliest first, and what else its registration would have.

    ``example`` (JSON) is the job's own, else that of the newest version. ``note`` says why there
    is nothing to take.
    """

    name: str
    version: str
    paths: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    example: str = ""
    note: str = ""


def candidates(job: Job, name: str, registered: Sequence[ModelConfig]) -> Candidates:
    """Return what a registration of ``name`` would take from a job.

    Without a name it is the one that the job's path gives the model. Raises EngineDown.
    """
    found, note = _written(job)
    paths = found.likeliest(found.models, name) if found else []
    name = name or _name_in(paths)
    versions = [model for model in registered if model.name == name]
    newest = max(versions, key=lambda model: natural(model.version), default=None)
    return Candidates(
        name=name,
        version=free_version(name, versions) if name else "",
        paths=paths,
        scripts=_scripts(found, name, newest),
        metrics=printed_metrics(job.last),
        example=_example(paths, newest),
        note=note,
    )


def _written(job: Job) -> tuple[Artifacts | None, str]:
    """Return what a job wrote, and a sentence where there is nothing to take from it."""
    who = f"Job {job.id} on {job.cluster}"
    if not ended_well(job.last):
        return None, (
            f"{who} is {job.last.status}; only what a finished job wrote is taken from it."
        )
    try:
        found = artifacts_of(job.last, job.log(), ProjectRepository.default())
    except KdError as error:
        return None, str(error)
    return found, "" if found.models else f"{who} wrote no file under models/."


def _scripts(found: Artifacts | None, name: str, newest: ModelConfig | None) -> list[str]:
    """Return the newest version's script, then those that the job wrote."""
    written = found.likeliest(found.scripts, name) if found else []
    if newest is None:
        return written
    first = newest.scoring_path.removeprefix(f"{SCHEME}project_repo/")
    return list(dict.fromkeys([first, *written])) if first else []  # it needed none before


def _example(paths: list[str], newest: ModelConfig | None) -> str:
    written = example_beside(paths[0], ProjectRepository.default()) if paths else None
    if written is not None:
        return json.dumps(written, ensure_ascii=False)
    return newest.extra.get("example", "") if newest else ""


def _name_in(paths: list[str]) -> str:
    """Return the name that the likeliest path gives a model: of models/taxi/2 it is taxi."""
    parts = paths[0].split("/") if paths else []
    candidate = parts[1].partition(".")[0] if len(parts) > 1 else ""
    try:
        return check_name(candidate)
    except KdError:
        return ""
