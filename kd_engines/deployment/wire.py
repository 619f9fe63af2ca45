"""What an engine and its workers say to each other: length-prefixed msgpack over a socket pair.

A frame is four bytes of length (big-endian) and a message. Data alone crosses, never code. Rows
and predictions stay JSON text inside it: the engine's HTTP process need not look into them.
"""

import struct
import time
from typing import Any, Generic, TypeVar

import msgspec

from kd_pipeline.plain_text import one_line

M = TypeVar("M")
LENGTH = struct.Struct(">I")
LARGEST_FRAME_BYTES = 64 * 1024 * 1024
_encoder = msgspec.msgpack.Encoder()


class Spec(msgspec.Struct, array_like=True):
    """The first frame to a worker: what it is to load, with absolute paths.

    ``source`` is the script as it was when its sum was taken; without one ``format`` is what was
    named in the ConfigMap, and ``example`` its example.
    """

    script: str
    source: bytes
    path: str
    root: str
    timeout_s: float
    format: str = ""
    example: bytes = b""


class Go(msgspec.Struct, array_like=True):
    """The engine's second frame: load now."""


class CompiledModel(msgspec.Struct, array_like=True):
    """A model of a known format as ONNX, which anybody can serve: see `formats.onnx_model`.

    ``row_us`` is how many microseconds a row takes; ``batches`` tells whether several rows can be
    predicted at once.
    """

    content: bytes
    takes_missing: bool
    batches: bool
    takes: list[tuple[str, str, str]]
    row_us: float


class Loaded(msgspec.Struct, array_like=True):
    """How a model of a known format is served; ``compiled`` where others may do it.

    ``names`` are its columns', where they have some, ``width`` is how many there are.
    """

    format: str
    remark: str
    names: tuple[str, ...]
    width: int
    compiled: CompiledModel | None = None


class Ready(msgspec.Struct, array_like=True):
    """The worker's first two frames: the script is parsed, it is loaded; or why it cannot be.

    The only one of a replica, which has its ``pid``; see :mod:`~.worker_replica`.
    """

    kind: str
    failure: str | None = None
    loaded: Loaded | None = None
    pid: int = 0


class Ask(msgspec.Struct, array_like=True):
    """A request: ``args`` is the JSON text of its ``scoring_args``; none asks who is there.

    Nobody waits for its answer after ``deadline``, in seconds of this machine's monotonic clock.
    One without ``args`` whose deadline is 0 says so of the request that has its ``id``.
    ``replicate`` has no answer: it asks for a fork that answers over the descriptor sent before.
    """

    id: int
    args: bytes
    deadline: float = float("inf")
    replicate: bool = False

    def is_late(self) -> bool:
        """Tell whether nobody waits for its answer any more."""
        return time.monotonic() >= self.deadline


class Answer(msgspec.Struct, array_like=True):
    """Its answer: the prediction as JSON and as printed text, or why there is none.

    ``log`` is the end of what a script of 2020 wrote to standard error, ``pid`` its process.
    """

    id: int
    result: bytes = b"null"
    output: str = ""
    failure: str | None = None
    log: str = ""
    pid: int = 0
    timed_out: bool = False
    unreadable: bool = False  # it is the request that is wrong


def frame(message: msgspec.Struct) -> bytes:
    """Return a message as bytes with its length in front."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


class Frames(Generic[M]):
    """Collects bytes as they arrive, and returns the messages of type ``kind`` that are whole."""

    def __init__(self, kind: type[M]) -> None:
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[M]:
        """Return the messages that ``data`` completes; raises ValueError for none of ours."""
        self._bytes += data
        begin, end = 0, len(self._bytes)
        messages: list[M] = []
        with memoryview(self._bytes) as view:
            while end - begin >= LENGTH.size:
                (length,) = LENGTH.unpack_from(view, begin)
                if length > LARGEST_FRAME_BYTES:
                    raise ValueError(f"a message of {length:,} bytes")
                body = begin + LENGTH.size
                if end - body < length:
                    break
                messages.append(self._decode(view[body : body + length]))
                begin = body + length
        del self._bytes[:begin]
        return messages


def one(text: Any) -> str:
    """Return a text of several lines as one line of at most 500 characters."""
    return one_line(text, 500)
