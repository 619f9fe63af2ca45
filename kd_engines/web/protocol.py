"""uvicorn's HTTP protocol with limits on what a client may send, and how long it may take.

A head is limited before anybody knows who sends it. A connection that says nothing, or stops in
the middle of a head, a body or an answer, is closed: it holds a file handle.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kd_pipeline.messages import ErrorBody, ErrorDetail

LARGEST_HEAD_BYTES = 64 * 1024
LARGEST_HEADER_BYTES = 16 * 1024
MOST_HEADERS = 200
# Seconds: until the first byte, for a whole head, between two pieces of a body, for a whole body,
# and until a client takes more of its answer.
SILENT_S = 75.0
HEAD_S = 10.0
BODY_PAUSE_S = 30.0
BODY_S = 600.0
READ_S = 300.0


class LimitedProtocol(HttpToolsProtocol):
    """One connection. What is over a limit is answered in words where that is still possible."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head, self._head_bytes = True, 0
        self._refusal: tuple[int, str] | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._body_deadline = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; somebody has to say something."""
        super().connection_made(transport)
        self._limit = self.loop.call_later(SILENT_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, and with it all limits."""
        self._cancel()
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sent: of a head only as much as one may have."""
        begun = self._in_head and self._head_bytes > 0
        while self._in_head and len(data) > LARGEST_HEAD_BYTES - self._head_bytes:
            room = LARGEST_HEAD_BYTES - self._head_bytes
            self._take(data[:room])
            data = data[room:]
            if self._in_head and self._head_bytes >= LARGEST_HEAD_BYTES:
                self._refuse(
                    431, f"The request's head has more than {LARGEST_HEAD_BYTES:,} bytes; send less"
                )
            if self.transport.is_closing():
                return
        self._take(data)
        self._set_limit(head_begun=begun)

    def _take(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)

    def _set_limit(self, head_begun: bool) -> None:
        """Choose how long the client may take for what is missing now."""
        if self._in_head and self._head_bytes:
            if head_begun and self._limit:
                return  # a head's time runs from its first byte on
            self._wait(HEAD_S, "head")
        elif not self._in_head and self.cycle and self.cycle.more_body:
            now = self.loop.time()
            self._body_deadline = self._body_deadline or now + BODY_S
            self._wait(min(BODY_PAUSE_S, self._body_deadline - now), "body")
        else:
            self._cancel()

    def _wait(self, seconds: float, what: str) -> None:
        self._cancel()
        self._limit = self.loop.call_later(max(0.0, seconds), self._give_up, what)

    def _cancel(self) -> None:
        if self._limit:
            self._limit.cancel()
            self._limit = None

    def _give_up(self, what: str) -> None:
        self._limit = None
        if self.flow.read_paused:
            self._wait(BODY_PAUSE_S, what)  # it is we who do not read
        elif what == "head" and self.cycle and not self.cycle.response_complete:
            self._wait(HEAD_S, what)  # the answer to what came before it is not to be overtaken
        elif what == "body" and self.cycle.response_started:
            self.transport.abort()
        else:
            self._refuse(408, f"The request's {what} did not arrive in time; send it again")

    def _refuse(self, status: int, sentence: str) -> None:
        self._refusal = status, sentence
        self.send_400_response("")

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong in the one JSON shape, and close (uvicorn's name: also 408, 431)."""
        if self.transport.is_closing():
            return
        status, sentence = self._refusal or (400, msg.rstrip("."))
        name = HTTPStatus(status).phrase
        detail = ErrorDetail(name.title().replace(" ", ""), f"{sentence}.")
        body = msgspec.json.encode(ErrorBody(detail))
        head = (
            f"HTTP/1.1 {status} {name}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._see_that_it_is_read()
        self.transport.close()

    def on_response_complete(self) -> None:
        """End an answer (called by its cycle); somebody has to read it."""
        self._see_that_it_is_read()
        super().on_response_complete()

    def on_message_begin(self) -> None:
        """Begin a head (called by the parser)."""
        self._in_head, self._body_deadline = True, 0.0
        self._head_bytes = max(1, self._head_bytes)  # also where it follows another's end
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header (called by the parser), unless it is too large or one too many."""
        if len(name) + len(value) > LARGEST_HEADER_BYTES:
            shown = name[:40].decode("latin-1")
            self._refusal = (
                431,
                f"The header {shown} has more than {LARGEST_HEADER_BYTES:,} bytes; send less",
            )
            raise ValueError(shown)
        if len(self.headers) >= MOST_HEADERS:
            self._refusal = 431, f"The request has more than {MOST_HEADERS} headers; send fewer"
            raise ValueError("headers")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End a head (called by the parser)."""
        self.end_head()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End a request (called by the parser): the next head may begin."""
        super().on_message_complete()
        self.begin_head()

    def end_head(self) -> None:
        """Count what comes now as a body."""
        self._in_head, self._head_bytes = False, 0

    def begin_head(self) -> None:
        """Count what comes now as a head."""
        self._in_head, self._head_bytes = True, 0

    def pause_writing(self) -> None:
        """Stop writing to a client that does not read; for ever it need not be waited for."""
        super().pause_writing()
        self._see_that_it_is_read()

    def resume_writing(self) -> None:
        """Go on, as the client has read."""
        super().resume_writing()
        self._stop_watching()

    def _see_that_it_is_read(self) -> None:
        """Give a client so long for what it has not read yet, also of a connection that closes."""
        if not self._reading and self.transport.get_write_buffer_size():
            self._reading = self.loop.call_later(READ_S, self._end_unread)

    def _end_unread(self) -> None:
        self._reading = None
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _stop_watching(self) -> None:
        if self._reading:
            self._reading.cancel()
            self._reading = None
