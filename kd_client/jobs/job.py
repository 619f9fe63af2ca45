"""The handle of a job: what it is, asked anew, and what can be done with it."""

import secrets
import time
from collections.abc import Iterator
from html import escape
from typing import Any

from kd_client.attached import user_name
from kd_client.jobs.failures import error_of
from kd_client.jobs.outputs import all_outputs, latest_outputs
from kd_client.jobs.reasons import Why, why
from kd_client.jobs.results import result
from kd_client.training_client import TrainingClient, ended_well
from kd_pipeline.errors import Unavailable
from kd_pipeline.messages import TERMINAL, Curves, Failure, Progress, RerunJob
from kd_pipeline.messages import Job as JobMessage

AGAIN_FOR_S, AGAIN_EVERY_S = 60.0, 0.5


class Job:
    """A job on a training cluster; ``status`` and the rest are asked from the engine."""

    def __init__(self, client: TrainingClient, message: JobMessage, handle: str = "") -> None:
        self._client = client
        self._message = message
        self.allow_pickle = (
            False  # whether its cell was sent from here as a pickle where that is needed
        )
        self.handle = handle or str(message.id)  # as `job` of Attached takes it

    @property
    def id(self) -> int:
        """Return the job's number."""
        return self._message.id

    @property
    def cluster(self) -> str:
        """Return the name of the job's cluster."""
        return self._message.cluster

    @property
    def url(self) -> str:
        """Return the job's history URL."""
        return self._message.request_url

    @property
    def message(self) -> JobMessage:
        """Return the job as the engine tells it now; what has ended is not asked again."""
        if self._message.status not in TERMINAL:
            self.update(self._client.job(self.id))
        return self._message

    @property
    def last(self) -> JobMessage:
        """Return the job as it was last told, without asking."""
        return self._message

    @property
    def status(self) -> str:
        """Return Queued, Running, Finished, Failed, Cancelled, TimedOut, OutOfMemory or Lost."""
        return self.message.status

    @property
    def client(self) -> TrainingClient:
        """Return the client of the job's cluster."""
        return self._client

    @property
    def result(self) -> Any:
        """Return the value that the job has kept among its outputs, or a dict of several by name.

        Raises NoResult where there is none (yet), RemoteJobError where the job failed.
        """
        return result(self._client, self.message, self.allow_pickle)

    @property
    def failure(self) -> Failure | None:
        """Return the exception that ended the job, with its frames; None where none did."""
        return self._client.failure(self.id) if self.status in TERMINAL else None

    @property
    def progress(self) -> Progress | None:
        """Return how far the job is, as its prints tell."""
        return self.message.progress

    def curves(self) -> Curves:
        """Return the job's metrics and what it used, over time; thinned evenly."""
        return self._client.curves(self.id)

    @property
    def params(self) -> dict[str, Any]:
        """Return the job's params."""
        return self._message.params

    def log(self, offset: int = 0) -> str:
        """Return the log from byte ``offset``, which is where an earlier answer ended."""
        return self._client.log(self.id, offset).decode(errors="replace")

    def follow(self, offset: int = 0) -> Iterator[bytes]:
        """Yield the log from byte ``offset`` as it comes, until the job has ended.

        A broken connection is made again where it broke, up to a minute long; then EngineDown is
        raised. The bytes of a character may be in two parts.
        """
        until = time.monotonic() + AGAIN_FOR_S
        while True:
            try:
                is_over = self.status in TERMINAL
                with self._client.follow(self.id, offset) as parts:
                    for part in parts:
                        offset += len(part)
                        until = time.monotonic() + AGAIN_FOR_S
                        yield part
                if is_over:
                    return
            except Unavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(AGAIN_EVERY_S)

    def outputs(self) -> list[dict[str, Any]]:
        """Return the rich outputs as they are now, as nbformat output objects."""
        shown = latest_outputs(all_outputs(self._client, self.id))
        return [entry.output for entry in shown]

    def wait(self, timeout: float | None = None) -> "Job":
        """Return the job once it has ended, or after ``timeout`` seconds."""
        self.update(self._client.wait(self.id, timeout))
        return self

    def raise_unless_well(self) -> None:
        """Raise RemoteJobError where the job has ended and did not finish well."""
        message = self.message
        if message.status in TERMINAL and not ended_well(message):
            raise error_of(self._client, message)

    def why(self) -> Why:
        """Return why the job waits, or ended as it did."""
        return why(self._client, self.message)

    def rerun(
        self,
        params: dict[str, Any] | None = None,
        name: str | None = None,
        origin: dict[str, str] | None = None,
        credentials: dict[str, str] | None = None,
    ) -> "Job":
        """Send the job's code, values and files once more, with other params where given.

        ``credentials`` are for the new job's environment; the first one's are not kept.

        Raises NotFound where the engine does not have them any more, InvalidInput for params that
        the job does not have.
        """
        wanted = RerunJob(
            params=params or {},
            name=name,
            user=user_name(),
            idempotency_key=secrets.token_hex(16),
            origin=origin or {},
            credentials=credentials or {},
        )
        job = Job(self._client, self._client.rerun(self.id, wanted))
        job.allow_pickle = self.allow_pickle
        return job

    def cancel(self) -> "Job":
        """Ask for the job's end."""
        self.update(self._client.cancel(self.id))
        return self

    def update(self, message: JobMessage) -> None:
        """Take a newer state of the job; its URL stays the one that was printed."""
        message.request_url = self._message.request_url or message.request_url
        self._message = message

    def __repr__(self) -> str:
        message = self._newest()
        metrics = message.progress.metrics if message.progress else {}
        facts = [f"{name}={value!r}" for name, value in message.params.items()]
        facts += [f"{name} {value:.6g}" for name, value in metrics.items()]
        more = f" ({', '.join(facts)})" if facts else ""
        thread = f". {message.reason}" if message.reason and ended_well(message) else ""
        return f"Job {self.id} on {self.cluster}: {message.status}{more}{thread}"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(label)}</th>"
            f"<td style='text-align:left'>{escape(str(value))}</td></tr>"
            for label, value in _fields(self._newest()).items()
        )
        return f"<div><b>Job {self.id}</b><table>{rows}</table></div>"

    def _newest(self) -> JobMessage:
        try:
            return self.message
        except Unavailable:
            return self._message  # the last known; showing an object raises nothing


def _fields(job: JobMessage) -> dict[str, Any]:
    """Return what a view of a job shows, by its label; without what is not known."""
    metrics = job.progress.metrics if job.progress else {}
    fields = {
        "Status": job.status + (f": {job.reason}" if job.reason else ""),
        "Name": job.name,
        "Cluster": job.cluster,
        "User": job.user,
        "Params": ", ".join(f"{name}={value!r}" for name, value in job.params.items()),
        "Metrics": ", ".join(f"{n} {v:.6g}" for n, v in metrics.items()),
        "Submitted": job.submitted,
        "Started": job.started,
        "Ended": job.ended,
        "History URL": job.request_url,
    }
    return {label: value for label, value in fields.items() if value}
