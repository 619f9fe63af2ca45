"""The REST calls of a training cluster; an engine of 2020 is asked in its own way."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import requests

from kd_client import legacy_engine
from kd_client.errors import BadOptions, EngineDown, UnknownRoute
from kd_client.exact_params import check_exact, with_exact_params
from kd_client.http_client import CONNECT_S, READ_S, ROUNDS, HttpClient, decoded
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import NotFound
from kd_pipeline.messages import (
    TERMINAL,
    Code,
    Curves,
    Environment,
    Failure,
    Job,
    JobList,
    JobOutputs,
    Preflight,
    PreflightAnswer,
    RerunJob,
    SubmitJob,
    Value,
    Values,
)

T = TypeVar("T")
# A job may print nothing for hours: the reader then asks anew, so that it notices a dead engine.
SILENCE_S = 30.0
LONGEST_POLL_S = 20.0
# What comes is given as it comes, in no larger parts: None would read an ended log in one.
LARGEST_PART = 512 * 1024
OLD_POLL_S = 1.0


class TrainingClient:
    """Jobs of one training cluster."""

    def __init__(
        self,
        find: Callable[[], ClusterConnection],
        connect_s: float = CONNECT_S,
        read_s: float | None = None,
    ) -> None:
        self._http = HttpClient(find, connect_s, read_s)
        self._is_old = False
        self._urls: dict[int, str] = {}

    @property
    def name(self) -> str:
        """Return the cluster's name."""
        return self._http.cluster.name

    @property
    def cluster(self) -> ClusterConnection:
        """Return the cluster as it is connected now; raises UnknownCluster."""
        return self._http.cluster

    def submit(self, wanted: SubmitJob) -> Job:
        """Send a job; its idempotency key makes sending again safe."""
        wanted = with_exact_params(wanted)
        job = self._either(
            lambda: decoded(self._http.call("POST", "/jobs", body=wanted), Job),
            lambda: legacy_engine.submit(self._http, wanted),
        )
        self._urls[job.id] = job.request_url
        return job

    def job(self, number: int, wait: float = 0, known: str = "") -> Job:
        """Return a job; with ``wait``, once its status is not ``known``, or after so long."""
        params = {"wait": min(wait, LONGEST_POLL_S), "known": known} if wait else {}

        def ask_old() -> Job:
            job = legacy_engine.job(self._http, number, self._at(number))
            if wait and job.status == known:
                time.sleep(min(wait, OLD_POLL_S))
            return job

        path = f"/jobs/{number}"
        return self._either(lambda: self._get(path, Job, **params), ask_old)

    def wait(self, number: int, timeout: float | None = None) -> Job:
        """Return a job once it has ended, or as it is after ``timeout`` seconds."""
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        job = self.job(number)
        while job.status not in TERMINAL and time.monotonic() < deadline:
            left = min(LONGEST_POLL_S, deadline - time.monotonic())
            job = self.job(number, max(0.01, left), job.status)
        return job

    def newest(self) -> Job | None:
        """Return the newest job of the cluster, or None."""
        return next(iter(self.page(READ_S, limit=1).jobs), None)

    def page(self, timeout: float, **wanted: Any) -> JobList:
        """Return a page of the jobs, newest first; ``wanted``: limit, before, status, user.

        An engine of 2020 gives its whole history at once.
        """
        rounds = ROUNDS if timeout >= READ_S else 1
        return self._either(
            lambda: decoded(
                self._http.call("GET", "/jobs", params=wanted, timeout=timeout, rounds=rounds),
                JobList,
            ),
            lambda: JobList(legacy_engine.jobs(self._http)),
        )

    def environment(self, timeout: float) -> Environment | None:
        """Return what a job will find on the cluster; None of an engine of 2020."""

        def ask_old() -> None:
            self._http.call("GET", "/history", timeout=timeout, rounds=1)

        return self._either(
            lambda: decoded(
                self._http.call("GET", "/environment", timeout=timeout, rounds=1), Environment
            ),
            ask_old,
        )

    def cancel(self, number: int) -> Job:
        """Ask for a job's end."""

        def refuse() -> Job:
            raise BadOptions(
                f"Cluster {self.name} has a legacy (2020) engine, which cannot cancel."
            )

        path = f"/jobs/{number}/cancel"
        return self._either(lambda: decoded(self._http.call("POST", path), Job), refuse)

    def log(self, number: int, offset: int = 0, limit: int | None = None) -> bytes:
        """Return the log's bytes from ``offset``, at most ``limit`` of them."""
        return self.log_part(number, offset, limit)[0]

    def log_part(self, number: int, offset: int, limit: int | None) -> tuple[bytes, int]:
        """Return the log's bytes from ``offset``, and how many the whole log has now."""
        params = {"offset": offset} | ({} if limit is None else {"limit": limit})

        def ask() -> tuple[bytes, int]:
            answer = self._http.call("GET", f"/jobs/{number}/log", params=params)
            size = answer.headers.get("X-Log-Size", "")
            told = int(size) if size.isdecimal() else offset + len(answer.content)
            return answer.content, told

        def ask_old() -> tuple[bytes, int]:
            whole = legacy_engine.log(self._http, number, self._at(number))
            return whole[offset:][:limit], len(whole)

        return self._either(ask, ask_old)

    def log_since(self, number: int, when: str) -> int | None:
        """Return the byte of the log reached at a time (RFC 3339); None where it keeps no times."""

        def ask() -> int | None:
            params = {"since": when, "limit": 0}
            answer = self._http.call("GET", f"/jobs/{number}/log", params=params)
            offset = answer.headers.get("X-Log-Since", "")
            return int(offset) if offset.isdecimal() else None

        return self._either(ask, lambda: None)

    def log_size(self, job: Job) -> int:
        """Return how many bytes the log of a job has now."""
        return len(self.log(job.id)) if self._is_old else job.log_size

    @contextmanager
    def follow(
        self, number: int, offset: int, silence_s: float = SILENCE_S
    ) -> Iterator[Iterator[bytes]]:
        """Give what is in the log from ``offset`` and what comes, until the job ends or is silent.

        Raises EngineDown where the connection breaks: ask again with the offset reached.
        """
        if self._is_old:
            time.sleep(OLD_POLL_S)
            yield iter([self.log(number, offset)])
            return
        params = {"offset": offset, "follow": 1}
        answer = self._http.call(
            "GET", f"/jobs/{number}/log", params=params, stream=True, timeout=silence_s
        )
        try:
            yield answer.iter_content(LARGEST_PART)
        except requests.RequestException:
            raise EngineDown(f"The connection to cluster {self.name} broke.") from None
        finally:
            answer.close()

    def outputs(self, number: int, after: int = 0) -> JobOutputs:
        """Return a job's rich outputs that come after a former answer's ``next``."""
        path = f"/jobs/{number}/outputs"
        return self._either(
            lambda: self._get(path, JobOutputs, after=after), lambda: JobOutputs([], after)
        )

    def preflight(self, question: Preflight, timeout: float) -> PreflightAnswer:
        """Return what a job would miss; it is asked once, and raises UnknownRoute where it is old.

        An engine that needs longer than ``timeout`` seconds is an EngineDown here.
        """
        answer = self._http.call("POST", "/preflight", body=question, timeout=timeout, rounds=1)
        return decoded(answer, PreflightAnswer)

    def values(self, number: int) -> Values:
        """Return which outputs a job has kept, and why others are missing."""
        return self._get(f"/jobs/{number}/values", Values)

    def value(self, number: int, name: str) -> Value:
        """Return a kept output with its data; raises NotFound, which tells why there is none."""
        return self._get(f"/jobs/{number}/values/{name}", Value)

    def value_part(self, number: int, name: str, offset: int) -> bytes:
        """Return a part of a kept output's data from a byte on; raises NotFound as `value`."""
        path = f"/jobs/{number}/values/{name}/data"
        content: bytes = self._http.call("GET", path, params={"offset": offset}).content
        return content

    def failure(self, number: int) -> Failure | None:
        """Return the exception that ended a job; None where none did, or the engine is old."""
        try:
            return self._get(f"/jobs/{number}/failure", Failure)
        except NotFound:
            return None

    def curves(self, number: int) -> Curves:
        """Return a job's metrics and what it used over time; an older engine tells of neither."""
        try:
            return self._get(f"/jobs/{number}/curves", Curves)
        except UnknownRoute:
            return Curves({}, [])

    def code(self, number: int) -> Code:
        """Return a job's code."""
        return self._get(f"/jobs/{number}/code", Code)

    def rerun(self, number: int, wanted: RerunJob) -> Job:
        """Send a job's code, values and files once more; its key makes sending again safe."""
        check_exact(wanted.params)

        def refuse() -> Job:
            raise BadOptions(
                f"Cluster {self.name} has a legacy (2020) engine, which cannot run a job again: "
                "run its cell again."
            )

        path = f"/jobs/{number}/rerun"
        job = self._either(lambda: decoded(self._http.call("POST", path, body=wanted), Job), refuse)
        self._urls[job.id] = job.request_url
        return job

    def remember(self, number: int, url: str) -> None:
        """Keep where a job of an engine of 2020 is to be asked for."""
        self._urls[number] = url

    def _either(self, ask: Callable[[], T], ask_old: Callable[[], T]) -> T:
        if not self._is_old:
            try:
                return ask()
            except UnknownRoute:
                self._is_old = True
        try:
            return ask_old()
        except UnknownRoute:
            # Neither: whatever answered was no engine of 2020, so ours is asked next time.
            self._is_old = False
            raise

    def _get(self, path: str, kind: type[T], **params: Any) -> T:
        return decoded(self._http.call("GET", path, params=params), kind)

    def _at(self, number: int) -> str | None:
        return legacy_engine.origin_of(self._http, self._urls.get(number, ""))


def ended_well(job: Job) -> bool:
    """Tell whether a job finished as it should."""
    return job.status == "Finished"
