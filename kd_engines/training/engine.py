"""What the routes of a training engine share: its jobs, its queue, and how a job is told."""

import asyncio
import re
from collections.abc import Callable

from starlette.requests import Request

from kd_engines.training import start
from kd_engines.training.environment import EnvironmentFinder
from kd_engines.training.job_record import Record
from kd_engines.training.job_store import JobStore
from kd_engines.training.log_stream import LogFollowers
from kd_engines.training.queue import JobQueue
from kd_pipeline.errors import InvalidInput, NotFound, TooLarge
from kd_pipeline.messages import Job, SubmitJob

LARGEST_CODE = 4 * 1024 * 1024
LONGEST_TEXT = 200  # of a job's name, user and idempotency key, in characters
LARGEST_EXTRAS = 64 * 1024  # of a job's environment or origin, in characters
LONGEST_TIMEOUT_S = 366 * 86400
HIGHEST_ID = 2**53
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Engine:
    """One training engine: the jobs of ``store``, run by ``queue``."""

    def __init__(
        self, store: JobStore, cluster: str, tokens: Callable[[], frozenset[str]], limit: int
    ) -> None:
        self.store = store
        self.cluster = cluster
        self.tokens = tokens
        self.queue = JobQueue(store, cluster, tokens, limit)
        self.followers = LogFollowers(store, lambda job: store.record(job).terminal)
        self.environment = EnvironmentFinder()

    async def submit(self, wanted: SubmitJob) -> tuple[int, bool]:
        """Take a job; return its id, and whether it is new. Raises as `check` and the store do."""
        check(wanted)
        self.queue.check_room()
        job, created = await asyncio.to_thread(self.store.submit, wanted)
        if created:
            self.queue.add(job)
        return job, created

    async def record(self, job: int) -> Record:
        """Return a job's record; raises NotFound."""
        return await asyncio.to_thread(self.store.record, job)

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
            reason=ended.reason if ended else self.queue.trouble(job.id),
            exit_code=ended.exit_code if ended else None,
            signal=ended.signal if ended else None,
            started=began.started if began else None,
            ended=ended.ended if ended else None,
            node=started.node if started else None,
            pid=began.child_pid if began else None,
            queue_position=None if ended else self.queue.position(job.id),
            log_size=self.store.log_size(job.id),
            origin=job.origin,
        )


def check(wanted: SubmitJob) -> None:
    """Raise InvalidInput or TooLarge, which name the field, its limit and what to do."""
    if not wanted.code.strip():
        raise InvalidInput("The code is empty; send the code that the job is to run.")
    size = len(wanted.code.encode())
    if size > LARGEST_CODE:
        raise TooLarge(
            f"The code has {size:,} bytes, {LARGEST_CODE:,} are the limit; put data and modules "
            "into the project repository and read them from there."
        )
    for field, text in (
        ("name", wanted.name),
        ("user", wanted.user),
        ("idempotency_key", "-" if wanted.idempotency_key is None else wanted.idempotency_key),
    ):
        if len(text) > LONGEST_TEXT or _CONTROL.search(text):
            raise InvalidInput(
                f"{field} has at most {LONGEST_TEXT} characters and no control characters; "
                f"this one has {len(text)} characters."
            )
    if wanted.idempotency_key == "":
        raise InvalidInput("idempotency_key is empty; leave it out or give one per submission.")
    for field, texts in (("env", wanted.env), ("origin", wanted.origin)):
        length = sum(len(key) + len(value) for key, value in texts.items())
        if length > LARGEST_EXTRAS:
            raise TooLarge(
                f"{field} has {length:,} characters, {LARGEST_EXTRAS:,} are the limit; put long "
                "values into a file of the project repository."
            )
    if wanted.timeout_s is not None and not 0 < wanted.timeout_s <= LONGEST_TIMEOUT_S:
        raise InvalidInput(
            f"timeout_s is {wanted.timeout_s:g}; it is a number of seconds above 0 and at most "
            f"{LONGEST_TIMEOUT_S:,}."
        )
    start.check_environment(wanted.env)


def engine_of(request: Request) -> Engine:
    """Return the engine that a request came to."""
    engine: Engine = request.app.state.engine
    return engine


def job_id(request: Request) -> int:
    """Return the job id of the path; raises NotFound for what is none."""
    text = str(request.path_params["id"])
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > HIGHEST_ID:
        raise NotFound(f"{text[:40]!r} is no job id: ids are whole numbers, GET /jobs lists them.")
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
