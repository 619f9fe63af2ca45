"""What the routes of a training engine share: its jobs, its queue, and how a job is told."""

import asyncio
from collections.abc import Callable, Sequence

from starlette.requests import Request

from kd_engines.training.intake.submission import check
from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Record
from kd_engines.training.machine import EnvironmentFinder
from kd_engines.training.queue.admission import Admission, Room, problems
from kd_engines.training.queue.job_queue import JobQueue
from kd_engines.training.store.job_curves import JobCurves
from kd_engines.training.store.job_progress import JobProgress
from kd_engines.training.store.job_store import JobStore
from kd_engines.training.store.log_stream import LogFollowers
from kd_engines.training.store.submissions import HIGHEST_ID
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import InvalidInput, NotFound
from kd_pipeline.messages import Job, SubmitJob, Usage


class Engine:
    """One training engine: the jobs of ``store``, run by ``queue``."""

    def __init__(
        self,
        store: JobStore,
        own: ClusterConnection,
        tokens: Callable[[], frozenset[str]],
        limit: int,
    ) -> None:
        self.store = store
        self.cluster, self.ml_engine = own.name, own.ml_engine
        self._runs_python = own.runs_python
        self.tokens = tokens
        self.room = Room.of_this_machine(limit)
        self.queue = JobQueue(store, own.name, tokens, Admission(self.room))
        self.followers = LogFollowers(store, lambda job: store.record(job).terminal)
        self.environment = EnvironmentFinder(store.root)
        self.progress = JobProgress(store)
        self.curves = JobCurves(store)

    async def submit(self, wanted: SubmitJob, rerun_of: int | None = None) -> tuple[int, bool]:
        """Take a job; return its id, and whether it is new. Raises as `check` and the store do."""
        check(wanted)
        if not self._runs_python:
            raise InvalidInput(
                f"This engine runs Python, and its kdapp calls it {self.ml_engine!r} (ml_engine in "
                "configMetadata), so no job is taken; change one of them."
            )
        for problem in problems(self.room, wanted.resources):
            raise InvalidInput(problem)
        self.queue.check_room()
        job, created = await asyncio.to_thread(self.store.submit, wanted, rerun_of)
        if created:
            self.queue.add(job)
        return job, created

    async def record(self, job: int) -> Record:
        """Return a job's record; raises NotFound."""
        return await asyncio.to_thread(self.store.record, job, patient=True)

    async def messages(self, found: Sequence[Record], request: Request) -> list[Job]:
        """Return many jobs as they go over the wire; their logs are looked at in a thread."""
        await asyncio.to_thread(lambda: [self.progress.find(record) for record in found])
        return [self.message(record, request) for record in found]

    def message(self, record: Record, request: Request) -> Job:
        """Return a job as it goes over the wire, with URLs at the host that was asked."""
        job, started, ended = record.job, record.started, record.exit
        began = started if started and started.pid else None
        return Job(
            id=job.id,
            cluster=self.cluster,
            status=record.status,
            submitted=job.submitted,
            request_url=url(request, f"/history/{job.id}"),
            log_url=url(request, f"/logs/{job.id}"),
            code_sha256=job.code_sha256,
            name=job.name,
            user=job.user,
            reason=ended.reason if ended else self.queue.reason(job.id),
            exit_code=ended.exit_code if ended else None,
            signal=ended.signal if ended else None,
            started=began.started if began else None,
            ended=ended.ended if ended else None,
            node=started.node if started else None,
            pid=began.child_pid if began else None,
            queue_position=None if ended else self.queue.position(job.id),
            log_size=self.store.log_size(job.id),
            outputs_size=self.store.size(job.id, records.OUTPUTS),
            origin=job.origin,
            params=job.params,
            inputs=job.inputs,
            outputs=job.outputs,
            files=job.files,
            requirements=job.requirements,
            resources=job.resources,
            timeout_s=job.timeout_s,
            rerun_of=job.rerun_of,
            usage=self._usage(record),
            progress=self.progress.find(record),
            memory_peak_bytes=ended.memory_peak_bytes if ended else None,
            clean=job.clean,
        )

    def _usage(self, record: Record) -> Usage | None:
        """Return what a running job's runner has measured last."""
        if record.status != "Running":
            return None
        try:
            return self.store.parsed(record.job.id, records.USAGE, Usage)
        except OSError:  # it is told with the next look
            return None


def engine_of(request: Request) -> Engine:
    """Return the engine that a request came to."""
    engine: Engine = request.app.state.engine
    return engine


def job_id(request: Request) -> int:
    """Return the job id of the path; raises NotFound for what is none."""
    text = str(request.path_params["id"])
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > HIGHEST_ID:
        raise NotFound(
            f"{text[:40]!r} is not a job id: ids are whole numbers, GET /jobs lists them."
        )
    return int(text)


def url(request: Request, path: str) -> str:
    """Return the absolute URL of a path at the host that the client asked."""
    host = request.headers.get("host") or "{}:{}".format(*(request.scope.get("server") or ("", 0)))
    return f"{request.url.scheme}://{host}{path}"


def number(request: Request, name: str, default: float, lowest: float, highest: float) -> float:
    """Return a number of the query; raises InvalidInput, which names its limits."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not lowest <= value <= highest:
        raise InvalidInput(
            f"{name} is {text[:40]!r}; it is a number from {lowest:g} to {highest:g}."
        )
    return value


def whole(request: Request, name: str, default: int, lowest: int, highest: int) -> int:
    """Return a whole number of the query; raises InvalidInput."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise InvalidInput(f"{name} is {text[:40]!r}; it is a whole number from {lowest}.")
    if not lowest <= int(text) <= highest:
        raise InvalidInput(f"{name} is {text}; it is a whole number from {lowest} to {highest}.")
    return int(text)
