"""A job's metrics, as its log tells them, and what it used, both over time."""

import threading
from collections import OrderedDict

import msgspec

from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Record
from kd_engines.training.store.job_store import JobStore
from kd_engines.training.store.log_reading import LogReading
from kd_pipeline.messages import Curves, MetricPoint, UsagePoint

# A log says up to 20,000 metrics per MB, and a reader takes a second for these.
WHOLE = 1024 * 1024
PARTS = 128
PART = WHOLE // PARTS
LARGEST_USAGE = 512 * 1024
MOST_KEPT = 200  # more than are compared


class JobCurves:
    """The curves of one store's jobs; what was read of a log is not read again."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._readings: OrderedDict[int, _Reading] = OrderedDict()

    def find(self, record: Record) -> Curves:
        """Return a job's curves as they are now; both are empty before it has begun."""
        job = record.job.id
        with self._lock:
            reading = self._readings.pop(job, None) or _Reading()
            self._readings[job] = reading
            while len(self._readings) > MOST_KEPT:
                self._readings.popitem(last=False)
        with reading.lock:
            reading.advance(self._store, job)
            metrics = {
                name: [MetricPoint(*point) for point in points]
                for name, points in reading.log.reader.curves.items()
            }
            return Curves(metrics, self._usage(job), reading.is_sampled)

    def _usage(self, job: int) -> list[UsagePoint]:
        try:
            content = self._store.read(job, records.USAGE_TIMES, 0, LARGEST_USAGE)
        except OSError:
            return []
        return [point for line in content.splitlines() if (point := _point(line))]


class _Reading:
    """How far one job's log was read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.log = LogReading()
        self.is_sampled = False

    def advance(self, store: JobStore, job: int) -> None:
        """Read what is new: all of it, or as many parts as there is time for."""
        begin, size = self.log.offset, store.log_size(job)
        if size - begin <= WHOLE:
            if size > begin:
                self.log.read(store, job, begin, size)
            return
        self.is_sampled = True
        step = (size - begin - PART) / (PARTS - 1)
        for number in range(PARTS):
            start = begin + round(number * step)
            self.log.read(store, job, start, start + PART)


def _point(line: bytes) -> UsagePoint | None:
    """Return a line of usage-times.jsonl; None where a full disk has cut it off."""
    try:
        return msgspec.json.decode(line, type=UsagePoint)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
