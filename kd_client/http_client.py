"""HTTP to a connected cluster: its endpoints in order, its token, its errors as ours."""

import os
import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import requests
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError

from kd_client.errors import EngineDown, EngineStarting, InvalidAnswer, UnknownRoute
from kd_pipeline.connections import ClusterConnection, Endpoint
from kd_pipeline.errors import WIRE_ERRORS, KdError, Unauthorized, Unavailable
from kd_pipeline.hints import Hint
from kd_pipeline.messages import ErrorBody, ErrorDetail

T = TypeVar("T")
# A host that is gone without a word is found out within about two minutes, also while it is waited
# for; macOS has another name for the first.
KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPALIVE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
CONNECT_S = 3.0
READ_S = 30.0
# An engine that restarts, or a balancer that has not noticed yet, is asked once more.
ROUNDS = 2
PAUSE_S = 0.5
LONGEST_MESSAGE = 1000
BALANCER_TROUBLE = frozenset({502, 503, 504})


def is_good(answer: requests.Response) -> bool:
    """Tell whether an answer's status is one of success."""
    return answer.status_code < 300


class _Adapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **named: Any) -> None:
        """Open connections that ask now and then whether the other side is there."""
        named["socket_options"] = [
            *HTTPConnection.default_socket_options,
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
            *(
                (socket.IPPROTO_TCP, getattr(socket, name), value)
                for name, value in KEEP_ALIVE.items()
                if hasattr(socket, name)
            ),
        ]
        super().init_poolmanager(*args, **named)


class HttpClient:
    """Calls to the cluster that ``find`` returns: asked anew each time, as connections change.

    An endpoint may take ``connect_s`` to accept a call, and ``read_s`` to answer it
    (None is READ_S).
    """

    def __init__(
        self,
        find: Callable[[], ClusterConnection],
        connect_s: float = CONNECT_S,
        read_s: float | None = None,
    ) -> None:
        self._find = find
        self._connect_s, self._read_s = connect_s, read_s or READ_S
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter())
        # No proxy and no .netrc: a token goes to the engine only.
        self._session.trust_env = False
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True

    @property
    def cluster(self) -> ClusterConnection:
        """Return the cluster as it is connected now; raises UnknownCluster."""
        return self._find()

    def endpoints(self) -> list[Endpoint]:
        """Return where the cluster takes calls, a balancer first; raises EngineStarting."""
        return _endpoints(self.cluster, None)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: dict[str, Any] | None = None,
        repeatable: bool = True,
        timeout: float | None = None,
        stream: bool = False,
        at: str | None = None,
        rounds: int = ROUNDS,
        is_answer: Callable[[requests.Response], bool] = is_good,
    ) -> requests.Response:
        """Return the good answer of the first endpoint that gives one (of ``at`` only, if given).

        ``is_answer`` tells which ones are good.
        A call that is not ``repeatable`` is tried again only where it surely did not arrive.
        Raises EngineDown, UnknownRoute, or the engine's own error as a KdError.
        """
        timeout = self._read_s if timeout is None else timeout
        options = {
            "data": None if body is None else msgspec.json.encode(body),
            "params": params,
            "timeout": (min(self._connect_s, timeout), timeout),
            "stream": stream,
        }
        cluster = self.cluster
        troubles: dict[str, str] = {}
        for attempt in range(rounds):
            if attempt:
                time.sleep(PAUSE_S)
            error: KdError | None = None
            for endpoint in _endpoints(cluster, at):
                try:
                    answer = self._send(method, path, endpoint, options)
                except requests.RequestException as trouble:
                    troubles[endpoint.url] = _reason(trouble)
                    if repeatable or _surely_not_sent(trouble):
                        continue
                    break
                if is_answer(answer):
                    return answer
                error = _error(answer, cluster.name)
                if not _another_may_answer(answer, error, repeatable):
                    raise error
            if isinstance(error, UnknownRoute):
                raise error
            if not repeatable and not error:
                break
        raise error or _down(cluster, troubles)

    def _send(
        self, method: str, path: str, endpoint: Endpoint, options: dict[str, Any]
    ) -> requests.Response:
        answer = self._send_with(endpoint.token, method, endpoint.url + path, options)
        if answer.status_code != 401:
            return answer
        newer = {e.url: e.token for e in self.cluster.api_endpoints()}.get(endpoint.url)
        if not newer or newer == endpoint.token:
            return answer
        return self._send_with(newer, method, endpoint.url + path, options)

    def _send_with(
        self, token: str, method: str, url: str, options: dict[str, Any]
    ) -> requests.Response:
        headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
        # A redirect would carry the token to another host.
        return self._session.request(method, url, headers=headers, allow_redirects=False, **options)


def decoded(answer: requests.Response, shape: type[T]) -> T:
    """Return an answer's JSON as a message; raises InvalidAnswer."""
    try:
        return msgspec.json.decode(answer.content, type=shape)
    except (msgspec.MsgspecError, requests.RequestException) as error:
        raise InvalidAnswer(
            f"{_url(answer)} answered something else than expected: {error}."
        ) from None


def _endpoints(cluster: ClusterConnection, at: str | None) -> list[Endpoint]:
    endpoints = [e for e in cluster.api_endpoints() if at in (None, e.url)]
    if not endpoints:
        raise EngineStarting(
            f"Cluster {cluster.name} has no REST endpoint"
            + (f" {at}" if at else "")
            + " in configmeta.json; its members may still be starting. Try again in a moment."
        )
    return endpoints


def _another_may_answer(answer: requests.Response, error: KdError, repeatable: bool) -> bool:
    if isinstance(error, UnknownRoute):
        return True
    return isinstance(error, Unavailable) and (repeatable or answer.status_code == 503)


def _error(answer: requests.Response, cluster: str) -> KdError:
    """Return the error that an answer tells, in the engine's own words where it has some."""
    status, detail = answer.status_code, _detail(answer)
    if status == 401:
        return Unauthorized(
            f"Cluster {cluster} does not accept the token that configmeta.json has for it "
            f"(asked: {_url(answer)}). The cluster may have been recreated; on one machine "
            "`kd up` writes the file, on Kubernetes KubeDirector does.",
            hint=Hint("attachments", does="shows what is connected now"),
        )
    if detail and not (status in (404, 405) and "/openapi.json" in detail.message):
        return WIRE_ERRORS.get(detail.type, KdError)(
            f"{cluster}: {detail.message[:LONGEST_MESSAGE]}", hint=detail.next_step
        )
    if status in (404, 405):
        return UnknownRoute(
            f"Cluster {cluster} has no {_url(answer)}: it has a legacy (2020) engine."
        )
    if status in BALANCER_TROUBLE:
        return EngineStarting(
            f"Cluster {cluster} answers {status} at {_url(answer)}: its engine is starting or "
            "down. Try again in a moment; see `kd status`, or the cluster's pods."
        )
    return InvalidAnswer(f"Cluster {cluster} answered {status} {answer.reason} at {_url(answer)}.")


def _detail(answer: requests.Response) -> ErrorDetail | None:
    try:
        return msgspec.json.decode(answer.content, type=ErrorBody).error
    except (msgspec.MsgspecError, requests.RequestException):
        return None


def _down(cluster: ClusterConnection, troubles: dict[str, str]) -> EngineDown:
    tried = "; ".join(f"{url}: {reason}" for url, reason in troubles.items())
    return EngineDown(
        f"Cluster {cluster.name} does not answer ({tried}). On one machine see `kd status` and "
        "start it with `kd up`; on Kubernetes look at its pods with `kubectl get pods`."
    )


def _reason(trouble: requests.RequestException) -> str:
    if isinstance(trouble, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(trouble, requests.Timeout):
        return "no answer in time"
    return "connection refused" if _surely_not_sent(trouble) else "the connection broke"


def _surely_not_sent(trouble: requests.RequestException) -> bool:
    cause = trouble.args[0] if trouble.args else None
    if isinstance(cause, MaxRetryError):
        cause = cause.reason
    return isinstance(trouble, requests.ConnectTimeout) or isinstance(cause, NewConnectionError)


def _url(answer: requests.Response) -> str:
    return answer.url.partition("?")[0]
