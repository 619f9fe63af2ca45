"""What the small files of a job's directory hold, and the status that follows from them."""

import logging
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from kd_pipeline.messages import TERMINAL, JobStatus, Resources

log = logging.getLogger(__name__)
T = TypeVar("T")


class Submitted(msgspec.Struct):
    """Content of job.json."""

    id: int
    submitted: str
    code_sha256: str
    name: str = ""
    user: str = ""
    idempotency_key: str | None = None
    env: dict[str, str] = {}
    timeout_s: float | None = None
    origin: dict[str, str] = {}
    first_line: int = 1
    params: dict[str, Any] = {}
    inputs: list[str] = []
    outputs: list[str] = []
    pickle_outputs: bool = False
    files: list[str] = []
    requirements: list[str] = []
    resources: Resources = Resources()
    rerun_of: int | None = None
    clean: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is none."""
        _check_time(self.submitted)


class Started(msgspec.Struct):
    """Content of started.json; without a pid the job was ended before it ran."""

    started: str
    node: str = ""
    boot_id: str = ""
    pid: int | None = None
    start_time: str = ""
    child_pid: int | None = None
    child_start_time: str = ""
    gpus: list[str] = []  # those that no other job has meanwhile

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is none."""
        _check_time(self.started)


class Exit(msgspec.Struct):
    """Content of exit.json."""

    status: JobStatus
    ended: str
    reason: str | None = None
    exit_code: int | None = None
    signal: str | None = None
    cpu_s: float | None = None
    max_rss_bytes: int | None = None
    memory_peak_bytes: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a time that is none, and for a status that is no end."""
        _check_time(self.ended)
        if self.status not in TERMINAL:
            raise ValueError(f"{self.status} is not an end")


class Record(msgspec.Struct):
    """All that a job's small files say."""

    job: Submitted
    started: Started | None = None
    exit: Exit | None = None

    @property
    def status(self) -> JobStatus:
        """Return the job's status; a terminal one never changes."""
        if self.exit:
            return self.exit.status
        return "Running" if self.started and self.started.pid else "Queued"

    @property
    def terminal(self) -> bool:
        """Tell whether the job has ended."""
        return self.status in TERMINAL


def parse(content: bytes, kind: type[T], name: str) -> T | None:
    """Return a file's JSON as ``kind``; None where it is damaged, which is logged.

    ``name`` is what the log calls it.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        log.warning("%s is damaged: %s", name, error)
        return None


def _check_time(text: str) -> None:
    """Raise ValueError for what is no time as `records.now` writes it: others reckon with it."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time has no zone")
