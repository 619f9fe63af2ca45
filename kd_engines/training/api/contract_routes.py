"""The routes of the 2020 product's training engine, which existing notebooks and clients call."""

import asyncio
import itertools
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kd_engines.training.api.engine import Engine, engine_of, job_id, url, whole
from kd_engines.training.api.routes import ADVICE, ALL, LARGEST_BODY
from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.record import Record
from kd_engines.web.answers import json_response, read_json
from kd_pipeline.errors import NotFound
from kd_pipeline.messages import SubmitJob, TrainRequest
from kd_pipeline.regular_files import NotRegular

# These answers are one JSON document each: what is longer is read by GET /jobs/<id>/log.
LARGEST_LOGS = 16 * 1024 * 1024
LARGEST_OUTPUT = 64 * 1024
LISTED, LISTED_INPUT = 1000, 1000


async def train(request: Request) -> Response:
    """POST /train: take ``training_code`` as a job; the answer's ``request_url`` is its history."""
    engine = engine_of(request)
    wanted = await read_json(request, TrainRequest, LARGEST_BODY, ADVICE)
    job, _ = await engine.submit(SubmitJob(code=wanted.training_code, user=wanted.calledBy))
    return json_response(await asyncio.to_thread(_one, engine, job, request))


async def history(request: Request) -> Response:
    """GET /history: the newest 1,000 requests, newest first, with the beginning of their input.

    Where there are older ones, the header ``Link`` names their page (``?before=<id>``, rel=next).
    """
    before = whole(request, "before", ALL, 1, ALL)
    answers = await asyncio.to_thread(_page, engine_of(request), request, before)
    headers = {}
    if len(answers) > LISTED:
        older = url(request, f"/history?before={answers[LISTED - 1]['id']}")
        headers["Link"] = f'<{older}>; rel="next"'
    return json_response(answers[:LISTED], headers=headers)


async def history_of_job(request: Request) -> Response:
    """GET /history/<id>: one request with its input and the end of its output.

    It is in a list of one: some clients of 2020 read ``[0]`` of it. ``/jobs/<id>`` is an object.
    """
    return json_response(
        [await asyncio.to_thread(_one, engine_of(request), job_id(request), request)]
    )


async def logs(request: Request) -> Response:
    """GET /logs/<id>: the whole log as text, up to its last 16 MiB."""
    engine, job = engine_of(request), job_id(request)
    await engine.record(job)
    return json_response(
        {"id": job, "logs": await asyncio.to_thread(_end, engine, job, LARGEST_LOGS)}
    )


def _page(engine: Engine, request: Request, before: int) -> list[dict[str, Any]]:
    answers = []
    for record in itertools.islice(engine.store.newest(before), LISTED + 1):
        code = _input(engine, record.job.id, LISTED_INPUT)
        answers.append({**_answer(record, request), "input": code, "output": ""})
    return answers


def _one(engine: Engine, job: int, request: Request) -> dict[str, Any]:
    record = engine.store.record(job)
    output = _end(engine, job, LARGEST_OUTPUT)
    return {**_answer(record, request), "input": _input(engine, job), "output": output}


def _input(engine: Engine, job: int, limit: int = -1) -> str:
    """Return a job's code; "" where somebody removed it, which must not cost the whole list."""
    try:
        return engine.store.code(job, limit)
    except NotFound:
        return ""


def _answer(record: Record, request: Request) -> dict[str, Any]:
    """Return the contract's keys but input and output; ours beside them."""
    job, began, ended = record.job, record.started, record.exit
    return {
        "id": job.id,
        "log_url": url(request, f"/logs/{job.id}"),
        "node": began.node if began else "",
        "pid": began.child_pid if began else None,
        "request_url": url(request, f"/history/{job.id}"),
        "status": record.status,
        "calledBy": job.user,
        "name": job.name,
        "reason": ended.reason if ended else None,
        "submitted": job.submitted,
        "started": began.started if began and began.pid else None,
        "ended": ended.ended if ended else None,
    }


def _end(engine: Engine, job: int, limit: int) -> str:
    """Return the last ``limit`` bytes of a log; a first line tells of what is left out."""
    size = engine.store.log_size(job)
    if size == 0:
        return ""
    try:
        content = engine.store.read(job, records.LOG, max(0, size - limit), limit)
    except (FileNotFoundError, NotRegular):
        return ""
    text = content.decode(errors="replace")
    left_out = f"[{size - limit:,} bytes before this are at /jobs/{job}/log]\n"
    return left_out + text if size > limit else text
