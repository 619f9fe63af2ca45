"""What the sidebar does with jobs: run one again, set several side by side, say why one failed."""

import re
import secrets
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import structs

from kd_client.attached import Attached, user_name
from kd_client.fan_out import ask_all
from kd_client.jobs.comparison import compare
from kd_client.training_client import TrainingClient
from kd_pipeline.errors import InvalidInput, KdError, NotFound
from kd_pipeline.messages import Failure, Job, RerunJob
from kd_pipeline.messages.sidebar import Comparison, RerunRequest

MOST_COMPARED = 100
COMPARE_S = 5.0
_REFERENCE = re.compile(r"([a-z0-9][a-z0-9-]{0,62})/([1-9][0-9]{0,14})", re.ASCII)


def job(client: TrainingClient, number: int) -> Job:
    """Return a job as it is now, under the name by which its cluster is connected here."""
    return structs.replace(client.job(number), cluster=client.name)


def cancel(client: TrainingClient, number: int) -> Job:
    """Ask for a job's end and return it."""
    return structs.replace(client.cancel(number), cluster=client.name)


def failure(client: TrainingClient, number: int) -> Failure:
    """Return the exception that ended a job; raises NotFound, which says how else it is."""
    found = client.failure(number)
    if found is None:
        ended = client.job(number)
        reason = f" {ended.reason}" if ended.reason else ""
        raise NotFound(
            f"Job {client.name}/{number} was ended by no exception of its code: {ended.status}."
            f"{reason}"
        )
    return found


def rerun(client: TrainingClient, number: int, wanted: RerunRequest) -> Job:
    """Send a job once more; where its code came from stays what it was."""
    asked = RerunJob(
        params=wanted.params,
        name=wanted.name,
        user=user_name(),
        idempotency_key=wanted.key or secrets.token_hex(16),
    )
    return structs.replace(client.rerun(number, asked), cluster=client.name)


def comparison(attached: Attached, references: Sequence[str]) -> Comparison:
    """Return jobs side by side, each named as ``cluster/9``; the clusters are asked together.

    Raises InvalidInput for what is no such name, and whatever an engine tells.
    """
    if not 1 <= len(references) <= MOST_COMPARED:
        raise InvalidInput(
            f"{len(references)} jobs are to be compared; give 1 to {MOST_COMPARED} of them, as "
            "job=CLUSTER/9."
        )
    chosen: dict[str, list[int]] = {}
    order: list[tuple[str, int]] = []
    for text in dict.fromkeys(references):
        found = _REFERENCE.fullmatch(text)
        if not found:
            raise InvalidInput(f"job is {text[:80]!r}; name a job as CLUSTER/9.")
        chosen.setdefault(found[1], []).append(int(found[2]))
        order.append((found[1], int(found[2])))
    questions: dict[str, Callable[[], dict[int, Job]]] = {
        name: partial(_jobs, attached.training(name), numbers) for name, numbers in chosen.items()
    }
    found_jobs: dict[tuple[str, int], Job] = {}
    for name, answer in ask_all(questions, COMPARE_S).items():
        if isinstance(answer, KdError):
            raise answer
        found_jobs |= {(name, number): one for number, one in answer.items()}
    return compare([found_jobs[one] for one in order])


def _jobs(client: TrainingClient, numbers: Sequence[int]) -> dict[int, Job]:
    return {number: job(client, number) for number in numbers}
