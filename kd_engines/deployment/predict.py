"""``POST /<model>/<version>/predict``: the one route that must be fast.

The answer has the keys of the 2020 product's, whose clients read ``output``, and ours beside them:
``result`` (the prediction as JSON), ``model`` and ``version``.
"""

import contextlib
import time
from dataclasses import dataclass
from urllib.parse import unquote

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kd_engines.deployment.history import History, Prediction, kept
from kd_engines.deployment.model_set import ModelSet
from kd_engines.deployment.requests_held import Pending
from kd_engines.deployment.served import Served
from kd_engines.deployment.wire import Answer
from kd_engines.web.answers import error_response, internal_error
from kd_engines.web.direct import Answer as Answerer
from kd_engines.web.json_trouble import BYTE_ORDER_MARK, json_trouble
from kd_pipeline.errors import InvalidInput, KdError, PredictTimeout, ScoringFailed, TooLarge
from kd_pipeline.messages import ErrorDetail

LARGEST_BODY = 4 * 1024 * 1024
# Splitting a string takes the square of its length; it is split in the model's own process.
LARGEST_ARGUMENTS = 32 * 1024
MODES = frozenset({"itv", "batch"})
_encode = msgspec.json.Encoder().encode


class Body(msgspec.Struct):
    """`kd_pipeline.messages.PredictRequest` whose input stays JSON text: the script reads it."""

    scoring_args: msgspec.Raw = msgspec.Raw(b"{}")
    use_scoring: bool | str = True
    mode: str = "itv"


_decode = msgspec.json.Decoder(Body).decode


class Answered(msgspec.Struct, omit_defaults=True):
    """`kd_pipeline.messages.PredictAnswer` whose JSON texts go out as they came."""

    id: int
    input: msgspec.Raw
    log_url: str
    node: str
    output: str
    pid: int
    request_url: str
    status: str
    model: str
    version: str
    result: msgspec.Raw | None = None
    error: ErrorDetail | None = None


@dataclass(slots=True)
class Asked:
    """A prediction on its way: what was asked of which version, by which name."""

    name: str
    version: str
    served: Served
    args: bytes
    host: str
    id: int
    pending: Pending
    began: float


class Predict:
    """Ask a model version: as an ASGI application, and before ASGI where a request is plain.

    See :mod:`~kd_engines.web.direct`.
    """

    def __init__(self, models: ModelSet, history: History) -> None:
        self._models, self._history = models, history

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one prediction; raises KdError where there is none."""
        name, version = model_of(scope["path"]) or ("", "")
        body = await read(receive)
        # After the body: a version that is taken off meanwhile is not found, instead of cut off.
        asked = self._ask(name, version, body, host_of(scope))
        try:
            with contextlib.suppress(KdError):  # told below
                await asked.pending.wait()
        finally:
            asked.served.drop(asked.pending)
        answered = self._answered(asked)
        response = answered if isinstance(answered, Response) else _json(200, answered)
        await response(scope, receive, send)

    def begin(self, path: str, body: bytes, host: str, answer: Answerer) -> bool:
        """Take a request and call ``answer`` once; False for a request that ASGI is to answer."""
        named = model_of(path)
        if named is None:
            return False
        try:
            asked = self._ask(*named, body, host)
        except KdError:
            return False

        def done() -> None:
            asked.served.drop(asked.pending)
            try:
                answer(self._answered(asked))
            except KdError as error:
                answer(error_response(error))
            except Exception as error:
                answer(internal_error(error))

        asked.pending.then = done
        return True

    def _ask(self, name: str, version: str, body: bytes, host: str) -> Asked:
        served = self._models.find(name, version)
        args = scoring_args(body, served.kind)
        pending = served.ask(args)
        version = served.label.partition("/")[2]  # an alias's own
        number = self._history.next_id()
        return Asked(name, version, served, args, host, number, pending, time.perf_counter())

    def _answered(self, asked: Asked) -> bytes | Response:
        """Return what a request is answered with; raises KdError."""
        answer, error = outcome(asked.served, asked.pending)
        taken = time.perf_counter() - asked.began
        number, host, args = asked.id, asked.host, asked.args
        status = "Failed" if error else "Finished"
        self._history.add(
            Prediction(
                *(number, asked.served.label, args, answer.output),
                *(answer.log, answer.pid, status, taken),
            )
        )
        answered = Answered(
            number,
            kept(args),
            f"{host}/logs/{number}",
            self._history.node,
            answer.output,
            answer.pid,
            f"{host}/history/{number}",
            status,
            asked.name,
            asked.version,
        )
        if error is None:
            answered.result = msgspec.Raw(answer.result)
            return _encode(answered)
        answered.error = ErrorDetail.of(error)
        return _json(error.http_status, _encode(answered))


def _json(status: int, body: bytes) -> Response:
    return Response(body, status, media_type="application/json")


def outcome(served: Served, pending: Pending) -> tuple[Answer, KdError | None]:
    """Return a model's answer, and the error where the scoring script failed; raises KdError."""
    try:
        answer = pending.result()
    except (ScoringFailed, PredictTimeout) as error:
        return Answer(0, pid=served.pid or 0), error
    answer.pid = answer.pid or served.pid or 0
    if answer.failure is None:
        return answer, None
    if answer.unreadable:
        raise InvalidInput(answer.failure)
    sentence = f"The scoring script of {served.label} failed: {answer.failure}."
    kind = PredictTimeout if answer.timed_out else ScoringFailed
    return answer, kind(sentence.replace("..", "."))


def model_of(path: str) -> tuple[str, str] | None:
    """Return model and version of a predict path; None for any other path."""
    parts = path.removesuffix("/").split("/")
    if len(parts) != 4 or parts[3] != "predict":
        return None
    return unquote(parts[1]), unquote(parts[2])


def scoring_args(body: bytes, kind: str) -> bytes:
    """Return the JSON text of a request's ``scoring_args``; raises InvalidInput."""
    try:
        check_utf8(body)
        request = _decode(body.removeprefix(BYTE_ORDER_MARK))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(
            f"{json_trouble(body, error)}. A request is "
            '{"use_scoring": true, "scoring_args": {…}}.'
        ) from None
    if request.use_scoring is not True and str(request.use_scoring).lower() != "true":
        raise InvalidInput("use_scoring must be true: a model answers through its scoring script.")
    if request.mode not in MODES:
        raise InvalidInput(f"mode is {request.mode[:40]!r}; it is one of {', '.join(MODES)}.")
    args = bytes(request.scoring_args)
    first = args[:1]
    if first not in b'{["' or (first == b"[" and kind == "script"):
        lists = "" if kind == "script" else ", a list of objects"
        raise InvalidInput(
            f"scoring_args must be an object{lists} or a string of arguments; it is {shown(args)}."
        )
    if first == b'"' and len(args) > LARGEST_ARGUMENTS:
        raise TooLarge(
            f"scoring_args is a string of {len(args):,} bytes, {LARGEST_ARGUMENTS:,} are the "
            "limit; send an object."
        )
    return args


def check_utf8(body: bytes) -> None:
    """Raise UnicodeDecodeError for a body that is no UTF-8: what stays as it came is not decoded.

    Such a text would make every answer that holds it, and the history, unreadable.
    """
    if not body.isascii():
        body.decode()


def shown(args: bytes) -> str:
    """Return the beginning of a JSON text."""
    text = args.decode(errors="replace")
    return text if len(text) <= 60 else f"{text[:60]}…"


def host_of(scope: Scope) -> str:
    """Return ``<host>:<port>`` as the client named it."""
    for key, value in scope["headers"]:
        if key == b"host":
            return str(value, "latin-1")
    return ""


async def read(receive: Receive) -> bytes:
    """Return a request's body; raises TooLarge as soon as it is over 4 MiB."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        chunks = [body]
    else:
        chunks, size = [body], len(body)
        while message.get("more_body") and size <= LARGEST_BODY:
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
    body = b"".join(chunks)
    if len(body) > LARGEST_BODY:
        raise TooLarge(
            f"The request has more than {LARGEST_BODY:,} bytes, which is the limit; send fewer "
            "rows at a time."
        )
    return body
