"""Run an engine's HTTP server: bind, serve, and drain in two phases when asked to stop.

uvicorn closes its listener at SIGTERM, while a balancer still sends requests. So the signal is
ours: first ``/health/ready`` says 503 and every answer closes its connection, while all that
arrives is still served; only when the time is over and nothing is in flight does uvicorn stop.
"""

import argparse
import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from kd_engines.web.direct import DirectProtocol, DirectRoute
from kd_engines.web.guard import DRAIN_MAX_S, DRAIN_MIN_S, KEEP_ALIVE_S, Guard
from kd_engines.web.protocol import LimitedProtocol
from kd_pipeline.errors import KdError

log = logging.getLogger("kd_engines")
BACKLOG = 2048
CLOSING_S = 10.0  # to end workers and the like after the last request
# A terminal and a supervisor may both pass on one Ctrl-C; only a later signal means "at once".
SAME_SIGNAL_S = 1.0


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to :func:`serve`."""
        yield


def serve(
    app: Guard,
    host: str,
    port: int,
    on_bound: Callable[[int], None] | None = None,
    direct: DirectRoute | None = None,
) -> None:
    """Serve ``app`` until SIGTERM or SIGINT, then drain and return.

    ``port`` 0 takes a free one; ``on_bound`` is told which; ``direct`` is asked before ASGI. Raises
    OSError where the address is taken.
    """
    protocol: Any = LimitedProtocol
    if direct:
        protocol = functools.partial(DirectProtocol, guard=app, route=direct)
    listener = _bind(host, port)
    if on_bound:
        on_bound(listener.getsockname()[1])
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        proxy_headers=False,  # nobody asks for a client's address
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,  # what is in flight was waited for: see _drain
        lifespan="on",
    )
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(_Server(config), app, listener))


def run_engine(module: str, build: Callable[[], Guard | tuple[Guard, DirectRoute]]) -> int:
    """Run ``python -m <module> --host … --port …`` until it is told to stop; return its status.

    ``build`` returns the application, and what is asked before ASGI where there is that.
    An expected error in building or binding is one sentence on standard error, and status 1.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=10001)
    arguments = parser.parse_args()
    log_to_stderr()
    log = logging.getLogger(module)
    try:
        app = build()
        guarded, direct = app if isinstance(app, tuple) else (app, None)
        told = functools.partial(log.info, "port %d")
        serve(guarded, arguments.host, arguments.port, told, direct)
    except (KdError, OSError) as error:
        print(f"{module} cannot run: {error}", file=sys.stderr)
        return 1
    return 0


def log_to_stderr() -> None:
    """Log what an engine does, without each look of the libraries at a file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("watchfiles").setLevel(logging.WARNING)


async def _serve(server: uvicorn.Server, app: Guard, listener: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    drains: list[asyncio.Task[None]] = []
    asked = 0.0

    def stop() -> None:
        nonlocal asked
        if not drains:
            asked = loop.time()
            _end_in_any_case()
            drains.append(loop.create_task(_drain(server, app)))
        elif loop.time() - asked > SAME_SIGNAL_S:
            server.should_exit = server.force_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await server.serve(sockets=[listener])
    for task in drains:
        task.cancel()


async def _drain(server: uvicorn.Server, app: Guard) -> None:
    app.draining.set()
    deadline = asyncio.get_running_loop().time() + DRAIN_MAX_S
    await asyncio.sleep(DRAIN_MIN_S)
    while (  # noqa: ASYNC110 - polled, so that counting costs a request nothing
        app.in_flight and asyncio.get_running_loop().time() < deadline
    ):
        await asyncio.sleep(0.02)
    server.should_exit = True


def _end_in_any_case() -> None:
    """End this process when draining is over, whatever still holds it."""

    def end() -> None:
        log.error("it did not end within %g s of a stop request, and is killed", DRAIN_MAX_S)
        os._exit(1)

    timer = threading.Timer(DRAIN_MAX_S + CLOSING_S, end)
    timer.daemon = True
    timer.start()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Which its connections inherit: a client that is gone without a word is found out.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    return listener
