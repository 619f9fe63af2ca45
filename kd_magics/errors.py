"""The errors of the magics: each is one red line in a notebook, and stops "Run All".

KdError
├── InvalidInput
│   ├── EmptyCell        there is nothing to run
│   ├── InvalidCell      the cell is no Python
│   └── PreflightFailed  a cell would fail on the engine: undefined names, missing modules or files
└── WatchStopped         watching was interrupted; the job goes on

Those of what one can do, which magics raise as well, are in :mod:`kd_client.errors`; a notebook
finds them here too.
"""

from kd_client.errors import (
    BadOptions,
    DeployFailed,
    EngineDown,
    EngineStarting,
    ForeignUrl,
    InvalidAnswer,
    NoResult,
    PredictFailed,
    RemoteJobError,
    UnknownRoute,
)
from kd_pipeline.errors import InvalidInput, KdError

__all__ = [
    "BadOptions",
    "DeployFailed",
    "EmptyCell",
    "EngineDown",
    "EngineStarting",
    "ForeignUrl",
    "InvalidAnswer",
    "InvalidCell",
    "NoResult",
    "PredictFailed",
    "PreflightFailed",
    "RemoteJobError",
    "UnknownRoute",
    "WatchStopped",
]


class EmptyCell(InvalidInput):
    """A cell has nothing to run."""


class InvalidCell(InvalidInput):
    """A cell's code is no Python; nothing was sent."""


class PreflightFailed(InvalidInput):
    """A cell would fail on the engine, so it was not sent; a line for each finding."""


class WatchStopped(KdError):
    """Watching a job was interrupted; the job itself goes on."""
