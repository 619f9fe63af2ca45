"""Requests that are answered without ASGI, whose machinery costs more than a small prediction.

Only the plain ones: a POST with a short body of known length, the only one on its connection, that
the :class:`~kd_engines.web.guard.Guard` admits and its route takes. Everything else, and whatever
is refused, goes on to ASGI with the same bytes, so that each refusal has one place. uvicorn's own
protocol goes on to parse, to time idle connections and to order answers.
"""

from collections.abc import Callable
from typing import Any, Protocol, cast

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from kd_engines.web.answers import internal_error
from kd_engines.web.guard import Guard
from kd_engines.web.protocol import LimitedProtocol

LARGEST_BODY = 64 * 1024  # more is read piece by piece: uvicorn's HIGH_WATER_LIMIT
# What makes a request one for ASGI.
_NOT_PLAIN = (b"transfer-encoding", b"expect", b"upgrade", b"connection")
_JSON = b"content-type: application/json\r\ncontent-length: %d\r\n"
Reply = bytes | Response
Answer = Callable[[Reply], None]


class Taken(Protocol):
    """A request whose answer is made."""

    def leave(self) -> None:
        """Take notice that its client has gone."""


class DirectRoute(Protocol):
    """What answers requests without ASGI."""

    def begin(self, path: str, body: bytes, host: str, answer: Answer) -> Taken | None:
        """Take a request, and call ``answer`` once: JSON bytes are a 200, else it is a Response.

        None where it takes none such, or refuses this one.
        """


class _Nobody:
    """In place of an event that nobody waits for."""

    def set(self) -> None:
        """Do nothing."""


class _Held:
    """In place of uvicorn's cycle: a request while its body comes and its answer is made."""

    message_event = _Nobody()
    response_started = False

    def __init__(self, before: RequestResponseCycle | None, headers: dict[bytes, bytes]) -> None:
        self.before, self.headers = before, headers
        self.body = bytearray()
        self.more_body = self.keep_alive = True
        self.response_complete = self.disconnected = False
        self.taken: Taken | None = None


class DirectProtocol(LimitedProtocol):
    """One connection, whose plain requests go to ``route`` where ``guard`` admits them."""

    def __init__(self, *args: Any, guard: Guard, route: DirectRoute, **options: Any) -> None:
        super().__init__(*args, **options)
        self._guard, self._route = guard, route

    def on_headers_complete(self) -> None:
        """End a head (called by the parser): hold a plain request until its body is there."""
        headers = self._plain()
        if headers is None:
            super().on_headers_complete()
            return
        self.end_head()
        self._guard.in_flight += 1
        self.cycle = cast(RequestResponseCycle, _Held(self.cycle, headers))

    def on_message_complete(self) -> None:
        """End a request (called by the parser): answer it here, or hand it on to ASGI."""
        held: object = self.cycle
        if not isinstance(held, _Held):
            super().on_message_complete()
            return
        held.more_body = False
        host = held.headers.get(b"host", b"").decode("latin-1")
        body, path = bytes(held.body), self.url.decode("latin-1")

        def answer(reply: Reply) -> None:
            self._answer(held, reply)

        try:
            if self._guard.admits(held.headers):
                held.taken = self._route.begin(path, body, host, answer)
        except Exception as error:
            answer(internal_error(error))
        if held.taken or held.response_complete:
            self.begin_head()
            held.before, held.headers, held.body = None, {}, bytearray()  # not kept by those after
            return
        self._guard.in_flight -= 1
        self.cycle = cast(RequestResponseCycle, held.before)
        super().on_headers_complete()
        self.cycle.body += body
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; a request whose body never came, or that has no answer yet, is in flight no more."""
        held: object = self.cycle
        if isinstance(held, _Held) and not held.response_complete:
            held.more_body, held.disconnected = False, True
            self._guard.in_flight -= 1
            if held.taken:
                held.taken.leave()
        super().connection_lost(exc)

    def _plain(self) -> dict[bytes, bytes] | None:
        """Return the headers of a request that may be answered here; None for any other."""
        parser, before = self.parser, self.cycle
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return None
        if self.pipeline or (before is not None and not before.response_complete):
            return None  # answers leave in the order of their requests
        if self.flow.write_paused or self._guard.draining.is_set() or b"?" in self.url:
            return None
        headers = dict(self.headers)
        if len(headers) < len(self.headers):
            return None  # one of them comes twice
        length = headers.get(b"content-length", b"")
        if not length.isdigit() or len(length) > 5 or int(length) > LARGEST_BODY:
            return None
        for name in _NOT_PLAIN:
            if name in headers and (name, headers[name].lower()) != (b"connection", b"keep-alive"):
                return None
        return headers

    def _answer(self, held: _Held, reply: Reply) -> None:
        held.response_complete = True
        if held.disconnected:
            return
        self._guard.in_flight -= 1
        if self.transport.is_closing():
            return
        closing = not held.keep_alive or self._guard.draining.is_set()
        self.transport.write(self._head_of(reply, closing) + _body_of(reply))
        if closing:
            self._see_that_it_is_read()
            self.transport.close()
        self.on_response_complete()

    def _head_of(self, reply: Reply, closing: bool) -> bytes:
        parts = [STATUS_LINE[reply.status_code if isinstance(reply, Response) else 200]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        if isinstance(reply, Response):
            for name, value in reply.raw_headers:
                parts += (name, b": ", value, b"\r\n")
        else:
            parts.append(_JSON % len(reply))
        parts.append(b"connection: close\r\n\r\n" if closing else b"\r\n")
        return b"".join(parts)


def _body_of(reply: Reply) -> bytes:
    return bytes(reply.body) if isinstance(reply, Response) else reply
