"""A prediction on its way."""

from dataclasses import dataclass
from typing import Any, Protocol

from starlette.responses import Response

from kd_engines.deployment.requests_held import Pending
from kd_engines.deployment.served import Served
from kd_engines.deployment.wire import Answer
from kd_pipeline.errors import KdError


@dataclass(slots=True)
class Asked:
    """What was asked of which version, by which name; ``wish`` is its form's own."""

    name: str
    version: str
    served: Served
    args: bytes
    wish: Any
    host: str
    node: str
    id: int
    pending: Pending
    began: float


class Form(Protocol):
    """How a request is read and its answer written."""

    def args(self, body: bytes, kind: str) -> tuple[bytes, Any]:
        """Return the JSON text of a request's rows, for a model of a ``kind``, and its wish.

        Raises InvalidInput, TooLarge.
        """

    def answered(self, asked: Asked, answer: Answer, error: KdError | None) -> bytes | Response:
        """Return what a request is answered with; raises KdError."""

    def refused(self, error: KdError) -> Response:
        """Return the answer to a request that asked no model."""
