"""What every engine's HTTP has in common: who may ask, JSON in and out, errors, and draining."""

import asyncio
import hmac
import ipaddress
import logging
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kd_pipeline.errors import Forbidden, InvalidInput, KdError, TooLarge, Unauthorized, Unavailable
from kd_pipeline.messages import ErrorBody, ErrorDetail

T = TypeVar("T")
log = logging.getLogger(__name__)

HEALTH_PATHS = frozenset({"/health/live", "/health/ready"})
TOKEN_HEADER = b"x-auth-token"
# Longer than a balancer keeps its idle connections, so that we never close one it is reusing.
KEEP_ALIVE_S = 75
# While not ready, a balancer still sends requests until its health check has failed.
DRAIN_MIN_S = float(os.environ.get("KD_DRAIN_MIN_S", "0.2"))
DRAIN_MAX_S = float(os.environ.get("KD_DRAIN_MAX_S", "30"))
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
INSIDE_CLUSTER = (".svc", ".svc.cluster.local")


class Guard:
    """The outermost ASGI application of an engine: deny by default, then pass on.

    Every route but health wants one of ``tokens()`` in ``X-Auth-Token`` or as a bearer; writes
    from a foreign site are refused; so is a Host that is no name of this machine or cluster (DNS
    rebinding). ``query_token`` also takes ``?X-Auth-Token=`` and ``auth_none`` takes
    ``?auth=none``, as clients of 2020 send them; both are cut off before anybody could log them.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Callable[[], frozenset[str]],
        query_token: bool = False,
        auth_none: bool = False,
    ) -> None:
        self._app = app
        self._tokens = tokens
        self._query_token = query_token
        self._auth_none = auth_none
        self._hosts = _own_hosts()
        self.draining = asyncio.Event()
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        self.in_flight += 1
        started = False

        async def send_on(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if self.draining.is_set():
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        try:
            scope["kd.draining"] = self.draining
            self._check(scope)
            await self._app(scope, receive, send_on)
        except KdError as error:
            await error_response(error)(scope, receive, send_on)
        except Exception as error:
            if not started:
                await internal_error(error)(scope, receive, send_on)
        finally:
            self.in_flight -= 1

    def _check(self, scope: Scope) -> None:
        """Let a request pass, or raise Unauthorized, Forbidden or Unavailable."""
        if scope["path"] in HEALTH_PATHS:
            if self.draining.is_set() and scope["path"].endswith("ready"):
                raise Unavailable("This engine is stopping; ask another.")
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        self._check_host(headers)
        if scope["method"] not in SAFE_METHODS:
            _check_site(headers)
        given = headers.get(TOKEN_HEADER) or _bearer(headers)
        if scope["query_string"]:
            given = self._token_of_query(scope, given)
        if given is not ANONYMOUS:
            self._check_token(given)

    def _check_token(self, given: bytes) -> None:
        known = self._tokens()
        if not known:
            raise Unauthorized("This engine was given no token yet, so it accepts no request.")
        # All are compared, so that the time does not tell which one was near.
        matches = [hmac.compare_digest(given, token.encode()) for token in known]
        if not given or not any(matches):
            what = "The token sent is not accepted" if given else "No token was sent"
            raise Unauthorized(
                f"{what}; send the engine's token of configmeta.json in the header X-Auth-Token."
            )

    def _token_of_query(self, scope: Scope, given: bytes) -> bytes:
        """Take the token off the URL, and use it where that is switched on."""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        for key, value in pairs:
            if key.lower() == "x-auth-token" and self._query_token and not given:
                given = value.encode()
            elif (key, value) == ("auth", "none") and self._auth_none and not given:
                given = ANONYMOUS
        rest = [(key, value) for key, value in pairs if key.lower() != "x-auth-token"]
        scope["query_string"] = urlencode(rest).encode()
        return given

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        host = headers.get(b"host", b"").decode("latin-1")
        name = (urlsplit(f"//{host}").hostname or "") if host else ""
        if name not in self._hosts and not _is_inside(name):
            raise Forbidden(
                f"Host {name[:100]!r} is no name of this engine; where it is one, name it in the "
                "engine's environment variable KD_ALLOWED_HOSTS."
            )


ANONYMOUS = b"\0anonymous"


def guard(
    app: ASGIApp,
    tokens: Callable[[], frozenset[str]],
    query_token: bool | None = None,
    auth_none: bool | None = None,
) -> Guard:
    """Return ``app`` behind a :class:`Guard`; the two switches come from the environment.

    ``KD_QUERY_TOKEN=1`` (or ``true``) takes tokens from URLs, ``KD_AUTH_NONE=1`` takes
    ``?auth=none``.
    """
    return Guard(
        app,
        tokens,
        _is_on("KD_QUERY_TOKEN") if query_token is None else query_token,
        _is_on("KD_AUTH_NONE") if auth_none is None else auth_none,
    )


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in ("1", "true")


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
    message = f"The engine failed unexpectedly; its log tells why under request {request_id}."
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
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"The request's JSON is not as it must be: {error}.") from None


def _too_large(size: int, limit: int, advice: str) -> TooLarge:
    return TooLarge(f"The request has {size:,} bytes, {limit:,} are the limit; {advice}.")


def _bearer(headers: dict[bytes, bytes]) -> bytes:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _check_site(headers: dict[bytes, bytes]) -> None:
    """Refuse a write that a browser sends from another site; raises Forbidden."""
    site = headers.get(b"sec-fetch-site", b"none")
    origin = headers.get(b"origin")
    own = headers.get(b"host", b"")
    foreign = origin is not None and urlsplit(origin).netloc != own
    if foreign or site not in (b"none", b"same-origin"):
        raise Forbidden("A page of another site may not write to this engine.")


def _own_hosts() -> frozenset[str]:
    named = os.environ.get("KD_ALLOWED_HOSTS", "").replace(",", " ").split()
    return frozenset({"", "localhost", socket.gethostname(), socket.getfqdn(), *named})


def _is_inside(name: str) -> bool:
    """Tell whether a host is an address, a short name or a Kubernetes name: nothing public."""
    if "." not in name and ":" not in name:
        return True
    if name.endswith(INSIDE_CLUSTER):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
