"""Our own routes of a training engine: jobs, logs, outputs, environment, health."""

import asyncio
import itertools
import os
import re
from datetime import datetime

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kd_engines.training.api.engine import Engine, engine_of, job_id, number, whole
from kd_engines.training.api.openapi import API
from kd_engines.training.intake.preflight import look
from kd_engines.training.job_folder import log_times, records
from kd_engines.training.job_folder.record import Record
from kd_engines.training.store import log_stream
from kd_engines.training.store.upkeep import check_writable
from kd_engines.web.answers import json_response, read_json
from kd_pipeline.errors import InvalidInput, Unavailable
from kd_pipeline.messages import TERMINAL, JobList, JobOutput, JobOutputs, Preflight, SubmitJob
from kd_pipeline.regular_files import NotRegular
from kd_pipeline.values import LARGEST_VALUES

# JSON writes one byte of code as up to six (\u0000); `check` looks at the code itself.
LARGEST_BODY = 32 * 1024 * 1024
LARGEST_SUBMISSION = LARGEST_BODY + LARGEST_VALUES * 4 // 3  # values and files are in base64
ADVICE = "put data and modules into the project repository and read them from there"
LARGEST_PREFLIGHT = 1024 * 1024
LONGEST_WAIT_S = 60
PAGE = 50
LARGEST_PAGE = 1000
ALL = 2**53
LARGEST_OUTPUTS = 16 * 1024 * 1024
STATUSES = frozenset({*TERMINAL, "Queued", "Running"})
# A log is text of strangers: no browser may take it for a page.
TEXT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Cache-Control": "no-store",
}


async def submit_job(request: Request) -> Response:
    """POST /jobs: take a job; 201 with it, or 200 where its idempotency key was used before."""
    engine = engine_of(request)
    wanted = await read_json(request, SubmitJob, LARGEST_SUBMISSION, ADVICE)
    return await taken(engine, wanted, request)


async def taken(
    engine: Engine, wanted: SubmitJob, request: Request, rerun_of: int | None = None
) -> Response:
    """Take a job and answer with it."""
    job, created = await engine.submit(wanted, rerun_of)
    message = engine.message(await engine.record(job), request)
    return json_response(message, 201 if created else 200, {"Location": f"/jobs/{job}"})


async def list_jobs(request: Request) -> Response:
    """GET /jobs: a page of jobs, newest first, of one status or user where asked."""
    engine = engine_of(request)
    status = request.query_params.get("status") or None
    if status and status not in STATUSES:
        raise InvalidInput(f"status {status[:40]!r} is none of {', '.join(sorted(STATUSES))}.")
    user = request.query_params.get("user") or None
    limit = whole(request, "limit", PAGE, 1, LARGEST_PAGE)
    before = whole(request, "before", ALL, 1, ALL)
    found = await asyncio.to_thread(_page, engine, status, user, limit + 1, before)
    jobs = await engine.messages(found[:limit], request)
    return json_response(JobList(jobs, jobs[-1].id if len(found) > limit else None))


async def get_job(request: Request) -> Response:
    """GET /jobs/<id>: a job; with ``wait``, once its status is not ``known`` or it has ended."""
    engine, job = engine_of(request), job_id(request)
    wait = number(request, "wait", 0, 0, LONGEST_WAIT_S)
    known = request.query_params.get("known")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    draining: asyncio.Event = request.scope["kd.draining"]
    record = await engine.record(job)
    while (
        not record.terminal
        and known in (None, record.status)
        and loop.time() < deadline
        and not draining.is_set()
    ):
        # Looked at anyway from time to time: another engine may hold the job.
        await engine.queue.waiters.changed(job, min(0.5, deadline - loop.time()))
        record = await engine.record(job)
    return json_response(engine.message(record, request))


async def get_log(request: Request) -> Response:
    """GET /jobs/<id>/log: the log's bytes from ``offset``, and with ``follow`` all that comes.

    With ``since`` (RFC 3339) it is what was written after that time, correct to about a second.
    """
    engine, job = engine_of(request), job_id(request)
    offset = whole(request, "offset", 0, 0, ALL)
    since = request.query_params.get("since")
    limit = whole(request, "limit", ALL, 0, ALL)
    follow = request.query_params.get("follow", "0") not in ("0", "", "false")
    record = await engine.record(job)  # before the size, so that complete means complete
    if since is not None:
        offset = max(offset, await asyncio.to_thread(_offset_at, engine, job, since))
    size = engine.store.log_size(job)
    length = max(0, min(limit, size - offset))
    complete = record.terminal and offset + length >= size
    headers = {
        **TEXT_HEADERS,
        "X-Log-Offset": str(offset),
        "X-Log-Size": str(size),
        "X-Log-Complete": "1" if complete else "0",
    }
    if since is not None:
        headers["X-Log-Since"] = str(offset)  # engines that know of no times give none
    if follow and not record.terminal:
        body = engine.followers.follow(job, offset, request.scope["kd.draining"])
    else:
        headers["Content-Length"] = str(length)
        body = log_stream.read_part(engine.store, job, offset, length)
    return StreamingResponse(body, 200, headers, "text/plain")


async def get_outputs(request: Request) -> Response:
    """GET /jobs/<id>/outputs: rich outputs after ``after``, which is a former answer's ``next``."""
    engine, job = engine_of(request), job_id(request)
    after = whole(request, "after", 0, 0, ALL)
    await engine.record(job)
    return json_response(await asyncio.to_thread(_outputs, engine, job, after))


async def cancel_job(request: Request) -> Response:
    """POST /jobs/<id>/cancel: ask for a job's end; an ended job stays as it is."""
    engine, job = engine_of(request), job_id(request)
    await asyncio.to_thread(engine.queue.cancels.request, job)
    record = await engine.record(job)
    if record.terminal:
        engine.queue.ended(job)
    return json_response(engine.message(record, request))


async def get_environment(request: Request) -> Response:
    """GET /environment: Python, packages, processors, memory, GPUs and the queue."""
    engine = engine_of(request)
    counts = engine.queue.counts()
    found = await asyncio.to_thread(
        engine.environment.find, engine.cluster, engine.ml_engine, counts
    )
    return json_response(found)


async def preflight(request: Request) -> Response:
    """POST /preflight: what a job would miss here, before it is sent."""
    engine = engine_of(request)
    asked = await read_json(request, Preflight, LARGEST_PREFLIGHT, "ask for less at once")
    return json_response(await asyncio.to_thread(look, asked, engine.room, engine.store.root))


async def live(_request: Request) -> Response:
    """GET /health/live: the engine answers."""
    return json_response({"live": True})


async def ready(request: Request) -> Response:
    """GET /health/ready: the engine has a token and room to write its jobs."""
    engine = engine_of(request)
    if not engine.tokens():
        raise Unavailable("This engine was given no token yet.")
    await asyncio.to_thread(check_writable, engine.store.folder)
    return json_response({"ready": True})


async def get_openapi(request: Request) -> Response:
    """GET /openapi.json: all routes and messages."""
    return json_response(API.document(request.app.routes))


def _page(
    engine: Engine, status: str | None, user: str | None, limit: int, before: int
) -> list[Record]:
    """Return up to ``limit`` records below the id ``before``, newest first."""
    if status not in ("Queued", "Running"):
        return list(itertools.islice(engine.store.newest(before, status, user), limit))
    active = (job for job in reversed(engine.queue.active()) if job < before)
    matching = (
        record
        for record in engine.store.records(active, some=True)
        if status == record.status and user in (None, record.job.user)
    )
    return list(itertools.islice(matching, limit))


def _offset_at(engine: Engine, job: int, since: str) -> int:
    """Return how long a job's log was at a time; raises InvalidInput."""
    try:
        when = datetime.fromisoformat(since)
        stamp = records.timestamp(int(when.timestamp() * 1e9))
    except (ValueError, OverflowError, OSError):
        when, stamp = None, ""
    if when is None or when.tzinfo is None:
        raise InvalidInput(
            f"since is {since[:40]!r}; write a time with its zone, such as 2026-11-25T10:00:00Z."
        )
    offset = _marked_offset(engine, job, stamp)
    if offset is None:
        if engine.store.log_size(job) == 0:
            return 0
        raise InvalidInput(
            f"When the log of job {job} was written is not known: it ran before this engine kept "
            "such times. Ask for the log without since."
        )
    return offset


def _marked_offset(engine: Engine, job: int, stamp: str) -> int | None:
    try:
        descriptor = engine.store.open(job, records.LOG_TIMES)
    except (FileNotFoundError, NotRegular):
        return None
    try:
        return log_times.offset_at(descriptor, stamp)
    finally:
        os.close(descriptor)


def _outputs(engine: Engine, job: int, after: int) -> JobOutputs:
    """Read whole lines of outputs.jsonl from byte ``after`` on; raises InvalidInput."""
    before = min(after, 1)  # the byte before it must end a line
    try:
        content = engine.store.read(job, records.OUTPUTS, after - before, LARGEST_OUTPUTS + before)
    except (FileNotFoundError, NotRegular):
        return JobOutputs([], 0)
    if before and content[:1] != b"\n":
        raise InvalidInput(f"after is {after}; give the `next` of a former answer, or 0.")
    whole_lines = content[before : content.rfind(b"\n") + 1]
    outputs = [_output(line) for line in whole_lines.split(b"\n")[:-1]]
    return JobOutputs(outputs, after + len(whole_lines))


def _output(line: bytes) -> JobOutput:
    """Return a line's output; of one that a full disk or another process spoiled, that it is so."""
    try:
        return msgspec.json.decode(line, type=JobOutput)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = "[An output of this job is damaged in outputs.jsonl and cannot be shown.]\n"
        told = {"output_type": "stream", "name": "stderr", "text": text}
        return JobOutput(_offset_of(line), told)


def _offset_of(line: bytes) -> int:
    """Return the offset at which a damaged line begins, as far as it can be read."""
    found = re.match(rb'\{"offset": (\d{1,18}),', line)
    return int(found[1]) if found else 0
