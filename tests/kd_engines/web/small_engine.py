"""A small engine behind the real guard and server: echoes, fails, and answers slowly.

Prints its port. Arguments: ``--port=…`` where it must be a certain one, ``--impatient`` for short
limits on a client's time, ``--ends-soon`` for a short drain, and the tokens that it accepts.
"""

import asyncio
import sys
import time

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kd_engines.web import protocol
from kd_engines.web import serve as server
from kd_engines.web.answers import application, error_response, json_response, read_json
from kd_engines.web.direct import Answer
from kd_engines.web.guard import Guard, guard
from kd_engines.web.serve import serve
from kd_pipeline.errors import Unavailable

PORT = next((int(word[7:]) for word in sys.argv[1:] if word.startswith("--port=")), 0)
if "--impatient" in sys.argv:
    protocol.SILENT_S, protocol.HEAD_S, protocol.BODY_PAUSE_S, protocol.BODY_S = 1.5, 0.5, 0.5, 1.2
    protocol.READ_S = 0.5
if "--ends-soon" in sys.argv:
    server.DRAIN_MAX_S, server.CLOSING_S = 0.5, 2.0
TOKENS = frozenset(word for word in sys.argv[1:] if not word.startswith("--"))


class Body(msgspec.Struct):
    number: int
    pad: str = ""


async def echo(request: Request) -> Response:
    query = request.scope["query_string"].decode()
    if request.method == "POST":
        body = await read_json(request, Body, 150_000)
        return json_response({"number": body.number})
    return json_response({"query": query})


async def predict(request: Request) -> Response:
    """Tell who answers, after so many milliseconds; minus a port is whom it is not there on."""
    body = await read_json(request, Body, 150_000)
    if body.number == -PORT:
        raise Unavailable("It is not loaded.")
    await asyncio.sleep(max(0, body.number) / 1000)
    return json_response({"port": PORT})


async def slow(request: Request) -> Response:
    await asyncio.sleep(float(request.query_params.get("seconds", "1")))
    return json_response({"slow": True})


async def hang(request: Request) -> Response:
    return json_response(await asyncio.to_thread(time.sleep, 600))


async def large(request: Request) -> Response:
    return Response(b"x" * int(request.query_params.get("bytes", 32 << 20)))


async def boom(request: Request) -> Response:
    raise RuntimeError("secret detail")


async def by_asgi(request: Request) -> Response:
    body = await request.body()
    return json_response({"way": "asgi", "size": len(body), "in flight": app.in_flight})


class Taken:
    """A request that was taken; who leaves changes nothing here."""

    def leave(self) -> None:
        """Do nothing."""


class Direct:
    """Answers /direct without ASGI, after as many milliseconds as the body is long."""

    def begin(self, path: str, body: bytes, host: str, answer: Answer) -> Taken | None:
        """Take what is short; the first letter says how it ends."""
        if path != "/direct" or not body or body[:1] == b"!":
            return None
        if body[:1] == b"#":
            raise RuntimeError("secret detail")
        seconds = len(body) / 1000
        asyncio.get_running_loop().call_later(seconds, self._end, body, host, answer)
        return Taken()

    def _end(self, body: bytes, host: str, answer: Answer) -> None:
        if body[:1] == b"?":
            answer(error_response(Unavailable("Not now.")))
            return
        size = 8_000_000 if body[:1] == b"L" else len(body)
        told = {"way": "direct", "size": len(body), "host": host, "in flight": app.in_flight}
        answer(msgspec.json.encode({**told, "pad": "x" * (size - len(body))}))


async def healthy(request: Request) -> Response:
    return json_response({})


inner = application(
    [
        Route("/echo", echo, methods=["GET", "POST"]),
        Route("/direct", by_asgi, methods=["POST"]),
        Route("/old/echo", echo),
        Route("/slow", slow),
        Route("/large", large),
        Route("/hang", hang),
        Route("/boom", boom),
        Route("/{name}/{version}/predict", predict, methods=["POST"]),
        Route("/v2/models/{name}/infer", predict, methods=["POST"]),
        Route("/health/live", healthy),
        Route("/health/ready", healthy),
    ]
)
lenient = guard(inner, lambda: TOKENS, query_token=True, auth_none=True)


class Both(Guard):
    """The strict guard, which leaves what is below /old to the lenient one."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path", "").startswith("/old"):
            await lenient(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


app = Both(inner, lambda: TOKENS)
serve(app, "127.0.0.1", PORT, lambda port: print(port, flush=True), Direct())
