"""Parts of jobs: values that travel, resources, usage, progress, failures, preflight."""

from typing import Literal

import msgspec

ValueFormat = Literal["json", "arrow", "pickle"]


class Value(msgspec.Struct):
    """A value that goes into a job or comes out of it; ``kind`` is its Python type.

    ``data`` is JSON text, an Arrow IPC stream, or a pickle (of the Python of version ``python``);
    base64 in JSON bodies.
    """

    format: ValueFormat
    data: bytes
    kind: str = ""
    python: str = ""


class ValueInfo(msgspec.Struct):
    """A value that a job has kept, without its data."""

    name: str
    format: ValueFormat
    size_bytes: int
    kind: str = ""


class Values(msgspec.Struct):
    """Answer of ``GET /jobs/<id>/values``; ``missing`` tells of each name why it is not there."""

    values: list[ValueInfo]
    missing: dict[str, str] = {}
    python: str = ""  # the job's, as a pickle is good for the same minor version only
    libraries: dict[str, str] = {}  # the versions of those that it had loaded


class Resources(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """What a job wants for itself; None is what the engine gives without being asked."""

    cpus: float | None = None
    memory_bytes: int | None = None
    gpus: int | None = None


class Usage(msgspec.Struct):
    """What all processes of a job use: ``cpu_percent`` is 100 for one whole processor."""

    cpu_percent: float
    memory_bytes: int
    memory_peak_bytes: int
    processes: int
    sampled: str


class Progress(msgspec.Struct, omit_defaults=True):
    """How far a job is, as its prints tell: ``fraction`` from 0 to 1, the newest metrics."""

    fraction: float | None = None
    current: float | None = None
    total: float | None = None
    unit: str = ""
    eta_s: float | None = None
    metrics: dict[str, float] = {}


class UsagePoint(msgspec.Struct):
    """What a job used in the stretch that ended at ``time``: mean processor, most memory."""

    time: str
    cpu_percent: float
    memory_bytes: int


class MetricPoint(msgspec.Struct):
    """The value that a metric had as its ``number``-th, from 1 on.

    ``at`` is its epoch or round, where the job told that.
    """

    number: int
    at: float | None
    value: float


class Curves(msgspec.Struct):
    """Answer of ``GET /jobs/<id>/curves``: a job's metrics and what it used, oldest first.

    They are thinned evenly: at most 20 metrics of 200 values each. Of a log that is longer than the
    engine reads, parts that are spread over it are looked at, and ``is_sampled`` is True.
    """

    metrics: dict[str, list[MetricPoint]]
    usage: list[UsagePoint]
    is_sampled: bool = False


class Variable(msgspec.Struct, omit_defaults=True):
    """A local variable of a frame that failed: a short text of it, and its size."""

    name: str
    kind: str
    text: str
    shape: list[int] | None = None
    dtype: str | None = None
    size_bytes: int | None = None


class Frame(msgspec.Struct, omit_defaults=True):
    """A frame of a traceback; ``own`` where it is the job's own code or a file sent with it."""

    file: str
    line: int
    function: str
    source: str = ""
    own: bool = False
    variables: list[Variable] = []


class Failure(msgspec.Struct, omit_defaults=True):
    """Answer of ``GET /jobs/<id>/failure``: the exception that ended a job, innermost frame last.

    ``missing_module`` is the name that could not be imported, where that was the reason.
    """

    kind: str
    message: str
    frames: list[Frame]
    missing_module: str | None = None


class Preflight(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Body of ``POST /preflight``: what a job would need; modules are top-level names."""

    modules: list[str] = []
    paths: list[str] = []
    requirements: list[str] = []
    resources: Resources = Resources()


class MissingModule(msgspec.Struct):
    """A module that a job would not find; ``package`` is what to install where it is known."""

    name: str
    package: str | None = None


class PreflightAnswer(msgspec.Struct):
    """Answer of ``POST /preflight``: what a job would miss on this engine."""

    python: str
    missing_modules: list[MissingModule]
    missing_paths: list[str]
    problems: list[str] = []  # of requirements and resources, a sentence each


class Code(msgspec.Struct):
    """Answer of ``GET /jobs/<id>/code``."""

    code: str
    first_line: int = 1
