"""How one model version is loaded: paths, limits, a worker, a warm-up, then the switch."""

import asyncio
import os
from dataclasses import dataclass

import msgspec

from kd_engines.deployment.frames import Spec
from kd_engines.deployment.identity import identity
from kd_engines.deployment.model_slot import ModelSlot
from kd_engines.deployment.served_model import ServedModel
from kd_pipeline.errors import InvalidInput, KdError, LoadFailed
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.project_repository import ProjectRepository

EXAMPLE_KEY = "example"  # a request's scoring_args as JSON
TIMEOUT_KEY = "timeout-s"


@dataclass(frozen=True)
class Limits:
    """An engine's limits: times in seconds, and how many requests may wait for one model."""

    predict_s: float = 60.0
    load_s: float = 300.0
    removal_grace_s: float = 3.0
    queue: int = 1000

    @classmethod
    def from_environment(cls) -> "Limits":
        """Read the variables that `kd_engines.deployment.__main__` names; raises InvalidInput."""
        return cls(
            _seconds("KD_PREDICT_TIMEOUT_S", cls.predict_s),
            _seconds("KD_LOAD_TIMEOUT_S", cls.load_s),
            _seconds("KD_REMOVAL_GRACE_S", cls.removal_grace_s),
            _whole("KD_MODEL_QUEUE", cls.queue),
        )


async def load(slot: ModelSlot, repository: ProjectRepository, limits: Limits) -> None:
    """Load what ``slot`` wants and switch to it, or note in the slot why that failed.

    What is already running as it is wanted stays as it is.
    """
    model = slot.model
    label = f"{model.name}/{model.version}"
    try:
        script = repository.existing(model.scoring_path)
        path = repository.existing(model.path)
        slot.sha256 = await asyncio.to_thread(identity, model, script, path)
        if slot.running and slot.running_sha256 == slot.sha256:
            slot.use(slot.running)
            return
        spec = Spec(str(script), str(path), str(repository.root), time_limit(model, limits))
        served = ServedModel(label, spec, limits.load_s, limits.queue)
        await served.load()
    except (KdError, OSError) as error:
        slot.fail(sentence(error))
        return
    try:
        await warm_up(served, model)
    except KdError as error:
        await served.end()
        slot.fail(sentence(error))
    except BaseException:
        await served.end()
        raise
    else:
        slot.use(served)


async def warm_up(served: ServedModel, model: ModelConfig) -> None:
    """Ask the model's own example, so that no client pays for the first prediction.

    Raises LoadFailed where it fails: what cannot answer its own example is not let in.
    """
    example = model.extra.get(EXAMPLE_KEY)
    if not example:
        return
    try:
        args = msgspec.json.encode(msgspec.json.decode(example))
    except msgspec.DecodeError as error:
        raise LoadFailed(f"The key {EXAMPLE_KEY!r} of the ConfigMap is no JSON: {error}.") from None
    answer = await served.predict(args)
    if answer.failure:
        raise LoadFailed(f"The model fails on its own example: {answer.failure}")


def time_limit(model: ModelConfig, limits: Limits) -> float:
    """Return a model's seconds for one prediction: the engine's, or its own where shorter.

    Raises InvalidInput.
    """
    own = model.extra.get(TIMEOUT_KEY)
    return min(limits.predict_s, _number(own, TIMEOUT_KEY)) if own else limits.predict_s


def sentence(error: Exception) -> str:
    """Return an error as a sentence that ends with a full stop."""
    text = str(error)
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    return _number(text, name) if text else default


def _whole(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise InvalidInput(f"{name} is {text!r}; it is a whole number above 0.")
    return int(text)


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 86_400:
        raise InvalidInput(f"{name} is {text!r}; it is a number of seconds, at most a day.")
    return value
