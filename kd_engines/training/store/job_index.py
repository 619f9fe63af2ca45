"""Which ended jobs a user has, and which ended how: an index, made of the jobs' folders.

It is a file of SQLite on this machine, as a shared folder is no place for one. Whoever loses it
loses nothing: it is made again. An ended job never changes, so what is in it stays true.
"""

import contextlib
import hashlib
import logging
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from kd_engines.own_cache import is_own, own_cache
from kd_engines.training.job_folder.record import Record
from kd_pipeline.atomic import create_exclusive

log = logging.getLogger(__name__)

MOST = 50  # indexes that are kept
CHUNK = 200  # ids that are read at a time
BUSY_S = 5.0  # how long another engine of this machine may write
TABLE = """
CREATE TABLE IF NOT EXISTS ended (id INTEGER PRIMARY KEY, status TEXT NOT NULL, user TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_status ON ended (status, id);
CREATE INDEX IF NOT EXISTS by_user ON ended (user, id);
CREATE INDEX IF NOT EXISTS by_both ON ended (user, status, id);
"""
VERSION = 1  # of the table


class JobIndex:
    """The index of one folder of jobs, in ``path``; in memory where that is None."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        try:
            self._connection = _connect(path)
        except (sqlite3.Error, OSError) as error:
            log.warning("%s is not used: %s", path, error)
            # Not where another engine is writing it, or the disk is full.
            is_damaged = not isinstance(error, sqlite3.OperationalError | OSError)
            for left in _files(path) if is_damaged else ():
                with contextlib.suppress(OSError):
                    left.unlink()
            self._connection = _connect(None)

    @classmethod
    def of(cls, jobs: Path) -> "JobIndex":
        """Return that of a folder of jobs, which is known by a number that lies beside it.

        It is in ``KD_JOB_INDEX`` (empty: in memory), else below ``~/.cache``.
        """
        folder = own_cache("jobs", "KD_JOB_INDEX")
        name = _name(jobs) if folder else None
        if name is None or folder is None or not is_own(folder, "indexes of jobs"):
            return cls(None)
        with contextlib.suppress(OSError):  # another engine's turn
            _prune(folder)
        return cls(folder / f"{name}-{VERSION}.sqlite")

    def missing(self, jobs: Iterable[int]) -> set[int]:
        """Return those of the jobs that are not in it."""
        with self._lock:
            known = {row[0] for row in self._connection.execute("SELECT id FROM ended")}
        return {job for job in jobs if job not in known}

    def add(self, ended: Iterable[Record]) -> None:
        """Take in jobs that have ended; raises sqlite3.Error."""
        rows = [(one.job.id, one.status, one.job.user) for one in ended]
        with self._lock, self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO ended VALUES (?, ?, ?)", rows)

    def remove(self, job: int) -> None:
        """Forget a job, whose folder is gone; raises sqlite3.Error."""
        with self._lock, self._connection:
            self._connection.execute("DELETE FROM ended WHERE id = ?", (job,))

    def newest(self, before: int, status: str | None, user: str | None) -> Iterator[int]:
        """Yield ids below ``before``, newest first; raises sqlite3.Error."""
        wanted = {"status": status, "user": user}
        conditions = [f"{name} = :{name}" for name, value in wanted.items() if value is not None]
        where = " AND ".join(["id < :before", *conditions])
        # Only names of columns are put together.
        query = f"SELECT id FROM ended WHERE {where} ORDER BY id DESC LIMIT {CHUNK}"  # noqa: S608
        while True:
            with self._lock:
                rows = self._connection.execute(query, {**wanted, "before": before}).fetchall()
            for (job,) in rows:
                yield job
            if len(rows) < CHUNK:
                return
            before = rows[-1][0]


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.touch(0o600)  # in use again
    found = sqlite3.connect(path or ":memory:", timeout=BUSY_S, check_same_thread=False)
    if path is not None:
        found.execute("PRAGMA journal_mode = WAL")
        found.execute("PRAGMA synchronous = OFF")  # after a power cut it is made again, if damaged
        (state,) = found.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise sqlite3.DatabaseError(state)
    found.executescript(TABLE)
    return found


def _prune(folder: Path) -> None:
    """Drop those that have not been used for longest, of repositories that may be gone."""
    found = sorted(folder.glob("*.sqlite"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[MOST:]:
        for left in _files(path):
            left.unlink(missing_ok=True)


def _files(path: Path | None) -> list[Path]:
    return [path.with_name(path.name + end) for end in ("", "-wal", "-shm")] if path else []


def _name(jobs: Path) -> str | None:
    """Return what the jobs of a folder are known by; None where that cannot be kept."""
    path = jobs.parent / "jobs-id"
    try:
        with contextlib.suppress(FileExistsError):
            create_exclusive(path, secrets.token_hex(16).encode())
        return hashlib.sha256(path.read_bytes()).hexdigest()[:32]
    except OSError:
        return None
