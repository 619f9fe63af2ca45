"""How far a job is, as the end of its log tells: read when asked, and only what is new then."""

import threading
import time
from collections import OrderedDict
from datetime import datetime
from typing import Any

import msgspec

from kd_engines.training.job_folder.record import Record
from kd_engines.training.store.job_store import JobStore
from kd_engines.training.store.log_reading import LogReading
from kd_pipeline.messages import Progress

TAIL = 4 * 1024  # bytes of a log that are looked at in one go; a list has many jobs
KEPT_ENDED = 10_000
KEPT_RUNNING = 500


class JobProgress:
    """The progress of one store's jobs; an ended job's log is read once."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._running: OrderedDict[int, LogReading] = OrderedDict()
        self._ended: OrderedDict[int, Progress | None] = OrderedDict()

    def find(self, record: Record) -> Progress | None:
        """Return a job's progress, or None where its log tells nothing of it."""
        job = record.job.id
        if record.started is None:
            return None
        with self._lock:
            if job in self._ended:
                return self._ended[job]
            progress = self._read(job)
            if not record.terminal:
                return _with_eta(progress, record.started.started) if progress else None
            self._running.pop(job, None)
            if progress:
                progress.eta_s = None
            self._ended[job] = progress
            _shorten(self._ended, KEPT_ENDED)
            return progress

    def _read(self, job: int) -> Progress | None:
        size = self._store.log_size(job)
        reading = self._running.pop(job, None) or LogReading()
        self._running[job] = reading
        _shorten(self._running, KEPT_RUNNING)
        if size > reading.offset:
            reading.read(self._store, job, max(reading.offset, size - TAIL), size)
        progress = reading.reader.progress
        return None if progress == Progress() else progress


def _with_eta(progress: Progress, started: str) -> Progress:
    """Where nothing else tells it: what is left takes as long as what was done, in proportion."""
    if progress.eta_s is not None or not progress.fraction:
        return progress
    elapsed = time.time() - datetime.fromisoformat(started).timestamp()
    eta_s = max(0.0, elapsed * (1 - progress.fraction) / progress.fraction)
    return msgspec.structs.replace(progress, eta_s=eta_s)


def _shorten(kept: "OrderedDict[int, Any]", longest: int) -> None:
    while len(kept) > longest:
        kept.popitem(last=False)
