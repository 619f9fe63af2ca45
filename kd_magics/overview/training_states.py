"""How each training cluster is now: whether it answers, its queue, Python, processors, memory."""

import platform
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from kd_magics.clients.asking import ask_all
from kd_magics.errors import EngineDown, EngineStarting, UnknownRoute
from kd_magics.session import Session
from kd_pipeline.errors import KdError, Unauthorized, Unavailable
from kd_pipeline.messages import Environment, Gpu
from kd_pipeline.messages.sidebar import EngineState
from kd_pipeline.quantities import memory_text

# All are asked together, so this is also the longest that %attachments takes.
ASK_S = 1.8
HEADERS = ("State", "Queue", "Python", "CPUs", "GPUs", "Load", "Free memory")
UNKNOWN = ""
WORDS: dict[EngineState, str] = {
    "Answers": "answers (2020 engine)",
    "Refused": "wrong token",
    "Starting": "starting",
}


def environments(
    session: Session, clusters: Sequence[str]
) -> dict[str, Environment | KdError | None]:
    """Return what each cluster tells of itself, or why it gave no answer; None of one of 2020."""
    answers = ask_all(
        {name: lambda c=name: session.training(c).environment(ASK_S) for name in clusters},  # type: ignore[misc]
        ASK_S,
    )
    now = time.time()
    session.answered |= {n: now for n, found in answers.items() if not isinstance(found, KdError)}
    return answers


def training_states(session: Session, clusters: Sequence[str]) -> dict[str, list[str]]:
    """Return the cells below HEADERS of each cluster."""
    answers = environments(session, clusters)
    return {name: _cells(session, name, answer) for name, answer in answers.items()}


def state_of(error: KdError | None) -> EngineState:
    """Return a cluster's state by the reason why it gave no answer, None where it gave one."""
    if error is None or isinstance(error, UnknownRoute):  # an engine of 2020 answers that
        return "Answers"
    if isinstance(error, Unauthorized):
        return "Refused"
    if isinstance(error, EngineDown) and not isinstance(error, EngineStarting):
        return "Down"
    return "Starting" if isinstance(error, Unavailable) else "Unknown"


def trouble(session: Session, name: str, error: KdError) -> str:
    """Return in a few words why a cluster gave no answer."""
    state = state_of(error)
    if state == "Down":
        last = session.answered.get(name)
        since = f" since {datetime.fromtimestamp(last):%H:%M:%S}" if last else ""
        return f"does not answer{since}"
    return WORDS.get(state) or str(error)


def _cells(session: Session, name: str, answer: Environment | KdError | None) -> list[str]:
    if isinstance(answer, KdError):
        words = trouble(session, name, answer)
        return [words] + [UNKNOWN] * (len(HEADERS) - 1)
    if answer is None:
        return [WORDS["Answers"]] + [UNKNOWN] * (len(HEADERS) - 1)
    queue = answer.queue
    return [
        "answers",
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
