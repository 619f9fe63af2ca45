"""How each training cluster is now: what it tells of itself, or why it does not answer."""

import time
from collections.abc import Sequence

from kd_client.attached import Attached
from kd_client.errors import EngineDown, EngineStarting, UnknownRoute
from kd_client.fan_out import ask_all
from kd_pipeline.errors import KdError, Unauthorized, Unavailable
from kd_pipeline.messages import Environment
from kd_pipeline.messages.sidebar import EngineState

# All are asked together, so this is also the longest that it takes.
ASK_S = 1.8


def environments(
    attached: Attached, clusters: Sequence[str]
) -> dict[str, Environment | KdError | None]:
    """Return what each cluster tells of itself, or why it gave no answer; None of one of 2020."""
    answers = ask_all(
        {name: lambda c=name: attached.training(c).environment(ASK_S) for name in clusters},  # type: ignore[misc]
        ASK_S,
    )
    now = time.time()
    attached.answered |= {n: now for n, found in answers.items() if not isinstance(found, KdError)}
    return answers


def state_of(error: KdError | None) -> EngineState:
    """Return a cluster's state by the reason why it gave no answer, None where it gave one."""
    if error is None or isinstance(error, UnknownRoute):  # an engine of 2020 answers that
        return "Answers"
    if isinstance(error, Unauthorized):
        return "Refused"
    if isinstance(error, EngineDown) and not isinstance(error, EngineStarting):
        return "Down"
    return "Starting" if isinstance(error, Unavailable) else "Unknown"
