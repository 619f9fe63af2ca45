"""Job directories in the project repository: the truth about jobs, shared by all engines.

An id is taken by an exclusive ``mkdir`` of ``misc/.job-ids/<id>``, so it is unique in the whole
repository, whichever engine gives it. A job exists as soon as its job.json does. Its status is read
from its files (see `records`) and from nothing else.
"""

import contextlib
import hashlib
import os
import shutil
import stat
import threading
import time
from collections import OrderedDict
from pathlib import Path

import msgspec

from kd_engines.training.job_folder import payload, records
from kd_engines.training.job_folder.record import Exit, Record, Started, Submitted, read_file
from kd_engines.training.processes import node_name
from kd_pipeline.atomic import create_exclusive, fsync_folder
from kd_pipeline.errors import Conflict, InvalidInput, NotFound, Unavailable
from kd_pipeline.messages import JobStatus, SubmitJob
from kd_pipeline.regular_files import NotRegular, read_regular

KEPT_RECORDS = 10_000  # ended jobs in memory: their files never change
LIST_AGE_S = 1.0  # how long a list of ids may be behind what another engine submitted


class _Key(msgspec.Struct):
    """Content of an idempotency key's file: the job, and the body it was submitted with."""

    id: int
    body_sha256: str


class JobStore:
    """The jobs of one cluster in one project repository."""

    def __init__(self, root: Path, cluster: str) -> None:
        if not cluster or cluster.startswith(".") or "/" in cluster or "\0" in cluster:
            raise InvalidInput(f"A cluster named {cluster!r} cannot have a folder for its jobs.")
        self.root = root
        self.folder = root / "misc" / cluster / "jobs"
        self._keys = root / "misc" / cluster / "job-keys"
        self._taken = root / "misc" / ".job-ids"
        for folder in (self.folder, self._keys, self._taken):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._next = 0
        self._ids: list[int] = []
        self._listed = float("-inf")
        self._listed_change = 0
        self._done: set[int] = set()
        self._ended: OrderedDict[int, Record] = OrderedDict()

    def path(self, job: int, name: str) -> Path:
        """Return the path of one of a job's files."""
        return self.folder / str(job) / name

    def submit(self, wanted: SubmitJob, rerun_of: int | None = None) -> tuple[int, bool]:
        """Keep a job durably; return its id, and False where its idempotency key was used before.

        Raises Conflict where the key was used with another body, Unavailable where the repository
        cannot be written.
        """
        try:
            return self._submit(wanted, rerun_of)
        except OSError as error:
            raise _unwritable(error, "so the job was not taken", "submit") from error

    def record(self, job: int) -> Record:
        """Return what a job's files say now; raises NotFound, or Unavailable if unreadable."""
        known = self._ended.get(job)
        if known is not None:
            return known
        try:
            return self._read_record(job)
        except OSError as error:
            raise Unavailable(
                f"Job {job} cannot be read from the project repository ({error.strerror}); "
                "try again when its mount answers."
            ) from error

    def _read_record(self, job: int) -> Record:
        folder = self.folder / str(job)
        submitted = read_file(folder / records.JOB, Submitted)
        if submitted is None:
            raise NotFound(f"There is no job {job} on this engine; GET /jobs lists them.")
        # The exit first: read in this order, an ended job always shows its start as well.
        ended = read_file(folder / records.EXIT, Exit)
        record = Record(submitted, read_file(folder / records.STARTED, Started), ended)
        if ended is not None:
            self._keep(job, record)
        return record

    def status(self, job: int) -> JobStatus:
        """Return a job's status without reading more than it needs; raises NotFound."""
        return self.record(job).status

    def ids(self) -> list[int]:
        """Return the ids of all jobs, oldest first; at most `LIST_AGE_S` old."""
        if time.monotonic() - self._listed > LIST_AGE_S:
            change = self.folder.stat().st_mtime_ns
            # A folder that changed just now may change again within its clock's resolution.
            if change != self._listed_change or time.time_ns() - change < 2_000_000_000:
                found = sorted(_numbers(self.folder))
                with self._lock:
                    newer = [job for job in self._ids if not found or job > found[-1]]
                    self._ids, self._listed_change = found + newer, change
            self._listed = time.monotonic()
        return self._ids

    def unfinished(self) -> list[int]:
        """Return the ids of all jobs that have not ended, oldest first."""
        candidates = [job for job in self.ids() if job not in self._done]
        self._done.update(job for job in candidates if self._has(job, records.EXIT))
        return [job for job in candidates if job not in self._done and self._has(job, records.JOB)]

    def code(self, job: int, limit: int = -1) -> str:
        """Return a job's code, or its first ``limit`` bytes; raises NotFound where it is gone."""
        try:
            return read_regular(self.path(job, records.CODE), 0, limit).decode(errors="replace")
        except (FileNotFoundError, NotRegular):
            raise NotFound(
                f"The code of job {job} is gone from its folder, {self.folder / str(job)}."
            ) from None

    def log_size(self, job: int) -> int:
        """Return how many bytes a job's log has."""
        return self.size(job, records.LOG)

    def size(self, job: int, name: str) -> int:
        """Return how many bytes one of a job's files has; 0 where it is not there, or no file."""
        try:
            found = self.path(job, name).stat()
        except FileNotFoundError:
            return 0
        return found.st_size if stat.S_ISREG(found.st_mode) else 0

    def request_cancel(self, job: int, reason: str) -> None:
        """Ask whoever holds the job to end it; end it here where nobody does.

        A second request, and one for an ended job, changes nothing. Raises Unavailable where the
        repository cannot be written.
        """
        if self.record(job).terminal:
            return
        content = msgspec.json.encode({"reason": reason, "requested": records.now()})
        try:
            with contextlib.suppress(FileExistsError):
                create_exclusive(self.path(job, records.CANCEL), content)
            if self.claim(job):
                self.end(job, "Cancelled", reason)
        except OSError as error:
            raise _unwritable(error, f"so job {job} goes on", "cancel") from error

    def claim(self, job: int) -> bool:
        """Take a job that nobody has started, to end it; False where somebody has it."""
        with contextlib.suppress(FileExistsError):
            claim = msgspec.json.encode(Started(started=records.now(), node=node_name()))
            create_exclusive(self.path(job, records.STARTED), claim)
            return True
        return False

    def end(self, job: int, status: JobStatus, reason: str) -> None:
        """Write how a job ended, unless that is written already."""
        content = msgspec.json.encode(Exit(status=status, ended=records.now(), reason=reason))
        with contextlib.suppress(FileExistsError):
            create_exclusive(self.path(job, records.EXIT), content)

    def _has(self, job: int, name: str) -> bool:
        return os.path.exists(f"{self.folder}/{job}/{name}")  # noqa: PTH110 - 5 x faster than Path

    def _submit(self, wanted: SubmitJob, rerun_of: int | None) -> tuple[int, bool]:
        packed = payload.pack(wanted)
        body = _body_sha256(wanted, packed, rerun_of)
        key = wanted.idempotency_key
        key_path = self._keys / hashlib.sha256((key or "").encode()).hexdigest()
        if key is None:
            job = self._take_id()
        else:
            known = read_file(key_path, _Key)
            job = known.id if known else self._take_id()
            if known is None:
                try:
                    create_exclusive(key_path, msgspec.json.encode(_Key(job, body)))
                except FileExistsError:  # the same key at the same time
                    shutil.rmtree(self.folder / str(job), ignore_errors=True)
                    known = msgspec.json.decode(key_path.read_bytes(), type=_Key)
                    job = known.id
            if known is not None and known.body_sha256 != body:
                raise Conflict(
                    f"The idempotency key {key[:80]!r} was used for job {known.id} with another "
                    "body; use a new key for a new job."
                )
        # Where an earlier attempt with this key was cut off, this one completes it.
        return job, self._write(job, wanted, packed, rerun_of)

    def _write(self, job: int, wanted: SubmitJob, packed: bytes, rerun_of: int | None) -> bool:
        """Write code.py, what was sent with it, and job.json; False where it was written before."""
        folder = self.folder / str(job)
        if (folder / records.JOB).exists():
            return False
        code = wanted.code.encode()
        folder.mkdir(exist_ok=True)
        submitted = _submitted(job, wanted, rerun_of)
        try:
            for name, content in ((records.CODE, code), (records.SENT, packed)):
                if content:
                    with contextlib.suppress(FileExistsError):
                        create_exclusive(folder / name, content)
            create_exclusive(folder / records.JOB, msgspec.json.encode(submitted))
        except FileExistsError:
            return False
        fsync_folder(self.folder)
        with self._lock:
            if not self._ids or job > self._ids[-1]:
                self._ids.append(job)
            else:
                self._listed = float("-inf")
        return True

    def _take_id(self) -> int:
        """Take the next free id of the repository, and make the job's folder."""
        with self._lock:
            job = self._next or self._highest() + 1
            while True:
                with contextlib.suppress(FileExistsError):
                    (self._taken / str(job)).mkdir()
                    (self.folder / str(job)).mkdir()
                    self._next = job + 1
                    return job
                job = max(job, self._highest()) + 1

    def _highest(self) -> int:
        return max(*_numbers(self._taken), *_numbers(self.folder), 0, 0)

    def _keep(self, job: int, record: Record) -> None:
        with self._lock:
            self._ended[job] = record
            while len(self._ended) > KEPT_RECORDS:
                self._ended.popitem(last=False)


def _unwritable(error: OSError, what: str, verb: str) -> Unavailable:
    return Unavailable(
        f"The project repository cannot be written ({error.strerror or error}), {what}; free space "
        f"or fix the mount, then {verb} again."
    )


def _submitted(job: int, wanted: SubmitJob, rerun_of: int | None) -> Submitted:
    """Return the content of a new job's job.json."""
    return Submitted(
        id=job,
        submitted=records.now(),
        code_sha256=hashlib.sha256(wanted.code.encode()).hexdigest(),
        name=wanted.name,
        user=wanted.user,
        idempotency_key=wanted.idempotency_key,
        env=wanted.env,
        timeout_s=wanted.timeout_s,
        origin=wanted.origin,
        first_line=wanted.first_line,
        params=wanted.params,
        inputs=sorted(wanted.inputs),
        outputs=wanted.outputs,
        pickle_outputs=wanted.pickle_outputs,
        files=sorted(wanted.files),
        requirements=wanted.requirements,
        resources=wanted.resources,
        rerun_of=rerun_of,
    )


def _body_sha256(wanted: SubmitJob, packed: bytes, rerun_of: int | None) -> str:
    """Return the hash by which a repeated submission is known as the same."""
    # What is packed may be large: it is hashed as it is kept, not encoded a second time.
    rest = msgspec.structs.replace(wanted, inputs={}, files={})
    digest = hashlib.sha256(msgspec.json.encode(rest))
    digest.update(packed)
    if rerun_of is not None:
        digest.update(f"rerun of {rerun_of}".encode())
    return digest.hexdigest()


def _numbers(folder: Path) -> list[int]:
    """Return the numbers that name something in a folder."""
    return [int(name) for name in os.listdir(folder) if name.isdecimal()]  # noqa: PTH208 - speed
