"""Job directories in the project repository: the truth about jobs, shared by all engines.

A job's status is read from its files (see `records`) and from nothing else. The job's own code may
write to its folder, so what stands there is read with care: never through a link, never a pipe that
would not answer, and never more than there may be.
"""

import contextlib
import logging
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Exit, Record, Started, Submitted, parse
from kd_engines.training.store.job_list import JobList
from kd_engines.training.store.runners import Runners
from kd_engines.training.store.submissions import Submissions
from kd_engines.training.store.upkeep import unwritable
from kd_pipeline.atomic import create_exclusive
from kd_pipeline.errors import InvalidInput, KdError, NotFound, Unavailable
from kd_pipeline.messages import JobStatus, SubmitJob
from kd_pipeline.regular_files import NotRegular, open_below, read_below

log = logging.getLogger(__name__)
T = TypeVar("T")

KEPT_RECORDS = 10_000  # ended jobs in memory: their files never change
INDEX_S = 0.3  # how long each second a new index may be worked at
LARGEST_CODE = 8 * 1024 * 1024
LARGEST_RECORD = 4 * 1024 * 1024
GOING_S = 0.3  # a runner is gone so long after it wrote how its job ended
QUIET_S = 60.0  # a runner of this machine beats each 5 s


class JobStore:
    """The jobs of one cluster in one project repository."""

    def __init__(self, root: Path, cluster: str) -> None:
        if not cluster or cluster.startswith(".") or "/" in cluster or "\0" in cluster:
            raise InvalidInput(f"A cluster named {cluster!r} cannot have a folder for its jobs.")
        self.root = root
        self.folder = root / "misc" / cluster / "jobs"
        self._submissions = Submissions(root, self.folder)
        self.runners = Runners()
        self._list = JobList(self.folder, self._has_ended)
        self._lock = threading.Lock()
        self._ended: OrderedDict[int, Record] = OrderedDict()

    def path(self, job: int, name: str) -> Path:
        """Return the path of one of a job's files."""
        return self.folder / str(job) / name

    def open(self, job: int, name: str) -> int:
        """Open one of a job's files; raises NotRegular for a link, and OSError."""
        return open_below(self.folder / str(job), name)

    def read(self, job: int, name: str, begin: int = 0, length: int = LARGEST_RECORD) -> bytes:
        """Return up to ``length`` bytes of one of a job's files; raises as `open`."""
        return read_below(self.folder / str(job), name, begin, length)

    def size(self, job: int, name: str) -> int:
        """Return how many bytes one of a job's files has; 0 where it is not there, or no file."""
        folder = f"{self.folder}/{job}"
        try:
            found = os.lstat(f"{folder}/{name}")
            if stat.S_ISLNK(os.lstat(folder).st_mode):
                return 0
        except (FileNotFoundError, NotADirectoryError):
            return 0
        return found.st_size if stat.S_ISREG(found.st_mode) else 0

    def log_size(self, job: int) -> int:
        """Return how many bytes a job's log has."""
        return self.size(job, records.LOG)

    def submit(self, wanted: SubmitJob, rerun_of: int | None = None) -> tuple[int, bool]:
        """Keep a job durably; return its id, and False where its idempotency key was used before.

        Raises Conflict where the key was used with another body, Unavailable where the repository
        cannot be written.
        """
        try:
            job, created = self._submissions.submit(wanted, rerun_of)
        except OSError as error:
            raise unwritable(error, "so the job was not taken", ", then submit again") from error
        if created:
            self._list.add(job)
        return job, created

    def record(self, job: int, *, patient: bool = False) -> Record:
        """Return what a job's files say now; raises NotFound, or Unavailable if unreadable.

        Where job.json is damaged it is a job that says so. Another engine's runner that has just
        written the job's end is ``patient`` waited for, which takes up to `GOING_S`.
        """
        known = self._ended.get(job)
        if known is not None:
            return known
        try:
            return self._read_record(job, patient)
        except OSError as error:
            raise Unavailable(
                f"Job {job} cannot be read from the project repository ({error.strerror}); "
                "try again when its mount answers."
            ) from error

    def records(self, jobs: Iterable[int], *, some: bool = False) -> Iterator[Record]:
        """Yield the records of jobs; one that cannot be read, or is none, hides no other.

        With ``some`` raises Unavailable where not a single one can be read.
        """
        unreadable: Unavailable | None = None
        for job in jobs:
            try:
                yield self.record(job)
                some = False
            except NotFound:  # a submission that was cut off, or somebody removed its folder
                if not os.path.lexists(f"{self.folder}/{job}"):
                    self._list.forget(job)
            except Unavailable as error:
                log.warning("%s", error)
                unreadable = error
        if some and unreadable:
            raise unreadable

    def _read_record(self, job: int, patient: bool) -> Record:
        submitted = self.parsed(job, records.JOB, Submitted)
        damaged = submitted is None
        if submitted is None:
            if not self.has(job, records.JOB):
                raise NotFound(f"There is no job {job} on this engine; GET /jobs lists them.")
            submitted = Submitted(job, self._changed(job, records.JOB), "")
        started = self.parsed(job, records.STARTED, Started)
        wait_s = GOING_S if patient and self.has(job, records.EXIT) else 0.0
        if self.runners.has(job, started, wait_s):
            # Only the runner may say that the job has ended, and then it ends itself.
            return Record(msgspec.structs.replace(submitted, id=job), started)
        ended = self._exit(job)  # now, as the runner writes it last
        if ended is None and damaged:
            reason = f"What was submitted is not known: {records.JOB} is damaged."
            return Record(submitted, started, Exit("Lost", submitted.submitted, reason))
        if ended is not None and started is None:  # so an ended job always shows its start
            started = self.parsed(job, records.STARTED, Started)
        record = Record(msgspec.structs.replace(submitted, id=job), started, ended)
        if ended is not None:
            self._keep(job, record)
        return record

    def _exit(self, job: int) -> Exit | None:
        ended = self.parsed(job, records.EXIT, Exit)
        if ended is None and self.has(job, records.EXIT):
            reason = f"How the job ended is not known: {records.EXIT} is damaged."
            return Exit("Lost", self._changed(job, records.EXIT), reason)
        return ended

    def is_over(self, job: int) -> bool:
        """Tell whether a job has ended, or somebody removed its folder."""
        try:
            return self.record(job).terminal
        except NotFound:
            return True

    def ids(self) -> list[int]:
        """Return the ids of all jobs, oldest first; a moment old."""
        return list(self._list.ids())

    def unfinished(self) -> list[int]:
        """Return the ids of all jobs that have not ended, oldest first."""
        return [job for job in self._list.unfinished() if self.has(job, records.JOB)]

    def newest(
        self, before: int, status: str | None = None, user: str | None = None
    ) -> Iterator[Record]:
        """Yield the records of jobs below the id ``before``, newest first.

        Only those of a status and a user, where one is named. Raises as `records` with ``some``.
        """
        found = self.records(self._list.newest(before, status, user), some=True)
        return (
            record
            for record in found
            if status in (None, record.status) and user in (None, record.job.user)
        )

    def index_ended(self) -> None:
        """Make jobs that have ended quick to find, for a moment; raises nothing."""
        try:
            self._list.index(self.records, INDEX_S)
        except Exception:  # whoever looks after the queue must go on
            log.exception("the index of jobs could not be written")

    def code(self, job: int, limit: int = LARGEST_CODE) -> str:
        """Return a job's code, or its first ``limit`` bytes; raises NotFound where it is gone."""
        try:
            return self.read(job, records.CODE, 0, limit).decode(errors="replace")
        except (FileNotFoundError, NotRegular):
            raise NotFound(
                f"The code of job {job} is gone from its folder, {self.folder / str(job)}."
            ) from None

    def request_cancel(self, job: int, reason: str) -> None:
        """Ask whoever holds the job to end it; end it here where nobody does.

        A second request, and one for an ended job, changes nothing. Raises OSError where that
        cannot be written; on a full disk there may be an empty file then, which asks all the same.
        """
        if self.record(job).terminal:
            return
        content = msgspec.json.encode({"reason": reason, "requested": records.now()})
        path = self.path(job, records.CANCEL)
        try:
            with contextlib.suppress(FileExistsError):
                create_exclusive(path, content)
        except OSError:
            path.touch(0o600)
        if self.claim(job):
            self.end(job, "Cancelled", reason)

    def claim(self, job: int) -> bool:
        """Take a job that nobody has started, to end it; False where somebody has it."""
        with contextlib.suppress(FileExistsError):
            claim = msgspec.json.encode(Started(started=records.now(), node=self.runners.node))
            create_exclusive(self.path(job, records.STARTED), claim)
            return True
        return False

    def credentials(self, job: int) -> dict[str, str]:
        """Return the credentials for a waiting job's environment, with their names."""
        found = self.parsed(job, records.CREDENTIALS, dict[str, str]) or {}
        secret = (name for name in found if not name.endswith(records.NO_SECRETS))
        return {**found, records.SECRETS: ",".join(secret)} if found else {}

    def end(self, job: int, status: JobStatus, reason: str) -> None:
        """Write how a job ended, unless that is written already."""
        records.remove(str(self.path(job, records.CREDENTIALS)))
        content = msgspec.json.encode(Exit(status=status, ended=records.now(), reason=reason))
        with contextlib.suppress(FileExistsError):
            create_exclusive(self.path(job, records.EXIT), content)

    def parsed(self, job: int, name: str, kind: type[T]) -> T | None:
        """Return the content of a small file; None where it is not there or is damaged."""
        try:
            content = self.read(job, name)
        except FileNotFoundError:
            return None
        except NotRegular as error:
            log.warning("job %d: %s", job, error)
            return None
        return parse(content, kind, str(self.path(job, name)))

    def _has_ended(self, job: int) -> bool:
        """Tell whether a job has ended; most have long ago, which is quickly seen."""
        if not self.has(job, records.EXIT):
            return False
        try:
            beat = os.lstat(f"{self.folder}/{job}/{records.STARTED}").st_mtime
        except OSError:
            beat = 0.0
        if time.time() - beat > QUIET_S:
            return True
        try:
            return self.record(job).terminal
        except KdError:
            return False

    def has(self, job: int, name: str) -> bool:
        """Tell whether one of a job's files is there, whatever it is."""
        return os.path.lexists(f"{self.folder}/{job}/{name}")

    def _changed(self, job: int, name: str) -> str:
        return records.timestamp(os.lstat(self.path(job, name)).st_mtime_ns)

    def _keep(self, job: int, record: Record) -> None:
        self.runners.forget(job)
        with self._lock:
            self._ended[job] = record
            while len(self._ended) > KEPT_RECORDS:
                self._ended.popitem(last=False)
