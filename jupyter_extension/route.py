"""What every route is: check, one call in a thread, JSON; and the one shape of every error.

A route raises KdErrors (or lets them pass) and has no ``try`` of its own. Each of its methods is
``@web.authenticated`` and ``@authorized``; a module of routes ends with a list ``ROUTES`` of paths
below /kd-magics and their classes.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado import web

from jupyter_extension.pipeline import Pipeline
from kd_pipeline.errors import InvalidInput, KdError, TooLarge
from kd_pipeline.messages import ErrorBody, ErrorDetail

T = TypeVar("T")
# Parts of paths. They are matched before %-escapes are resolved, so no escape gets through.
CLUSTER = r"(?P<cluster>[a-z0-9][a-z0-9-]{0,62})"
LARGEST_BODY = 1024 * 1024
LONGEST_QUOTE = 80
UNEXPECTED = (
    "The Jupyter server could not do this because of a mistake in kd-magics; see the server's log."
)


class Route(APIHandler):
    """A route below /kd-magics."""

    auth_resource = "kd_magics"

    def initialize(self, pipeline: Pipeline) -> None:
        """Take the pipeline that all routes share."""
        self.pipeline = pipeline
        self.attached = pipeline.attached

    async def run(self, call: Callable[..., T], *given: Any, **wanted: Any) -> T:
        """Return what a blocking ``call`` returns, run in a thread.

        See :meth:`lane` for which threads it shares with others.
        """
        return await self.pipeline.threads.run(self.lane(), call, *given, **wanted)

    def lane(self) -> str:
        """Return what calls wait for: the cluster that their path names, or else their route."""
        return self.path_kwargs.get("cluster") or type(self).__name__

    async def answer(
        self, call: Callable[..., Any], *given: Any, status: int = 200, **wanted: Any
    ) -> None:
        """Answer with the message that a blocking ``call`` returns."""
        self.finish_json(await self.run(call, *given, **wanted), status)

    def finish_json(self, found: Any, status: int = 200) -> None:
        """Answer with a message."""
        self.set_status(status)
        self.finish(msgspec.json.encode(found))

    def body(self, shape: type[T], largest: int = LARGEST_BODY) -> T:
        """Return the request's JSON body as a message; raises TooLarge, InvalidInput."""
        content = self.request.body
        if len(content) > largest:
            raise TooLarge(
                f"The body of this request has {len(content):,} bytes; {largest:,} are the most."
            )
        try:
            return msgspec.json.decode(content or b"{}", type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            told = str(error)[:300].replace("\n", " ")
            raise InvalidInput(
                f"The body of this request is not a {shape.__name__} in JSON: {told}."
            ) from None

    def query(self, known: set[str]) -> dict[str, str]:
        """Return the query's values by their names; raises InvalidInput for names not known.

        Of a name that is given more than once it is the last.
        """
        unknown = sorted(set(self.request.query_arguments) - known - {"no_track_activity"})
        if unknown:
            raise InvalidInput(
                f"This request knows no {quoted(unknown[0])}; it knows "
                f"{', '.join(sorted(known)) or 'no query'}."
            )
        found = {name: self.get_query_argument(name, "") for name in known}
        return {name: value for name, value in found.items() if value}

    def set_default_headers(self) -> None:
        """Keep answers out of caches, beside what the server sets itself (nosniff, a CSP)."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def update_api_activity(self) -> None:
        """Count what a user does as activity; a sidebar that only looks must not keep it awake."""
        if (
            self.request.method not in ("GET", "HEAD")
            and self.get_status() < HTTPStatus.BAD_REQUEST
        ):
            super().update_api_activity()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer any error as an ErrorBody, with one sentence and never a stack trace."""
        error = kwargs.get("exc_info", (None, None))[1]
        phrase = HTTPStatus(status_code).phrase
        told = ErrorDetail(phrase.title().replace(" ", ""), f"{phrase}.")
        if isinstance(error, KdError):
            self.set_status(error.http_status)
            told = ErrorDetail.of(error)
        elif isinstance(error, web.HTTPError):
            told.message = error.log_message or told.message
        elif error is not None:
            told.message = UNEXPECTED
        self.finish(msgspec.json.encode(ErrorBody(told)))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log what was not expected with its trace; what is told to the user needs no second."""
        if not isinstance(value, KdError | asyncio.CancelledError):
            super().log_exception(typ, value, tb)


def quoted(text: str) -> str:
    """Return a text of a request for a sentence: in quotes, and not longer than a line."""
    return repr(text[:LONGEST_QUOTE])


def whole(name: str, text: str, least: int, most: int) -> int:
    """Return a query's text as a whole number; raises InvalidInput, which tells the limits."""
    if (
        not (text.isascii() and text.isdigit() and len(text) <= 16)
        or not least <= int(text) <= most
    ):
        raise InvalidInput(
            f"{name} is {quoted(text)}; give a whole number from {least:,} to {most:,}."
        )
    return int(text)
