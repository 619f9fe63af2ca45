"""JSON in and out, and errors in one shape: what every engine's routes answer with."""

import logging
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from kd_engines.web.json_trouble import BYTE_ORDER_MARK, json_trouble
from kd_pipeline.errors import InvalidInput, KdError, TooLarge
from kd_pipeline.messages import ErrorBody, ErrorDetail

T = TypeVar("T")
log = logging.getLogger(__name__)


def application(routes: Sequence[BaseRoute], **options: Any) -> Starlette:
    """Return a Starlette application whose errors all have the one JSON shape."""

    def kd_error(_request: Request, error: Exception) -> Response:
        return error_response(error)

    return Starlette(
        routes=list(routes),
        exception_handlers={
            KdError: kd_error,
            HTTPException: kd_error,
            Exception: lambda _request, error: internal_error(error),
        },
        **options,
    )


def json_response(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return ``value`` (a message, or plain data) as a JSON answer."""
    return Response(msgspec.json.encode(value), status, headers, "application/json")


def error_response(error: Exception) -> Response:
    """Return an expected error in the one JSON shape, with its own HTTP status."""
    if isinstance(error, HTTPException):
        name = HTTPStatus(error.status_code).phrase.replace(" ", "")
        body = ErrorBody(ErrorDetail(name, f"{error.detail}: see /openapi.json for the routes."))
        return json_response(body, error.status_code, dict(error.headers or {}))
    if not isinstance(error, KdError):
        return json_response(ErrorBody(ErrorDetail(type(error).__name__, str(error))), 500)
    headers = {"Retry-After": "1"} if error.http_status in (429, 503) else None
    return json_response(ErrorBody(ErrorDetail.of(error)), error.http_status, headers)


def internal_error(error: Exception) -> Response:
    """Log an unexpected error under an id, and answer with the id only."""
    request_id = secrets.token_hex(4)
    log.error("request %s failed", request_id, exc_info=error)
    message = f"The engine failed unexpectedly; see its log for request {request_id}."
    return json_response(ErrorBody(ErrorDetail("InternalError", message, request_id)), 500)


async def read_body(request: Request, max_bytes: int, advice: str = "send less") -> bytes:
    """Return the request's body; raises TooLarge as soon as it is over ``max_bytes``."""
    declared = request.headers.get("content-length", "0")
    size, chunks = 0, []
    if declared.isdecimal() and int(declared) > max_bytes:
        raise _too_large(int(declared), max_bytes, advice)
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(size, max_bytes, advice)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(
    request: Request, kind: type[T], max_bytes: int, advice: str = "send less"
) -> T:
    """Return the JSON body as ``kind``; raises InvalidInput (422), TooLarge (413).

    A body of another content type is refused (415): no foreign page can send JSON unasked.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise HTTPException(415, "Send JSON with Content-Type: application/json")
    body = await read_body(request, max_bytes, advice)
    return decode(body, kind)


def decode(body: bytes, kind: type[T]) -> T:
    """Return JSON bytes as ``kind``; raises InvalidInput, which names the field."""
    try:
        return msgspec.json.decode(body.removeprefix(BYTE_ORDER_MARK), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{json_trouble(body, error)}.") from None


def _too_large(size: int, limit: int, advice: str) -> TooLarge:
    return TooLarge(f"The request has {size:,} bytes, {limit:,} are the limit; {advice}.")
