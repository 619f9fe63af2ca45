"""The one shape of every error answer."""

import msgspec


class ErrorDetail(msgspec.Struct):
    """What went wrong: the error class's name, one sentence, and the request it belongs to."""

    type: str
    message: str
    request_id: str | None = None


class ErrorBody(msgspec.Struct):
    """The one shape of every error answer."""

    error: ErrorDetail
