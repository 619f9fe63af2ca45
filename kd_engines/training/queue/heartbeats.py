"""Whether a job's runner is there: its process on this machine, its heartbeat on another."""

import time

from kd_engines.training import processes
from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Started
from kd_engines.training.store.job_store import JobStore

FOREIGN_SILENCE_S = 60.0  # a runner on another machine that long without a heartbeat is lost


class Heartbeats:
    """The runners of one store's jobs, as this machine sees them."""

    def __init__(self, store: JobStore) -> None:
        self.node = processes.node_name()
        self._boot_id = processes.boot_id()
        self._store = store
        self._seen: dict[int, tuple[int, float]] = {}

    def is_held(self, job: int, started: Started) -> bool:
        """Tell whether a job's runner is there."""
        if started.node == self.node:
            return (
                started.boot_id == self._boot_id
                and started.pid is not None
                and processes.is_alive(started.pid, started.start_time)
            )
        try:
            beat = self._store.path(job, records.STARTED).stat().st_mtime_ns
        except OSError:
            return True
        # Only our own clock counts, as the clocks of machines differ.
        seen = self._seen.get(job)
        if seen is None or seen[0] != beat:
            self._seen[job] = (beat, time.monotonic())
            return True
        return time.monotonic() - seen[1] < FOREIGN_SILENCE_S

    def forget(self, job: int) -> None:
        """Drop what is known of a job that has ended."""
        self._seen.pop(job, None)
