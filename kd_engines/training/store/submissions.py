"""How a job comes into its repository: an id, a key by which it is known again, and its files.

An id is taken by an exclusive ``mkdir`` of ``misc/.job-ids/<id>``, so it is unique in the whole
repository, whichever engine gives it. A job exists as soon as its job.json does.
"""

import contextlib
import hashlib
import os
import shutil
import threading
from pathlib import Path

import msgspec

from kd_engines.training.job_folder import payload, records
from kd_engines.training.job_folder.record import Submitted
from kd_pipeline.atomic import create_exclusive, fsync_folder, write_atomic
from kd_pipeline.errors import Conflict
from kd_pipeline.messages import SubmitJob

HIGHEST_ID = 2**53  # what JavaScript counts to
LONGEST_ID = len(str(HIGHEST_ID))


class _Key(msgspec.Struct):
    """Content of an idempotency key's file: the job, and the body it was submitted with."""

    id: int
    body_sha256: str


class Submissions:
    """Takes jobs into ``jobs``, the folder of one cluster's jobs in a repository."""

    def __init__(self, root: Path, jobs: Path) -> None:
        self._jobs = jobs
        self._keys = jobs.parent / "job-keys"
        self._taken = root / "misc" / ".job-ids"
        for folder in (self._jobs, self._keys, self._taken):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._next = 0

    def submit(self, wanted: SubmitJob, rerun_of: int | None = None) -> tuple[int, bool]:
        """Keep a job durably; return its id, and False where its idempotency key was used before.

        Raises Conflict where the key was used with another body, and OSError.
        """
        packed = payload.pack(wanted)
        body = _body_sha256(wanted, packed, rerun_of)
        job = self._take_id() if wanted.idempotency_key is None else self._of_key(wanted, body)
        # Where an earlier attempt with this key was cut off, this one completes it.
        return job, self._write(job, wanted, packed, rerun_of)

    def _of_key(self, wanted: SubmitJob, body: str) -> int:
        """Return the job of an idempotency key, a new one where it was not used before."""
        key = wanted.idempotency_key or ""
        path = self._keys / hashlib.sha256(key.encode()).hexdigest()
        known = _read_key(path)
        if known is None:
            job = self._take_id()
            content = msgspec.json.encode(_Key(job, body))
            try:
                create_exclusive(path, content)
                return job
            except FileExistsError:  # the same key at the same time
                known = _read_key(path)
            if known is None:  # it is damaged
                write_atomic(path, content)
                return job
            shutil.rmtree(self._jobs / str(job), ignore_errors=True)
        if known.body_sha256 != body:
            raise Conflict(
                f"The idempotency key {key[:80]!r} was used for job {known.id} with another body; "
                "use a new key for a new job."
            )
        return known.id

    def _write(self, job: int, wanted: SubmitJob, packed: bytes, rerun_of: int | None) -> bool:
        """Write code.py, what was sent with it, and job.json; False where it was written before."""
        folder = self._jobs / str(job)
        if (folder / records.JOB).exists():
            return False
        code = wanted.code.encode()
        secret = msgspec.json.encode(wanted.credentials) if wanted.credentials else b""
        folder.mkdir(exist_ok=True)
        submitted = _submitted(job, wanted, rerun_of)
        try:
            for name, content in (
                (records.CODE, code),
                (records.SENT, packed),
                (records.CREDENTIALS, secret),
            ):
                if content:
                    with contextlib.suppress(FileExistsError):
                        create_exclusive(folder / name, content)
            create_exclusive(folder / records.JOB, msgspec.json.encode(submitted))
        except FileExistsError:  # another one with its key; its job may have started meanwhile
            if (folder / records.STARTED).exists():
                records.remove(str(folder / records.CREDENTIALS))
            return False
        except OSError:
            if not (folder / records.JOB).exists():  # another one with its key may have made it
                records.remove(str(folder / records.CREDENTIALS))
            raise
        fsync_folder(self._jobs)
        return True

    def _take_id(self) -> int:
        """Take the next free id of the repository, and make the job's folder."""
        with self._lock:
            job = self._next or self._highest() + 1
            while True:
                with contextlib.suppress(FileExistsError):
                    (self._taken / str(job)).mkdir()
                    (self._jobs / str(job)).mkdir()
                    self._next = job + 1
                    return job
                job = max(job, self._highest()) + 1

    def _highest(self) -> int:
        return max(*numbers(self._taken), *numbers(self._jobs), 0, 0)


def numbers(folder: Path) -> list[int]:
    """Return the numbers that name something in a folder, up to `HIGHEST_ID`."""
    names = os.listdir(folder)  # noqa: PTH208 - speed
    found = (int(name) for name in names if len(name) <= LONGEST_ID and name.isdecimal())
    return [number for number in found if number <= HIGHEST_ID]


def _read_key(path: Path) -> _Key | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Key)
    except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


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
        clean=wanted.clean,
    )


def _body_sha256(wanted: SubmitJob, packed: bytes, rerun_of: int | None) -> str:
    """Return the hash by which a repeated submission is known as the same."""
    # What is packed may be large: it is hashed as it is kept, not encoded a second time.
    # Nothing is told of credentials, not even by a hash; those of a repetition may be newer.
    rest = msgspec.structs.replace(wanted, inputs={}, files={}, credentials={})
    digest = hashlib.sha256(msgspec.json.encode(rest))
    digest.update(packed)
    if rerun_of is not None:
        digest.update(f"rerun of {rerun_of}".encode())
    return digest.hexdigest()
