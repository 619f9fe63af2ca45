"""Ask several clusters at the same time, so that one that is down does not delay the others."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from kd_client.errors import EngineDown
from kd_pipeline.errors import KdError

T = TypeVar("T")


def ask_all(
    questions: Mapping[str, Callable[[], T]], within_s: float, what: str = "Cluster"
) -> dict[str, T | KdError]:
    """Return each answer, or why there is none, after ``within_s`` seconds at the latest.

    A question that is still under way then is left to end by itself. ``what`` says what the
    questions' names are names of.
    """
    answers: dict[str, T | KdError] = {}

    def ask(name: str, question: Callable[[], T]) -> None:
        try:
            answers[name] = question()
        except KdError as error:
            answers[name] = error

    deadline = time.monotonic() + within_s
    threads = [
        threading.Thread(target=ask, args=item, name=f"kd-ask-{item[0]}", daemon=True)
        for item in questions.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    late = {
        name: EngineDown(f"{what} {name} does not answer within {within_s:g} s.")
        for name in questions
    }
    # A copy: what comes late must not change what was returned.
    return {name: answers.copy().get(name, late[name]) for name in questions}
