"""The one shape of every error answer."""

import msgspec

from kd_pipeline.errors import KdError
from kd_pipeline.hints import Hint


class ErrorHint(msgspec.Struct):
    """What to do next: a command, the words after it, and what that does."""

    command: str
    words: list[str] = []
    does: str = ""


class ErrorDetail(msgspec.Struct):
    """What went wrong: the error class's name, one sentence, and the request it belongs to.

    ``field`` is the one of the request's body that is wrong, where it is one.
    """

    type: str
    message: str
    request_id: str | None = None
    hint: ErrorHint | None = None
    field: str | None = None

    @classmethod
    def of(cls, error: KdError) -> "ErrorDetail":
        """Return what is told of an error, with its hint as data."""
        hint = error.hint
        told = ErrorHint(hint.command, [*hint.words], hint.does) if hint else None
        return cls(type(error).__name__, str(error), hint=told, field=error.field)

    @property
    def next_step(self) -> Hint | None:
        """Return the hint as an error has it."""
        hint = self.hint
        return Hint(hint.command, tuple(hint.words), hint.does) if hint else None


class ErrorBody(msgspec.Struct):
    """The one shape of every error answer."""

    error: ErrorDetail
