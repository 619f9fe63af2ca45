"""The bodies of a training engine's calls."""

from typing import Any, Literal

import msgspec

from kd_pipeline.messages.job_details import Progress, Resources, Usage, Value

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


class TrainRequest(msgspec.Struct):
    """Body of the 2020 product's ``POST /train``."""

    training_code: str
    calledBy: str = ""  # noqa: N815


class SubmitJob(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Body of ``POST /jobs``.

    ``params`` and ``inputs`` are variables of the code when it begins; ``outputs`` names variables
    that are kept when it has ended well. ``files`` (path relative to a folder of the job's own,
    which is first on its ``sys.path``: content) travel with it. With ``script``, one of the files,
    the code is that script's and runs as Python runs it, with ``arguments``; with ``cells``, the
    lines at which a notebook's cells begin in it, each cell shows its last value. ``credentials``
    are variables of the job's environment that are kept until it starts; the secret ones are told
    to nobody. ``clean`` has a Python started for this job alone, instead of a fork of one that has
    the usual libraries imported.
    """

    code: str
    name: str = ""
    user: str = ""
    idempotency_key: str | None = None
    env: dict[str, str] = {}
    credentials: dict[str, str] = {}
    timeout_s: float | None = None
    origin: dict[str, str] = {}  # notebook, cell, git commit: where the code came from
    first_line: int = 1  # the line of the cell at which the code begins, for tracebacks
    params: dict[str, Any] = {}
    inputs: dict[str, Value] = {}
    outputs: list[str] = []
    pickle_outputs: bool = False  # older engines keep pickles only where it is set
    files: dict[str, bytes] = {}
    script: str = ""
    arguments: list[str] = []
    cells: list[int] = []
    requirements: list[str] = []
    resources: Resources = Resources()
    clean: bool = False


class RerunJob(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Body of ``POST /jobs/<id>/rerun``: the same code, values and files; ``params`` replace.

    The first job's ``credentials`` are not kept, so a rerun brings its own.
    """

    params: dict[str, Any] = {}
    name: str | None = None
    user: str = ""
    idempotency_key: str | None = None
    origin: dict[str, str] = {}
    credentials: dict[str, str] = {}


class Job(msgspec.Struct):
    """A job as its files tell; ``pid`` is the job's process on ``node``.

    ``reason`` says why a job is in its status: why it waits, or why it ended as it did. ``usage``
    is there while it runs, ``progress`` as far as its log tells it. ``queue_position`` is how many
    jobs wait before it. ``log_size`` and ``outputs_size`` are in bytes: where the next question
    about its log or its rich outputs begins for whoever has seen all of them.
    """

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
    outputs_size: int = 0
    origin: dict[str, str] = {}
    params: dict[str, Any] = {}
    inputs: list[str] = []
    outputs: list[str] = []
    files: list[str] = []
    requirements: list[str] = []
    resources: Resources = Resources()
    timeout_s: float | None = None
    rerun_of: int | None = None
    usage: Usage | None = None
    progress: Progress | None = None
    memory_peak_bytes: int | None = None
    clean: bool = False


class JobList(msgspec.Struct):
    """Answer of ``GET /jobs``, newest first; ``next`` is the ``before`` of the next page."""

    jobs: list[Job]
    next: int | None = None


class JobOutput(msgspec.Struct):
    """One rich output: an nbformat output object and the log offset at which it appeared.

    One whose ``display_id`` came before replaces that output, at its place.
    """

    offset: int
    output: dict[str, Any]
    display_id: str | None = None


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


class Mount(msgspec.Struct):
    """A file system that a job finds; ``kind`` is the system's word for it, such as nfs4."""

    path: str
    kind: str
    is_read_only: bool = False
    size_bytes: int | None = None
    free_bytes: int | None = None


class Environment(msgspec.Struct):
    """Answer of ``GET /environment``: what a job will find on a training engine.

    ``load`` is the share of its processors that is busy (0 to 1); the first of ``mounts`` holds the
    project repository.
    """

    python: str
    packages: dict[str, str]
    cpus: int
    memory_bytes: int
    gpus: list[Gpu]
    node: str
    cluster: str
    ml_engine: str
    queue: Queue
    load: float | None = None
    memory_free_bytes: int | None = None
    kd_magics: str = ""
    mounts: list[Mount] = []
