"""What a balancer is started with, and HAProxy's configuration made of it.

HAProxy is never reloaded when members come and go: a reloaded one leaves an old process with the
old members behind, which still answers on kept connections. So there is a fixed number of server
slots, and the runtime API fills and empties them. The file has the members of its moment too, so
that an HAProxy that was started anew serves at once.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kd_pipeline.errors import InvalidInput, KdError
from kd_pipeline.messages import ErrorBody, ErrorDetail

BACKEND = "engines"
# The same members, for predictions that are quick.
PREDICTIONS = "predictions"
SLOTS = 64
# What its engines' environment has: it notices within 1.5 s that one is not ready any more.
BEHIND_BALANCER = {"KD_DRAIN_MIN_S": "3"}
# A model is quick where it answers more often in a second than this, for each request in flight: in
# less than 20 ms.
QUICK = 50
TOGETHER = 64
MOST_MODELS = 10_000
# One that refuses or fails more than a tenth is quick as well, but not what is looked for.
RATES = ("conn_cur", "http_req_rate(1s)", "http_err_rate(1s)", "http_fail_rate(1s)")
# HAProxy notices a member that is not ready within two of these; an engine drains for longer.
CHECK_EVERY_S = 1
NOWHERE = ("127.0.0.1", 1)
LONGEST_SILENCE = "24h"  # a prediction may take long, as a followed log may say nothing
IDLE_S = 60  # shorter than the 75 s after which an engine closes an idle connection

STATUS_ERRORS = {
    400: ("InvalidInput", "The load balancer does not understand this HTTP request."),
    408: ("InvalidInput", "The request did not arrive whole within 30 s; send it again."),
    500: ("InternalError", "The load balancer failed; see its log."),
    502: ("Unavailable", "The engine broke off its answer; see its log, and ask again."),
    503: ("Unavailable", "No engine behind the load balancer is ready; try again in a moment."),
    504: ("Unavailable", "The engine did not answer in time; see its log, and ask again."),
}


@dataclass(frozen=True)
class Settings:
    """Where a balancer listens (``stats_port`` 0: no statistics) and keeps its files.

    Of a quick model's requests ``together`` in flight go to one member, whose batches stay whole.
    """

    host: str
    port: int
    stats_port: int
    folder: Path
    together: int = TOGETHER

    @property
    def config(self) -> Path:
        """Return HAProxy's configuration file; it holds the statistics page's password."""
        return self.folder / "haproxy.cfg"

    @property
    def socket(self) -> Path:
        """Return the Unix socket of HAProxy's runtime API."""
        return self.folder / "haproxy.sock"


def find_haproxy() -> str:
    """Return HAProxy's program; raises InvalidInput where there is none."""
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise InvalidInput("HAProxy is not installed here; install the package haproxy.")
    return found


def config_text(settings: Settings, servers: list[tuple[str, int] | None], password: str) -> str:
    """Return haproxy.cfg: ``servers`` has for each slot the ready member's address, or None.

    The statistics page wants the user ``kd`` with ``password``; raises KdError for one that
    cannot stand in the file.
    """
    if not password.isalnum():
        raise KdError("The load balancer's token may have letters and digits only.")
    sections = [_global(settings), _defaults(), _frontend(settings), _models()]
    sections += [_backend(servers), _predictions(servers)]
    if settings.stats_port:
        sections.append(_statistics(settings, password))
    return "\n".join(sections)


def _global(settings: Settings) -> str:
    return f"""global
  stats socket {settings.socket} mode 600 level admin
  stats timeout 10s
  hard-stop-after 1h
  log stdout format raw local0 warning
"""


def _defaults() -> str:
    errors = "\n".join(_error(status, *words) for status, words in STATUS_ERRORS.items())
    return f"""defaults
  mode http
  log global
  option dontlognull
  option http-restrict-req-hdr-names reject
  option redispatch 1
  retries 3
  retry-on conn-failure
  timeout connect 5s
  timeout http-request 30s
  timeout queue 30s
  timeout http-keep-alive {IDLE_S}s
  timeout client {LONGEST_SILENCE}
  timeout server {LONGEST_SILENCE}
  option abortonclose
  option clitcpka
  option srvtcpka
{errors}
"""


def _error(status: int, kind: str, message: str) -> str:
    body = msgspec.json.encode(ErrorBody(ErrorDetail(kind, message))).decode()
    retry = " hdr Retry-After 1" if status == 503 else ""
    return f"  http-error status {status} content-type application/json string '{body}'{retry}"


def _frontend(settings: Settings) -> str:
    # The first condition that holds says where the model's name stands.
    return f"""frontend api
  bind {settings.host}:{settings.port}
  acl is_infer path_reg ^/v2/models/[^/]+(/versions/[^/]+)?/infer/?$
  acl is_predict path_reg ^/[^/]+/[^/]+/predict/?$
  http-request set-var(txn.model) path,field(4,/) if METH_POST is_infer
  http-request set-var(txn.model) path,field(2,/) if METH_POST is_predict
  acl has_model var(txn.model) -m found
  http-request track-sc0 var(txn.model) table models if has_model
  http-request set-var(txn.slow) sc0_conn_cur(models),mul({QUICK}) if has_model
  http-request set-var(txn.parts) sc0_conn_cur(models),div({settings.together}),add(1) if has_model
  http-request set-var(txn.part) rand(1000),mod(txn.parts) if has_model
  http-request set-var(txn.share) var(txn.model),concat(/,txn.part) if has_model
  http-request set-var(txn.failed) sc0_http_fail_rate(models) if has_model
  http-request set-var(txn.bad) sc0_http_err_rate(models),add(txn.failed),mul(10) if has_model
  acl is_quick sc0_http_req_rate(models),sub(txn.slow) gt 0
  acl is_well sc0_http_req_rate(models),sub(txn.bad) gt 0
  use_backend {PREDICTIONS} if has_model is_quick is_well
  default_backend {BACKEND}
"""


def _models() -> str:
    return f"""backend models
  stick-table type string len 256 size {MOST_MODELS} expire 60s store {",".join(RATES)}
"""


def _predictions(servers: list[tuple[str, int] | None]) -> str:
    """Return the backend that keeps a model's requests together.

    Its servers are checked, enabled and disabled with those that they track.
    """
    lines = "\n".join(
        f"  server {slot_name(number)} {host}:{port} track {BACKEND}/{slot_name(number)}"
        for number, (host, port) in enumerate(server or NOWHERE for server in servers)
    )
    return f"""backend {PREDICTIONS}
  balance hash var(txn.share)
  hash-type consistent
  default-server pool-purge-delay {IDLE_S // 2}s
{lines}
"""


def _backend(servers: list[tuple[str, int] | None]) -> str:
    lines = "\n".join(
        f"  server {slot_name(number)} {address[0]}:{address[1]}"
        if address
        else f"  server {slot_name(number)} {NOWHERE[0]}:{NOWHERE[1]} disabled"
        for number, address in enumerate(servers)
    )
    # Layer 4 only: a client whose requests end in 500 must not take an engine away from others.
    return f"""backend {BACKEND}
  balance leastconn
  option httpchk GET /health/ready
  http-check expect status 200
  default-server check inter {CHECK_EVERY_S}s fastinter 250ms downinter 250ms fall 2 rise 1
  default-server observe layer4 error-limit 3 on-error mark-down pool-purge-delay {IDLE_S // 2}s
{lines}
"""


def _statistics(settings: Settings, password: str) -> str:
    return f"""frontend statistics
  bind {settings.host}:{settings.stats_port}
  stats enable
  stats uri /
  stats hide-version
  stats refresh 5s
  stats auth kd:{password}
"""


def slot_name(number: int) -> str:
    """Return the name of a server slot."""
    return f"member{number + 1}"
