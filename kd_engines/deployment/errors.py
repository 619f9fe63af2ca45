"""What can go wrong with a prediction, each with its HTTP status.

KdError
├── ScoringFailed (500)      the scoring script crashed, printed nothing or gave no JSON value
├── PredictTimeout (504)     it did not answer in time
├── LoadFailed (503)         a model could not be loaded; GET /models tells the same sentence
└── ModelNotReady (503)      the model is connected but does not run (yet)
"""

from kd_pipeline.errors import KdError, Unavailable


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
