"""The errors of the magics: each is one red line in a notebook, and stops "Run All".

KdError
├── InvalidInput
│   ├── BadOptions       a magic's options are wrong
│   ├── EmptyCell        there is nothing to run
│   ├── InvalidCell      the cell is no Python
│   └── ForeignUrl       a URL names a host that is not connected: no token goes there
├── NotFound
│   └── UnknownRoute     the engine does not know the route: one of 2020
├── Unavailable
│   └── EngineDown       no endpoint of a cluster answers
│       └── EngineStarting   its members are not there yet, or its balancer says so
├── RemoteJobError       a job that was waited for did not finish well
├── WatchStopped         watching was interrupted; the job goes on
├── DeployFailed         a model did not become ready, or did not go away
├── PredictFailed        a model could not answer
└── InvalidAnswer        an engine answered something that is not in the contract
"""

from kd_pipeline.errors import InvalidInput, KdError, NotFound, Unavailable


class BadOptions(InvalidInput):
    """A magic's options are wrong; the sentence says which and where the help is."""


class EmptyCell(InvalidInput):
    """A cell has nothing to run."""


class InvalidCell(InvalidInput):
    """A cell's code is no Python; nothing was sent."""


class ForeignUrl(InvalidInput):
    """A URL names no host of a connected cluster, so nothing was sent there."""


class UnknownRoute(NotFound):
    """The engine does not know a route of ours: it is one of the 2020 product."""


class EngineDown(Unavailable):
    """No endpoint of a cluster answers."""


class EngineStarting(EngineDown):
    """A cluster has no member yet, or its balancer answers in its engine's place."""


class RemoteJobError(KdError):
    """A job ended otherwise than well; ``job`` is its id, ``status`` its last status."""

    def __init__(self, message: str, job: int = 0, status: str = "") -> None:
        super().__init__(message)
        self.job = job
        self.status = status


class WatchStopped(KdError):
    """Watching a job was interrupted; the job itself goes on."""


class DeployFailed(KdError):
    """A model did not become ready, or did not go away in time."""


class PredictFailed(KdError):
    """A deployed model could not answer."""


class InvalidAnswer(KdError):
    """An engine's answer is not what the contract says."""
