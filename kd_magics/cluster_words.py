"""How a training cluster is, in a table's words: its queue, Python, processors, memory."""

import platform
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from kd_client.training_states import environments, state_of
from kd_magics.session import Session
from kd_magics.tables import state
from kd_pipeline.errors import KdError
from kd_pipeline.messages import Environment, Gpu
from kd_pipeline.messages.sidebar import EngineState
from kd_pipeline.quantities import memory_text

HEADERS = ("State", "Queue", "Python", "CPUs", "GPUs", "Load", "Free memory")
UNKNOWN = ""
WORDS: dict[EngineState, str] = {
    "Answers": "answers (2020 engine)",
    "Refused": "wrong token",
    "Starting": "starting",
}


def training_states(session: Session, clusters: Sequence[str]) -> dict[str, list[str]]:
    """Return the cells below HEADERS of each cluster."""
    answers = environments(session, clusters)
    return {name: _cells(session, name, answer) for name, answer in answers.items()}


def trouble(session: Session, name: str, error: KdError) -> str:
    """Return in a few words why a cluster gave no answer."""
    found = state_of(error)
    if found == "Down":
        last = session.answered.get(name)
        since = f" since {datetime.fromtimestamp(last):%H:%M:%S}" if last else ""
        return state("does not answer", f"does not answer{since}")
    return state(WORDS[found]) if found in WORDS else str(error)


def _cells(session: Session, name: str, answer: Environment | KdError | None) -> list[str]:
    if isinstance(answer, KdError):
        words = trouble(session, name, answer)
        return [words] + [UNKNOWN] * (len(HEADERS) - 1)
    if answer is None:
        return [state("answers", WORDS["Answers"])] + [UNKNOWN] * (len(HEADERS) - 1)
    queue = answer.queue
    return [
        state("answers"),
        f"{queue.queued} waiting, {queue.running} of {queue.limit} running",
        python_words(answer.python),
        str(answer.cpus),
        gpu_words(answer.gpus),
        UNKNOWN if answer.load is None else f"{answer.load:.0%}",
        _memory(answer),
    ]


def python_words(version: str) -> str:
    """Return an engine's Python, with a mark where its minor version is not the kernel's."""
    here = platform.python_version()
    if version.split(".")[:2] == here.split(".")[:2]:
        return version
    return f"{version} (here {here})"


def gpu_words(gpus: Sequence[Gpu]) -> str:
    """Return the GPUs, equal ones counted: ``2 x NVIDIA A100 (80 GiB)``."""
    kinds = Counter(f"{gpu.name} ({memory_text(gpu.memory_bytes)})" for gpu in gpus)
    return ", ".join(f"{n} x {kind}" for kind, n in kinds.items()) or "none"


def _memory(found: Environment) -> str:
    whole = memory_text(found.memory_bytes)
    free = found.memory_free_bytes
    return f"of {whole}" if free is None else f"{memory_text(free)} of {whole}"
