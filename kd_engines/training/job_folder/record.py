"""What the small files of a job's directory hold, and the status that follows from them."""

import logging
from pathlib import Path
from typing import Any

import msgspec

from kd_engines.training.job_folder import records
from kd_pipeline.messages import TERMINAL, JobStatus, Resources
from kd_pipeline.regular_files import NotRegular, read_regular

log = logging.getLogger(__name__)


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


def read_file(path: Path, kind: type[Any]) -> Any:
    """Return a file's JSON as ``kind``; None where it is not there or is damaged (which is logged).

    A damaged exit.json still says that the job has ended, and nothing more.
    """
    try:
        return msgspec.json.decode(read_regular(path), type=kind)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError, NotRegular) as error:
        log.warning("%s is damaged: %s", path, error)
        if kind is not Exit:
            return None
        ended = records.timestamp(path.stat().st_mtime_ns)
        return Exit("Lost", ended, f"How the job ended is not known: {path.name} is damaged.")
