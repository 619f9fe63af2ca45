"""The routes to what a job keeps beside its log, and to run it once more."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kd_engines.training.api.engine import engine_of, job_id, whole
from kd_engines.training.api.routes import ALL, taken
from kd_engines.training.intake.payload_limits import LARGEST_PARAMS
from kd_engines.training.intake.submission import LARGEST_EXTRAS
from kd_engines.training.store import results
from kd_engines.web.answers import json_response, read_json
from kd_pipeline.messages import RerunJob

LARGEST_PART = 8 * 1024 * 1024
LARGEST_RERUN = 6 * (LARGEST_PARAMS + LARGEST_EXTRAS)  # JSON writes one byte as up to six


async def get_values(request: Request) -> Response:
    """GET /jobs/<id>/values: which outputs a job has kept, and why others are missing."""
    return await _answer(request, results.values_of)


async def get_value(request: Request) -> Response:
    """GET /jobs/<id>/values/<name>: a kept output with its data."""
    return await _answer(request, results.value_of, request.path_params["name"])


async def get_value_data(request: Request) -> Response:
    """GET /jobs/<id>/values/<name>/data: a part of a kept output's data, as it is."""
    engine = engine_of(request)
    offset = whole(request, "offset", 0, 0, ALL)
    limit = min(whole(request, "limit", LARGEST_PART, 1, ALL), LARGEST_PART)
    record, name = await engine.record(job_id(request)), request.path_params["name"]
    part = await asyncio.to_thread(results.part_of, engine.store, record, name, offset, limit)
    return Response(part, media_type="application/octet-stream")


async def get_failure(request: Request) -> Response:
    """GET /jobs/<id>/failure: the exception that ended a job, with its frames' variables."""
    return await _answer(request, results.failure_of)


async def get_curves(request: Request) -> Response:
    """GET /jobs/<id>/curves: a job's metrics and what it used, over time."""
    engine = engine_of(request)
    record = await engine.record(job_id(request))
    return json_response(await asyncio.to_thread(engine.curves.find, record))


async def get_code(request: Request) -> Response:
    """GET /jobs/<id>/code: a job's code, and the line of its cell at which it begins."""
    return await _answer(request, results.code_of)


async def rerun_job(request: Request) -> Response:
    """POST /jobs/<id>/rerun: take a job's code, values and files as a new job; params replace."""
    engine, job = engine_of(request), job_id(request)
    wanted = await read_json(request, RerunJob, LARGEST_RERUN)
    record = await engine.record(job)
    repeated = await asyncio.to_thread(results.repeated, engine.store, record, wanted)
    return await taken(engine, repeated, request, rerun_of=job)


async def _answer(request: Request, find: Callable[..., Any], *names: str) -> Response:
    engine = engine_of(request)
    record = await engine.record(job_id(request))
    return json_response(await asyncio.to_thread(find, engine.store, record, *names))
