"""Every JSON body that crosses between notebook, engines and sidebar, as typed msgspec classes.

Times are RFC 3339 in UTC, sizes and offsets bytes, durations seconds. Names that have no plain
Python form (``calledBy``) keep the spelling of the 2020 product's REST calls.
"""

from typing import Any, Literal

import msgspec

JobStatus = Literal[
    "Queued",
    "Running",
    "Finished",
    "Failed",
    "Cancelled",
    "TimedOut",
    "OutOfMemory",
    "Lost",
]
TERMINAL: frozenset[str] = frozenset(
    {"Finished", "Failed", "Cancelled", "TimedOut", "OutOfMemory", "Lost"}
)
ModelState = Literal["Loading", "Ready", "Failed", "Draining"]


class ErrorDetail(msgspec.Struct):
    """What went wrong: the error class's name, one sentence, and the request it belongs to."""

    type: str
    message: str
    request_id: str | None = None


class ErrorBody(msgspec.Struct):
    """The one shape of every error answer."""

    error: ErrorDetail


class TrainRequest(msgspec.Struct):
    """Body of the 2020 product's ``POST /train``."""

    training_code: str
    calledBy: str = ""  # noqa: N815


class SubmitJob(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Body of ``POST /jobs``."""

    code: str
    name: str = ""
    user: str = ""
    idempotency_key: str | None = None
    env: dict[str, str] = {}
    timeout_s: float | None = None
    origin: dict[str, str] = {}  # notebook, cell, git commit: where the code came from


class Job(msgspec.Struct):
    """A job as its files tell; ``pid`` is the job's process on ``node``."""

    id: int
    cluster: str
    status: JobStatus
    submitted: str
    request_url: str
    log_url: str
    code_sha256: str
    name: str = ""
    user: str = ""
    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    started: str | None = None
    ended: str | None = None
    node: str | None = None
    pid: int | None = None
    queue_position: int | None = None
    log_size: int = 0
    origin: dict[str, str] = {}


class JobList(msgspec.Struct):
    """Answer of ``GET /jobs``, newest first; ``next`` is the ``before`` of the next page."""

    jobs: list[Job]
    next: int | None = None


class JobOutput(msgspec.Struct):
    """One rich output: an nbformat output object and the log offset at which it appeared."""

    offset: int
    output: dict[str, Any]


class JobOutputs(msgspec.Struct):
    """Answer of ``GET /jobs/<id>/outputs``; ``next`` is the ``after`` of the next call."""

    outputs: list[JobOutput]
    next: int


class Gpu(msgspec.Struct):
    """One GPU of an engine's node."""

    name: str
    memory_bytes: int


class Queue(msgspec.Struct):
    """How many jobs wait and run, and how many may run at once."""

    queued: int
    running: int
    limit: int


class Environment(msgspec.Struct):
    """Answer of ``GET /environment``: what a job will find on a training engine."""

    python: str
    packages: dict[str, str]
    cpus: int
    memory_bytes: int
    gpus: list[Gpu]
    node: str
    cluster: str
    ml_engine: str
    queue: Queue


class PredictRequest(msgspec.Struct):
    """Body of ``POST /<model>/<version>/predict``.

    ``scoring_args`` is an object (a row for the script), a list of objects (many rows, function
    scripts only) or a string of command-line arguments.
    """

    scoring_args: dict[str, Any] | list[Any] | str = {}
    use_scoring: bool | str = True
    mode: str = "itv"


class PredictAnswer(msgspec.Struct):
    """Answer of ``POST /<model>/<version>/predict``: the contract's keys, then ours.

    ``output`` is what the scoring script printed, ``result`` the prediction as JSON; ``error`` is
    there where it failed. The two URLs are ``<host>:<port>/…``, as the 2020 product wrote them.
    """

    id: int
    input: Any
    log_url: str
    node: str
    output: str
    pid: int
    request_url: str
    status: Literal["Finished", "Failed"]
    model: str
    version: str
    result: Any = None
    error: ErrorDetail | None = None


class ModelStatus(msgspec.Struct):
    """One model version on a deployment engine; ``sha256`` covers script, model and settings.

    ``log``, the end of what its worker printed, is filled in where one version was asked for.
    """

    name: str
    version: str
    state: ModelState
    configmap: str = ""
    description: str = ""
    kind: str | None = None  # "function" or "script"
    reason: str | None = None
    sha256: str | None = None
    running_sha256: str | None = None
    since: str | None = None
    pid: int | None = None
    restarts: int = 0
    log: str = ""


class AliasStatus(msgspec.Struct):
    """An alias on a deployment engine: the version it stands for, and the one it is to."""

    model: str
    alias: str
    version: str
    wanted: str


class ModelList(msgspec.Struct):
    """Answer of ``GET /models``: what is connected, and how far this engine is with it."""

    models: list[ModelStatus]
    generation: str | None = None
    last_error: str | None = None
    aliases: list[AliasStatus] = []
