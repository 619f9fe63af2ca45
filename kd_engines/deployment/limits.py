"""An engine's limits, and a model's own."""

import math
import os
from dataclasses import dataclass, field

from kd_engines.deployment.identity import TIMEOUT_KEY
from kd_engines.members.capacity import cpus
from kd_pipeline.errors import InvalidInput
from kd_pipeline.model_config import ModelConfig

PROCESSES_KEY = "processes"
MOST_PROCESSES = 16
ABOVE_0 = (TIMEOUT_KEY, "KD_PREDICT_TIMEOUT_S", "KD_LOAD_TIMEOUT_S")


@dataclass(frozen=True)
class Limits:
    """An engine's limits: times in seconds, and how many requests may wait for one model.

    A prediction may take as long as it needs where nobody has set a limit, as in 2020.
    ``processes`` is how many one model may have: as many as there are processors.
    """

    predict_s: float = math.inf
    load_s: float = 300.0
    removal_grace_s: float = 3.0
    queue: int = 1000
    processes: int = field(default_factory=lambda: min(MOST_PROCESSES, cpus()))

    @classmethod
    def from_environment(cls) -> "Limits":
        """Read the variables that `kd_engines.deployment.__main__` names; raises InvalidInput."""
        return cls(
            _seconds("KD_PREDICT_TIMEOUT_S", cls.predict_s),
            _seconds("KD_LOAD_TIMEOUT_S", cls.load_s),
            _seconds("KD_REMOVAL_GRACE_S", cls.removal_grace_s),
            _whole("KD_MODEL_QUEUE", os.environ.get("KD_MODEL_QUEUE") or str(cls.queue)),
            *_processes(),
        )


def time_limit(model: ModelConfig, limits: Limits) -> float:
    """Return a model's seconds for one prediction: its own, else the engine's, which may be inf.

    Raises InvalidInput.
    """
    own = model.extra.get(TIMEOUT_KEY)
    return _number(own, TIMEOUT_KEY) if own else limits.predict_s


def most_processes(model: ModelConfig, limits: Limits) -> int:
    """Return how many processes a model may have: the engine's number, or its own where fewer.

    Raises InvalidInput.
    """
    own = model.extra.get(PROCESSES_KEY)
    return min(limits.processes, _whole(PROCESSES_KEY, own)) if own else limits.processes


def _processes() -> list[int]:
    text = os.environ.get("KD_MODEL_PROCESSES")
    return [_whole("KD_MODEL_PROCESSES", text)] if text else []


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    return _number(text, name) if text else default


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InvalidInput(f"{name} is {text!r}; it must be a whole number above 0.")
    return int(text)


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (0 < value < 86_400 or (value == 0 and name not in ABOVE_0)):
        raise InvalidInput(
            f"{name} is {text!r}; it must be a positive number of seconds, at most a day."
        )
    return value
