"""What the Jupyter server tells the sidebar of engines and jobs; no token is ever in it."""

from typing import Any, Literal

import msgspec

from kd_pipeline.messages.jobs import Gpu, Job, Queue

EngineState = Literal["Answers", "Starting", "Down", "Refused", "Unknown"]


class About(msgspec.Struct):
    """Answer of ``GET about``: whose pipeline it is, and where its parts are kept.

    ``notices`` are sentences about what does not work, with what to do: no configmeta.json,
    credentials that expired.
    """

    version: str
    user: str
    cluster: str
    registry: str
    project_repository: str
    notices: list[str] = []


class TrainingEngine(msgspec.Struct):
    """A connected training cluster; ``magic`` is what stands after ``%%`` in a cell.

    ``reason`` says why it gave no answer and what to do; figures are None where it told none (an
    engine of 2020 tells none at all). ``load`` is the busy share of its processors (0 to 1).
    """

    name: str
    magic: str
    ml_engine: str
    state: EngineState
    reason: str = ""
    answered: str | None = None  # when it last answered here
    is_2020: bool = False
    queue: Queue | None = None
    python: str = ""
    kd_magics: str = ""
    node: str = ""
    cpus: int | None = None
    load: float | None = None
    memory_bytes: int | None = None
    memory_free_bytes: int | None = None
    gpus: list[Gpu] = []


class DeploymentEngine(msgspec.Struct):
    """A connected deployment cluster; ``models`` counts its model versions by their state."""

    name: str
    state: EngineState
    reason: str = ""
    answered: str | None = None
    members: int = 0
    models: dict[str, int] = {}


class EngineList(msgspec.Struct):
    """Answer of ``GET engines``."""

    training: list[TrainingEngine]
    deployment: list[DeploymentEngine]
    notices: list[str] = []


class JobPage(msgspec.Struct):
    """Answer of ``GET jobs``: jobs of all clusters, the newest submitted first.

    ``next`` is the ``before`` of the next page, None where there is none; ``troubles`` tells of
    each cluster that gave no answer why.
    """

    jobs: list[Job]
    next: str | None = None
    troubles: dict[str, str] = {}


class RerunRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Body of ``POST jobs/<cluster>/<job>/rerun``: params that replace the job's, a new name.

    ``key`` makes sending again safe: the same key is the same job.
    """

    params: dict[str, Any] = {}
    name: str | None = None
    key: str | None = None


class NotebookPlace(msgspec.Struct):
    """Answer of ``GET notebook?path=&cell=``; ``path`` begins at the Jupyter server's folder."""

    path: str
    has_cell: bool


class ComparedJob(msgspec.Struct):
    """One row of a comparison; a param or metric that the job has not is not in it."""

    cluster: str
    id: int
    name: str
    status: str
    params: dict[str, Any]
    metrics: dict[str, float]


class Comparison(msgspec.Struct):
    """Answer of ``GET comparison?job=<cluster>/<id>&…``.

    ``params`` and ``metrics`` are the columns, those in which all jobs are equal left out;
    ``best`` is a metric's best value, where its name tells whether less or more is better.
    """

    jobs: list[ComparedJob]
    params: list[str]
    metrics: list[str]
    best: dict[str, float] = {}
