"""The errors of kd-magics: each owns its sentence and its HTTP status.

KdError (400)
├── InvalidInput (422)       a value is wrong: the sentence names it, the limit and what to do
│   ├── InvalidConfigmeta    configmeta.json is half-written or has another shape
│   ├── InvalidManifest      a kdapp, kdcluster or ConfigMap lacks what it must have
│   ├── InvalidModel         a model's name, version, path or key breaks a limit
│   └── UnsafePath           a path leads, or could lead, out of the project repository
├── BadRequest (400)         what was sent is no proper HTTP
├── Unauthorized (401)       no token, or not one that this engine accepts
├── Forbidden (403)          a foreign Host, Origin or site
├── NotFound (404)
│   ├── UnknownCluster       no such cluster is connected
│   ├── ModelNotFound        no such model version is registered
│   └── PathNotFound         nothing is there in the project repository
├── Conflict (409)
│   └── VersionTaken         this version is registered with other content
├── TooLarge (413)           a body or a value is over its cap
├── TooManyRequests (429)    a queue is full
├── ScoringFailed (500)      a scoring script crashed, printed nothing or gave no JSON value
├── PredictTimeout (504)     it did not answer in time
└── Unavailable (503)        try again: something is starting, stopping or down
    ├── NoConnections        configmeta.json was never readable
    ├── LoadFailed           a model could not be loaded; GET /models tells the same sentence
    └── ModelNotReady        a model is connected but does not run (yet)

An engine names the class in its answer, and a client raises it again (:data:`WIRE_ERRORS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kd_pipeline import plain_text

if TYPE_CHECKING:
    from kd_pipeline.hints import Hint


class KdError(Exception):
    """Base of every error that is told to a user in one sentence.

    What to do next is no part of the sentence where it is a command: it is the ``hint``, which a
    notebook, a terminal and a page word each in their own way. ``field`` is the one of a form that
    is wrong, where it was one.
    """

    http_status = 400
    field: str | None = None

    def __init__(self, message: str = "", *, hint: Hint | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        """Return the sentence, without what a terminal would act on: others' words are in it."""
        return plain_text.lines(super().__str__())

    def in_notebook(self) -> str:
        """Return the sentence with its hint as a magic."""
        return f"{self} {self.hint.in_notebook()}" if self.hint else str(self)

    def in_terminal(self) -> str:
        """Return the sentence with its hint as a command."""
        return f"{self} {self.hint.in_terminal()}" if self.hint else str(self)

    def _render_traceback_(self) -> list[str]:
        """Show one red line in a notebook (IPython's hook) instead of a traceback."""
        return [f"\x1b[31m{type(self).__name__}\x1b[0m: {self.in_notebook()}"]


class InvalidInput(KdError):
    """A value is wrong; the sentence names it, the limit and what to do."""

    http_status = 422


class InvalidConfigmeta(InvalidInput):
    """A configmeta.json is half-written or has a shape that KubeDirector does not write."""


class InvalidManifest(InvalidInput):
    """A kdapp, kdcluster or ConfigMap lacks something it must have."""


class InvalidModel(InvalidInput):
    """A model's name, version, path or key breaks a limit of ConfigMaps or URLs."""


class UnsafePath(InvalidInput):
    """A path leads, or could lead, out of the project repository."""


class BadRequest(KdError):
    """A request that is not HTTP as it must be."""

    http_status = 400


class Unauthorized(KdError):
    """No token was sent, or none that is accepted here."""

    http_status = 401


class Forbidden(KdError):
    """The request's Host, Origin or site is not one that may ask."""

    http_status = 403


class NotFound(KdError):
    """What was asked for does not exist."""

    http_status = 404


class UnknownCluster(NotFound):
    """No cluster of that name is connected."""


class ModelNotFound(NotFound):
    """No model of that name and version is registered."""


class PathNotFound(NotFound):
    """Nothing is at that path of the project repository."""


class Conflict(KdError):
    """Something else already holds the name."""

    http_status = 409


class VersionTaken(Conflict):
    """A model version is registered already, with other content."""


class TooLarge(KdError):
    """A body or a value is over its cap."""

    http_status = 413


class TooManyRequests(KdError):
    """A queue is full; trying later helps."""

    http_status = 429


class Unavailable(KdError):
    """Something is starting, stopping or down; trying again helps."""

    http_status = 503


class NoConnections(Unavailable):
    """configmeta.json was never readable, so nothing is known to be attached."""


class ScoringFailed(KdError):
    """The scoring script failed on this request."""

    http_status = 500


class PredictTimeout(KdError):
    """The scoring script did not answer within its limit."""

    http_status = 504


class LoadFailed(Unavailable):
    """A model could not be loaded; the sentence says why."""


class ModelNotReady(Unavailable):
    """The model is connected, but still loads or has failed to."""


def _below(kind: type[KdError]) -> dict[str, type[KdError]]:
    found = {kind.__name__: kind}
    for below in kind.__subclasses__():
        found |= _below(below)
    return found


WIRE_ERRORS = _below(KdError)
