"""Cancelling jobs also where the repository takes no file: the disk is full, or away."""

import logging
import signal

from kd_engines.training import processes
from kd_engines.training.job_folder import records
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.errors import KdError

log = logging.getLogger(__name__)

REASON = "The job was cancelled."
WAITS = "It is cancelled, which is written down once the project repository has room."


class Cancels:
    """The jobs of one store whose cancelling could not be written yet: they do not start."""

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._wanted: set[int] = set()

    def __contains__(self, job: int) -> bool:
        """Tell whether a job is to be cancelled and its files do not say so."""
        return job in self._wanted

    def is_asked_for(self, job: int) -> bool:
        """Tell whether a waiting job was to be cancelled, by an engine that could not end it."""
        if job not in self._wanted and self._store.has(job, records.CANCEL):
            self._wanted.add(job)
        return job in self._wanted

    def request(self, job: int) -> None:
        """Cancel a job, or stop it at once and write that down later; raises NotFound."""
        try:
            self._store.request_cancel(job, REASON)
        except OSError as error:
            log.warning("that job %d is cancelled cannot be written: %s", job, error)
            self._wanted.add(job)
            self._stop(job)
        else:
            self._wanted.discard(job)

    def retry(self) -> None:
        """Try again to write what could not be written; raises nothing."""
        for job in list(self._wanted):
            try:
                self.request(job)
            except KdError:  # the job is gone, or cannot be read either
                log.warning("job %d cannot be cancelled now", job)

    def forget(self, job: int) -> None:
        """Drop a job that has ended."""
        self._wanted.discard(job)

    def _stop(self, job: int) -> None:
        """Tell the runner of a job to end it, where it is one of this machine."""
        started = self._store.record(job).started
        if started is None or started.pid is None:
            return
        # The file may name any process; what began with the job's folder is the job's.
        if started.pid in processes.of_job(str(self._store.folder / str(job))):
            processes.send([started.pid], signal.SIGTERM)
