"""The jobs of one --grid, as one thing: a table of them, waiting for all, and the best one."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, overload

from kd_client.errors import NoResult, RemoteJobError
from kd_client.jobs import saved_reference
from kd_client.jobs.failures import error_of
from kd_client.jobs.job import Job
from kd_client.jobs.saved_reference import as_of
from kd_client.training_client import ended_well
from kd_magics.commands.cancel import show_cancelled
from kd_magics.errors import WatchStopped
from kd_magics.tables import Table
from kd_pipeline.errors import Unavailable
from kd_pipeline.messages import TERMINAL


class Sweep(Sequence[Job]):
    """Jobs of the same code with other params, in the variable ``_jobs``; ``names`` vary."""

    def __init__(self, jobs: Sequence[Job], names: Sequence[str]) -> None:
        self._jobs = list(jobs)
        self._names = list(names)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> "Sweep": ...
    def __getitem__(self, index: int | slice) -> "Job | Sweep":
        if isinstance(index, slice):
            return Sweep(self._jobs[index], self._names)
        return self._jobs[index]

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs)

    def wait(self, timeout: float | None = None) -> "Sweep":
        """Return once all jobs have ended, or after ``timeout`` seconds for each."""
        for job in self._jobs:
            job.wait(timeout)
        return self

    def wait_well(self) -> None:
        """Wait for all jobs; raises one RemoteJobError that names those that failed.

        Raises WatchStopped where it is interrupted.
        """
        try:
            self.wait()
        except KeyboardInterrupt:
            raise WatchStopped(
                f"Stopped waiting; the {len(self)} jobs go on. _jobs shows them, _jobs.wait() "
                "waits again, _jobs.cancel() ends them."
            ) from None
        bad = [job for job in self._jobs if not ended_well(job.message)]
        print(f"{len(self._jobs) - len(bad)} of {len(self._jobs)} jobs finished.")
        if bad:
            first = error_of(bad[0].client, bad[0].message)
            others = ", ".join(f"{job.id} ({self._params(job)})" for job in bad)
            raise RemoteJobError(
                f"{len(bad)} of {len(self._jobs)} jobs did not finish: {others}. The first: "
                f"{first}",
                first.job,
                first.status,
                first.failure,
                first.remote,
                hint=first.hint,
            )

    def best(self, metric: str, smallest: bool = True) -> Job:
        """Return the finished job with the smallest (or largest) last value of a metric.

        Raises NoResult where no finished job has printed it.
        """
        found = {
            job: value
            for job in self._jobs
            if ended_well(job.message) and (value := _metrics(job).get(metric)) is not None
        }
        if not found:
            known = sorted({name for job in self._jobs for name in _metrics(job)})
            raise NoResult(
                f"No finished job of the {len(self._jobs)} has printed a metric {metric!r}; "
                f"metrics: {', '.join(known) or 'none'}."
            )
        return (min if smallest else max)(found, key=lambda job: found[job])

    def cancel(self) -> "Sweep":
        """Ask for the end of all jobs that have not ended, and print how each did."""
        show_cancelled(self._jobs)
        return self

    def table(self) -> Table:
        """Return the jobs with their params, states and last metrics."""
        for job in self._jobs:
            _refresh(job)
        return self.last_table()

    def last_table(self) -> Table:
        """Return the table with what is known already; nothing is asked."""
        metrics = sorted({name for job in self._jobs for name in _metrics(job)})
        rows = [
            [
                job.id,
                *(job.params.get(name) for name in self._names),
                job.last.status,
                *(f"{m[name]:g}" if name in (m := _metrics(job)) else "" for name in metrics),
            ]
            for job in self._jobs
        ]
        going = any(job.last.status not in TERMINAL for job in self._jobs)
        notes = [f"{as_of(datetime.now(UTC)).capitalize()}."] if going else []
        return Table(["Job", *self._names, "Status", *metrics], rows, notes)

    def bundle(self, table: Table) -> dict[str, Any]:
        """Return the table for any front end, and what ours finds the jobs by to show them live."""
        reference = saved_reference.reference_of_many(self._jobs)
        live = {saved_reference.MIME_OF_MANY: reference}
        return {"text/plain": table.text, "text/html": table.html, **live}

    def _params(self, job: Job) -> str:
        return ", ".join(f"{name}={job.params.get(name)!r}" for name in self._names)

    def __repr__(self) -> str:
        return self.table().text

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return self.bundle(self.table())


def _metrics(job: Job) -> dict[str, float]:
    progress = job.last.progress
    return progress.metrics if progress else {}


def _refresh(job: Job) -> None:
    # Showing an object raises nothing; the last known state is shown.
    with contextlib.suppress(Unavailable):
        _ = job.message
