"""A worker's connection: what it says while it loads, then requests and answers."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, cast

from kd_engines.deployment.wire import Answer, Ask, Frames, Loaded, Ready, frame
from kd_pipeline.errors import LoadFailed

OnAnswers = Callable[["WorkerChannel", list[Answer]], None]
OnEnd = Callable[["WorkerChannel"], None]


class WorkerChannel(asyncio.Protocol, ABC):
    """One worker to ask. ``on_answers`` gets its answers, ``on_end`` is called once it has gone.

    Whoever asks it keeps in ``unanswered`` what it was sent, in ``progress`` when it was last seen
    to get on (monotonic), and in ``owes_s`` the time limit of an answer for which nobody waits any
    more, or 0.
    """

    WORDS: ClassVar[int]  # how many times it speaks until it is loaded

    def __init__(self, on_answers: OnAnswers, on_end: OnEnd) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_answers, self._on_end = on_answers, on_end
        self._said: asyncio.Queue[Ready] = asyncio.Queue()
        self._words, self._is_loaded = 0, False
        self._frames: Frames[Ready] | Frames[Answer] = Frames(Ready)
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.kind = ""
        self.loaded: Loaded | None = None
        self.gone = False
        self.unanswered: set[int] = set()
        self.progress = self.owes_s = 0.0

    @property
    @abstractmethod
    def pid(self) -> int:
        """Return the process's id; 0 before it was started."""

    @abstractmethod
    def kill(self) -> None:
        """End the process and what it started at once."""

    def send(self, ask: Ask) -> None:
        """Send a request; all requests of one turn of the event loop go out in one write."""
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(frame(ask))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection (called by the event loop)."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour only

    def data_received(self, data: bytes) -> None:
        """Take what the worker sent (called by the event loop); what is none of ours ends it."""
        try:
            if self._is_loaded:
                self._on_answers(self, self._frames.feed(data))  # type: ignore[arg-type]
                return
            for ready in self._frames.feed(data):
                if isinstance(ready, Ready):
                    self._said.put_nowait(ready)
                    self._words += 1
            if self._words == self.WORDS:
                self._is_loaded, self._frames = True, Frames(Answer)
        except ValueError:
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the worker has gone (called by the event loop)."""
        self.gone = True
        if self._is_loaded:
            self._on_end(self)
        else:
            self._lost_while_loading()

    @abstractmethod
    def _lost_while_loading(self) -> None:
        """Put into ``_said`` why nothing more will be said."""

    async def _next_word(self, limit_s: float, doing: str, limit: str) -> Ready:
        """Wait for what it says next; raises LoadFailed."""
        try:
            async with asyncio.timeout(limit_s):
                ready = await self._said.get()
        except TimeoutError:
            raise LoadFailed(
                f"{doing} took longer than {limit_s:g} s{limit} and was stopped."
            ) from None
        if ready.failure:
            raise LoadFailed(ready.failure)
        return ready

    def _flush(self) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()
