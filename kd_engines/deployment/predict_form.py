"""The product's own form of a prediction: ``POST /<model>/<version>/predict``.

The answer has the keys of the 2020 product's, whose clients read ``output``, and ours beside them:
``result`` (the prediction as JSON), ``model`` and ``version``.
"""

import msgspec
from starlette.responses import Response

from kd_engines.deployment.asked import Asked
from kd_engines.deployment.history import kept
from kd_engines.deployment.wire import Answer
from kd_engines.web.answers import error_response
from kd_engines.web.json_trouble import BYTE_ORDER_MARK, json_trouble
from kd_pipeline.errors import InvalidInput, KdError, TooLarge
from kd_pipeline.messages import ErrorDetail

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


class PredictForm:
    """Reads requests and writes answers of the contract."""

    def args(self, body: bytes, kind: str) -> tuple[bytes, None]:
        """Return the JSON text of a request's ``scoring_args``; raises InvalidInput, TooLarge."""
        return scoring_args(body, kind), None

    def answered(self, asked: Asked, answer: Answer, error: KdError | None) -> bytes | Response:
        """Return what a request is answered with."""
        answered = _told(asked, answer, "Failed" if error else "Finished")
        if error is None:
            answered.result = msgspec.Raw(answer.result)
            return _encode(answered)
        answered.error = ErrorDetail.of(error)
        return Response(_encode(answered), error.http_status, media_type="application/json")

    def begun(self, asked: Asked) -> bytes:
        """Return what a request is answered with at once, whose result is read from its URL."""
        return _encode(_told(asked, Answer(0, pid=asked.served.pid or 0), "Running"))

    def refused(self, error: KdError) -> Response:
        """Return the answer to a request that asked no model."""
        return error_response(error)


def _told(asked: Asked, answer: Answer, status: str) -> Answered:
    number, host = asked.id, asked.host
    return Answered(
        *(number, kept(asked.args), f"{host}/logs/{number}", asked.node, answer.output, answer.pid),
        *(f"{host}/history/{number}", status, asked.name, asked.version),
    )


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
