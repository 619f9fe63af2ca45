"""The errors of what one can do.

KdError
├── InvalidInput
│   ├── BadOptions       what was asked for is ambiguous, incomplete or not possible
│   └── ForeignUrl       a URL names a host that is not connected: no token goes there
├── NotFound
│   ├── NoResult         a job has kept no value: it runs, or was not asked to, or could not
│   └── UnknownRoute     the engine does not know the route: one of 2020
├── Unavailable
│   └── EngineDown       no endpoint of a cluster answers
│       └── EngineStarting   its members are not there yet, or its balancer says so
├── RemoteJobError       a job that was waited for did not finish well
├── DeployFailed         a model did not become ready, or did not go away
├── PredictFailed        a model could not answer
└── InvalidAnswer        an engine answered something that is not in the contract
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kd_pipeline.errors import InvalidInput, KdError, NotFound, Unavailable

if TYPE_CHECKING:
    from kd_pipeline.hints import Hint
    from kd_pipeline.messages import Failure, PredictAnswer


class BadOptions(InvalidInput):
    """What was asked for is wrong, or could be several things; the sentence says what to name."""


class ForeignUrl(InvalidInput):
    """A URL names no host of a connected cluster, so nothing was sent there."""


class UnknownRoute(NotFound):
    """The engine does not know a route of ours: it is one of the 2020 product."""


class NoResult(NotFound):
    """A job has no kept value: it still runs, was asked for none, or could not keep it."""


class EngineDown(Unavailable):
    """No endpoint of a cluster answers."""


class EngineStarting(EngineDown):
    """A cluster has no member yet, or its balancer answers in its engine's place."""


class RemoteJobError(KdError):
    """A job ended otherwise than well; ``job`` is its id, ``status`` its last status.

    ``failure`` is the exception that ended it, where the engine has kept one; ``remote`` are the
    lines of its traceback, which a notebook shows below the sentence, unless ``is_shown`` tells
    that they stand above it already.
    """

    is_shown = False

    def __init__(
        self,
        message: str,
        job: int = 0,
        status: str = "",
        failure: "Failure | None" = None,
        remote: Sequence[str] = (),
        hint: "Hint | None" = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.job = job
        self.status = status
        self.failure = failure
        self.remote = tuple(remote)

    def _render_traceback_(self) -> list[str]:
        """Show the sentence, then the job's own traceback, and nothing of ours."""
        return [*super()._render_traceback_(), *(() if self.is_shown else self.remote)]


class DeployFailed(KdError):
    """A model did not become ready, or did not go away in time."""


class PredictFailed(KdError):
    """A deployed model could not answer; ``answer`` is what it told instead of a result."""

    def __init__(
        self, message: str, answer: "PredictAnswer | None" = None, hint: "Hint | None" = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.answer = answer


class InvalidAnswer(KdError):
    """An engine's answer is not what the contract says."""
