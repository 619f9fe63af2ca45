"""How far a job is, as the end of its log tells: read when asked, and only what is new then."""

import codecs
import re
import threading
import time
from collections import OrderedDict
from datetime import datetime
from typing import Any

import msgspec

from kd_engines.training import records
from kd_engines.training.job_record import Record
from kd_engines.training.job_store import JobStore
from kd_pipeline.messages import Progress
from kd_pipeline.progress import ProgressReader
from kd_pipeline.regular_files import read_regular

TAIL = 4 * 1024  # bytes of a log that are looked at in one go; a list has many jobs
KEPT_ENDED = 10_000
KEPT_RUNNING = 500
_LINE_END = re.compile(r"[\n\r\x08]")


class _Reading:
    """One job's log: what was read of it, and up to where."""

    def __init__(self) -> None:
        self.reader = ProgressReader()
        self.offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self, store: JobStore, job: int, size: int) -> None:
        """Take in the log's end up to ``size``; what is longer than `TAIL` is left out."""
        skipped = size - self.offset > TAIL
        begin = size - TAIL if skipped else self.offset
        try:
            content = read_regular(store.path(job, records.LOG), begin, size - begin)
        except OSError:
            return
        self.offset = begin + len(content)
        if skipped:
            self.reader.skip()
            self._decoder.reset()
        text = self._decoder.decode(content)
        if skipped:  # it begins within a line, which would be misread
            first = _LINE_END.search(text)
            text = text[first.end() :] if first else ""
        self.reader.feed(text)


class JobProgress:
    """The progress of one store's jobs; an ended job's log is read once."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._running: OrderedDict[int, _Reading] = OrderedDict()
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
        reading = self._running.pop(job, None) or _Reading()
        self._running[job] = reading
        _shorten(self._running, KEPT_RUNNING)
        if size > reading.offset:
            reading.read(self._store, job, size)
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
