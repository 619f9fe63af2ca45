"""Who may ask an engine: tokens, hosts and sites, checked before anything else sees a request.

``KD_QUERY_TOKEN=1`` also takes a token in the URL, ``KD_AUTH_NONE=1`` also ``?auth=none``, from the
hosts of this machine or cluster and those that ``KD_ALLOWED_HOSTS`` lists. When it is stopped an
engine answers what has begun, for ``KD_DRAIN_MAX_S`` (30) seconds at most, and takes further
requests for ``KD_DRAIN_MIN_S`` (0.2), until a balancer has noticed.
"""

import asyncio
import hmac
import ipaddress
import os
import re
import socket
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kd_engines.web.answers import error_response, internal_error
from kd_pipeline.errors import BadRequest, Forbidden, KdError, Unauthorized, Unavailable

HEALTH_PATHS = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
TOKEN_HEADER = b"x-auth-token"
# Longer than a balancer keeps its idle connections, so that we never close one it is reusing.
KEEP_ALIVE_S = 75
# While not ready, a balancer still sends requests until its health check has failed.
DRAIN_MIN_S = float(os.environ.get("KD_DRAIN_MIN_S", "0.2"))
DRAIN_MAX_S = float(os.environ.get("KD_DRAIN_MAX_S", "30"))
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(?:(?:\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?)?", re.ASCII)
MOST_SEEN, LONGEST_SEEN = 1000, 300
INSIDE_CLUSTER = (".svc", ".svc.cluster.local")


class Guard:
    """The outermost ASGI application of an engine: deny by default, then pass on.

    Every route but health wants one of ``tokens()`` in ``X-Auth-Token`` or as a bearer; writes
    from a foreign site are refused. Without a right token so is a Host that is no name of this
    machine or cluster (DNS rebinding); with one it may be any, such as a gateway's: a page that has
    been rebound knows no token. ``query_token`` also takes ``?X-Auth-Token=`` and ``auth_none``
    takes ``?auth=none``, as clients of 2020 send them; both are cut off before anybody could log
    them.
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
        self._seen: dict[bytes, bool] = {}  # values of Host: whether they are ours
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

    def admits(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a write with these headers may pass; why not, a call of the app tells."""
        try:
            self._is_own(headers)
            _check_site(headers)
            self._check_token(headers.get(TOKEN_HEADER) or _bearer(headers))
        except KdError:
            return False
        return True

    def _check(self, scope: Scope) -> None:
        """Let a request pass, or raise Unauthorized, Forbidden or Unavailable."""
        if scope["path"] in HEALTH_PATHS:
            if self.draining.is_set() and scope["path"].endswith("ready"):
                raise Unavailable("This engine is stopping; ask another.")
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(headers) < len(scope["headers"]):
            _check_hosts([value for key, value in scope["headers"] if key == b"host"])
        is_own = self._is_own(headers)
        if scope["method"] not in SAFE_METHODS:
            _check_site(headers)
        given = headers.get(TOKEN_HEADER) or _bearer(headers)
        if scope["query_string"]:
            given = self._token_of_query(scope, given)
        if not is_own and (given is ANONYMOUS or not self._is_right(given)):
            raise Forbidden(
                f"Host {_name_of(headers)[:100]!r} is not a name of this engine. Send the engine's "
                "token in the header X-Auth-Token, or add the name to the engine's environment "
                "variable KD_ALLOWED_HOSTS."
            )
        if given is not ANONYMOUS:
            self._check_token(given)

    def _check_token(self, given: bytes) -> None:
        if self._is_right(given):
            return
        if not self._tokens():
            raise Unavailable(
                "This engine has not read a token yet, so it accepts no request; ask again in a "
                "moment."
            )
        what = "The token sent is not accepted" if given else "No token was sent"
        raise Unauthorized(
            f"{what}; send the engine's token of configmeta.json in the header X-Auth-Token."
        )

    def _is_right(self, given: bytes) -> bool:
        # All are compared, so that the time does not tell which one was near.
        matches = [hmac.compare_digest(given, token.encode()) for token in self._tokens()]
        return bool(given) and any(matches)

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

    def _is_own(self, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a request's Host is a name of this engine; raises BadRequest."""
        given = headers.get(b"host", b"")
        known = self._seen.get(given)
        if known is not None:
            return known
        name = _name_of(headers)
        is_own = name in self._hosts or _is_inside(name)
        if len(self._seen) < MOST_SEEN and len(given) <= LONGEST_SEEN:
            self._seen[given] = is_own
        return is_own


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


def _bearer(headers: dict[bytes, bytes]) -> bytes:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _check_site(headers: dict[bytes, bytes]) -> None:
    """Refuse a write that a browser sends from another site; raises Forbidden."""
    site = headers.get(b"sec-fetch-site", b"none")
    origin = headers.get(b"origin")
    own = headers.get(b"host", b"")
    try:
        foreign = origin is not None and urlsplit(origin).netloc != own
    except ValueError:
        raise BadRequest("The header Origin is not an origin, such as http://host:port.") from None
    if foreign or site not in (b"none", b"same-origin"):
        raise Forbidden("A page of another site may not write to this engine.")


def _name_of(headers: dict[bytes, bytes]) -> str:
    """Return the name in a request's Host, "" without; raises BadRequest."""
    host = headers.get(b"host", b"").decode("latin-1")
    try:
        if _HOST.fullmatch(host):
            return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        pass
    raise BadRequest(f"The header Host is {host[:100]!r}, which is not a host and port.")


def _check_hosts(hosts: list[bytes]) -> None:
    """Refuse a request for two hosts: a balancer before us may have taken the other one."""
    if len(hosts) > 1:
        raise BadRequest("The request has two headers Host; send one.")


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
