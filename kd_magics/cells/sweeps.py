"""The jobs of one --grid, as one thing: a table of them, waiting for all, and the best one."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, overload

from kd_client.errors import BadOptions, NoResult, RemoteJobError
from kd_client.jobs import saved_reference
from kd_client.jobs.comparison import best_job, direction, main_metric, metrics_of, names_of
from kd_client.jobs.failures import error_of
from kd_client.jobs.job import Job
from kd_client.training_client import ended_well
from kd_magics.cards import grid_view
from kd_magics.commands.cancel import show_cancelled
from kd_magics.errors import WatchStopped
from kd_pipeline.errors import Unavailable


class Sweep(Sequence[Job]):
    """Jobs of the same code with other params, in the variable ``_jobs``; ``names`` vary."""

    def __init__(self, jobs: Sequence[Job], names: Sequence[str]) -> None:
        self._jobs = list(jobs)
        self.names = list(names)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> "Sweep": ...
    def __getitem__(self, index: int | slice) -> "Job | Sweep":
        if isinstance(index, slice):
            return Sweep(self._jobs[index], self.names)
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
        with self.left_alone():
            self.wait()
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

    @contextlib.contextmanager
    def left_alone(self) -> Iterator[None]:
        """Raise WatchStopped where what is done is interrupted: the jobs go on."""
        try:
            yield
        except KeyboardInterrupt:
            raise WatchStopped(
                f"Stopped waiting; the {len(self)} jobs go on. _jobs shows them, _jobs.wait() "
                "waits again, _jobs.cancel() ends them."
            ) from None

    def best(self, metric: str | None = None, smallest: bool | None = None) -> Job:
        """Return the finished job with the best last value of a metric, and print which it is.

        Without ``metric`` it is the one that they are best compared by; without ``smallest`` the
        metric's name tells whether less or more is better. Raises NoResult where no finished job
        has printed it, BadOptions where neither tells which way is better.
        """
        ended = [job.last for job in self._jobs if ended_well(job.message)]
        known = names_of(metrics_of(message) for message in ended)
        metric = metric or main_metric(ended)
        if metric in known and smallest is None and not direction(metric):
            raise BadOptions(
                f"The name {metric!r} does not tell whether less or more is better: "
                f"_jobs.best({metric!r}, smallest=True) or smallest=False."
            )
        found = best_job(ended, metric, smallest) if metric in known else None
        if metric is None or found is None:
            what = f"a metric {metric!r}" if metric else "a metric, such as rmse=5.2"
            raise NoResult(
                f"No finished job of the {len(self._jobs)} has printed {what}; "
                f"metrics: {', '.join(sorted(known)) or 'none'}."
            )
        print(grid_view.best_words(ended, self.names, metric, found))
        return next(job for job in self._jobs if job.last is found)

    def cancel(self) -> "Sweep":
        """Ask for the end of all jobs that have not ended, and print how each did."""
        show_cancelled(self._jobs)
        return self

    def _params(self, job: Job) -> str:
        return ", ".join(f"{name}={job.params.get(name)!r}" for name in self.names)

    def _snapshot(self) -> grid_view.GridSnapshot:
        for job in self._jobs:
            _refresh(job)
        return grid_view.GridSnapshot([j.last for j in self._jobs], self.names, datetime.now(UTC))

    def __repr__(self) -> str:
        return grid_view.text(self._snapshot()) if self._jobs else "No jobs."

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        if not self._jobs:
            return {"text/plain": repr(self)}
        now = self._snapshot()
        # What our own front end finds the jobs by, to show them live.
        live = {saved_reference.MIME_OF_MANY: saved_reference.reference_of_many(self._jobs)}
        return {"text/plain": grid_view.text(now), "text/html": grid_view.html(now), **live}


def _refresh(job: Job) -> None:
    # Showing an object raises nothing; the last known state is shown.
    with contextlib.suppress(Unavailable):
        _ = job.message
