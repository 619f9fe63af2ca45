"""Which jobs a folder has, and which of them have not ended."""

import heapq
import logging
import os
import sqlite3
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kd_engines.training.job_folder.record import Record
from kd_engines.training.store.job_index import JobIndex
from kd_engines.training.store.submissions import numbers

log = logging.getLogger(__name__)

LIST_AGE_S = 1.0  # how long the list may be behind what another engine submitted
LIST_PART = 0.01  # of the time may go into listing: a long list may be older
LATE = 1000  # an id may come into the folder when so many higher ones are there already


class JobList:
    """The ids of a folder's jobs; those of its own engine are added, others are found."""

    def __init__(self, folder: Path, has_ended: Callable[[int], bool]) -> None:
        self._folder = folder
        self._has_ended = has_ended
        self._lock, self._looking = threading.Lock(), threading.Lock()
        self._all = array("q")
        self._open: set[int] = set()  # that have not ended, as far as is known
        self._unindexed: set[int] = set()  # that have
        self._index: JobIndex | None = None
        self._next_look = float("-inf")
        self._change = 0

    def add(self, job: int) -> None:
        """Take in a job that was submitted here."""
        with self._lock:
            self._open.add(job)
            if not self._all or job > self._all[-1]:
                self._all.append(job)
            else:
                self._next_look = float("-inf")

    def ids(self) -> "array[int]":
        """Return the ids of all jobs, oldest first; at most `LIST_AGE_S` old, if they are few."""
        with self._looking:
            if time.monotonic() >= self._next_look:
                began = time.monotonic()
                self._look()
                took = time.monotonic() - began
                self._next_look = time.monotonic() + max(LIST_AGE_S, took / LIST_PART)
        return self._all

    def unfinished(self) -> list[int]:
        """Return the ids of all jobs that have not ended, oldest first."""
        self.ids()
        with self._lock:
            candidates = sorted(self._open)
        ended = {job for job in candidates if self._has_ended(job)}
        gone = {job for job in candidates if job not in ended and not self._is_there(job)}
        with self._lock:
            self._open -= ended | gone
            self._unindexed |= ended
            return [job for job in candidates if job in self._open]

    def _is_there(self, job: int) -> bool:
        return os.path.lexists(f"{self._folder}/{job}")

    def newest(
        self, before: int, status: str | None = None, user: str | None = None
    ) -> Iterator[int]:
        """Yield ids below ``before``, newest first, each once.

        Among them is every job of the status and the user; those that are not in the index yet
        may be others.
        """
        self.ids()
        with self._lock:
            others = sorted(self._open | self._unindexed, reverse=True)
        rest = (job for job in others if job < before)
        last = None
        for job in heapq.merge(rest, self._indexed(before, status, user), reverse=True):
            if job != last:
                yield job
            last = job

    def _indexed(self, before: int, status: str | None, user: str | None) -> Iterator[int]:
        if self._index is None:
            return
        try:
            for job in self._index.newest(before, status, user):
                yield job
                before = job
        except sqlite3.Error as error:
            log.warning("the index of jobs cannot be read: %s", error)
            yield from (job for job in reversed(self._all) if job < before)

    def index(self, records: Callable[[Iterable[int]], Iterable[Record]], seconds: float) -> None:
        """Take ended jobs into the index, for so long; raises nothing."""
        deadline = time.monotonic() + seconds
        while self._unindexed and self._index and time.monotonic() < deadline:
            with self._lock:
                some = heapq.nlargest(100, self._unindexed)
            found = {record.job.id: record for record in records(some)}
            try:
                self._index.add(record for record in found.values() if record.terminal)
            except sqlite3.Error as error:  # such as a full disk: they stay where they are
                log.warning("the index of jobs could not be written: %s", error)
                return
            gone = {job for job in some if job not in found and not self._is_there(job)}
            with self._lock:
                self._unindexed -= found.keys() | gone
                self._open |= {job for job, record in found.items() if not record.terminal}
            if not found and not gone:  # the repository is away
                return

    def forget(self, job: int) -> None:
        """Drop a job whose folder is gone."""
        with self._lock:
            self._open.discard(job)
            self._unindexed.discard(job)
        if self._index:
            try:
                self._index.remove(job)
            except sqlite3.Error as error:
                log.warning("the index of jobs could not be written: %s", error)

    def _look(self) -> None:
        """List the folder where it has changed; raises OSError."""
        change = self._folder.stat().st_mtime_ns
        # A folder that changed just now may change again within its clock's resolution.
        if change == self._change and time.time_ns() - change >= 2_000_000_000:
            return
        found = array("q", sorted(numbers(self._folder)))
        if self._index is None:
            self._index = JobIndex.of(self._folder)
            new = self._index.missing(found)
            known = set[int]()
        else:
            first = self._all[-LATE] if len(self._all) > LATE else 0
            new = {job for job in found if job >= first}
            known = set(self._all)
        with self._lock:
            self._open |= new - known - self._unindexed
            newer = [job for job in self._all if not found or job > found[-1]]
            self._all, self._change = found + array("q", newer), change
