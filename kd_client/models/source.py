"""What a registration takes from a job: path, scoring script, metrics, and the lineage."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from kd_client.errors import BadOptions
from kd_client.jobs.job import Job
from kd_client.models.artifacts import Artifacts, artifacts_of
from kd_client.training_client import ended_well
from kd_pipeline.errors import KdError
from kd_pipeline.hints import Hint
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.model_formats import known
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry.base import natural

# Parts of a job's origin that are a model's lineage, where the job has them.
ORIGIN_KEYS = ("notebook", "cell_id", "file", "git_commit", "git_dirty")
LONGEST_PARAMS = 8 * 1024


@dataclass
class Source:
    """The job that a model comes from, where there is one; ``wanted`` says that it was asked for.

    ``metrics`` are the last that the job printed.
    """

    job: Job | None = None
    wanted: bool = False
    metrics: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job | None, wanted: bool) -> "Source":
        """Return a job as the source of a model.

        Raises BadOptions where it is ``wanted`` and there is none, or it did not finish well.
        """
        if not wanted:
            return cls(job if job and _finished(job) else None)
        if job is None:
            raise BadOptions(
                "No job was sent from here yet, so name the model's path, or the job that wrote "
                "it.",
                hint=Hint("register", ("NAME", "--job", "CLUSTER/9"), "takes it from a job"),
            )
        if not ended_well(job.message):
            raise BadOptions(
                f"Job {job.id} on {job.cluster} is {job.last.status}, and only what a finished "
                "job wrote is taken from it.",
                hint=Hint("register", ("NAME", "--path", "PATH"), "registers a file anyway"),
            )
        return cls(job, True, printed_metrics(job.last))

    def places(
        self,
        name: str,
        given: tuple[str | None, str | None],
        versions: Sequence[ModelConfig],
        repository: ProjectRepository,
    ) -> tuple[str, str]:
        """Return path and scoring script of a model: those ``given``, or what the job wrote.

        The script of the newest of ``versions`` comes before one that the job wrote. There is none
        ("") where that is given, and where a model of a known format has none. Raises BadOptions or
        NotFound.
        """
        path, scoring = given
        newest = max(versions, key=lambda m: natural(m.version), default=None)
        artifacts: Artifacts | None = None
        if self.wanted and self.job and not (path and (scoring is not None or newest)):
            artifacts = artifacts_of(self.job.last, self.job.log(), repository)
        if not path and artifacts:
            path = artifacts.model(name)
        if scoring is not None:
            return path or "", scoring
        written = artifacts.script(name) if artifacts and not newest else None
        scoring = newest.scoring_path if newest else written
        if not scoring and not _needs_no_script(path, repository):
            raise BadOptions(
                f"{name} has no version yet whose script could be taken; name the Python script "
                "that scores with it. (A model of a known format needs none: XGBoost, LightGBM, "
                "scikit-learn, ONNX, MLflow.)",
                hint=Hint("register", (name, "--scoring", "code/SCRIPT.py"), "names it"),
            )
        return path or "", scoring or ""

    def lineage(self) -> dict[str, str]:
        """Return which job it was, its code, its params and where its code came from."""
        if self.job is None:
            return {}
        job = self.job.last
        found = {"job_id": str(job.id), "job_cluster": job.cluster, "code_sha256": job.code_sha256}
        found |= {key: job.origin.get(key, "") for key in ORIGIN_KEYS} | _params(job)
        return {key: value for key, value in found.items() if value}


def printed_metrics(job: JobMessage) -> dict[str, float]:
    """Return the last metrics that a job printed."""
    return dict(job.progress.metrics) if job.progress else {}


def _finished(job: Job) -> bool:
    """Tell whether a job finished well; no where its engine does not answer.

    The lineage is an extra: a stopped engine keeps nobody from registering.
    """
    try:
        return ended_well(job.message)
    except KdError:
        return False


def _needs_no_script(path: str | None, repository: ProjectRepository) -> bool:
    try:
        return bool(path and known(repository.existing(path)))
    except (KdError, OSError):
        return False


def _params(job: JobMessage) -> dict[str, str]:
    text = json.dumps(job.params, sort_keys=True) if job.params else ""
    return {"params": text} if 0 < len(text) <= LONGEST_PARAMS else {}
