"""The bodies of a deployment engine's calls."""

from typing import Any, Literal

import msgspec

from kd_pipeline.messages.errors import ErrorDetail

ModelState = Literal["Loading", "Ready", "Failed", "Draining"]


class ScoringEnvironment(msgspec.Struct):
    """Answer of a deployment engine's ``GET /environment``: what scoring scripts will find.

    The names are those of a training engine's ``Environment``.
    """

    python: str
    packages: dict[str, str]


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


class Traffic(msgspec.Struct):
    """What a model version was asked lately on an engine (within its last half minute).

    ``p50_ms`` and ``p99_ms`` are the times that it took to answer, in milliseconds; ``failed``
    counts the requests on which its scoring script failed.
    """

    per_second: float
    failed: int
    p50_ms: float
    p99_ms: float


class ModelStatus(msgspec.Struct):
    """One model version on a deployment engine; ``sha256`` covers script, model and settings.

    ``log``, the end of what its worker printed, is filled in where one version was asked for.
    """

    name: str
    version: str
    state: ModelState
    configmap: str = ""
    description: str = ""
    kind: str | None = None  # "function", "script", or "model" for one of a known format
    format: str | None = None  # of those: "xgboost", "onnx", …
    served_by: str | None = None  # of those: what it was compiled to, or why it was not
    reason: str | None = None
    sha256: str | None = None
    running_sha256: str | None = None
    since: str | None = None
    pid: int | None = None
    restarts: int = 0
    processes: int = 1  # that answer, with the one of ``pid``
    traffic: Traffic | None = None  # None is none lately
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
