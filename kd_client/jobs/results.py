"""What a job has kept of its variables, read here."""

from typing import Any

from kd_client.errors import NoResult
from kd_client.jobs.failures import error_of
from kd_client.training_client import TrainingClient, ended_well
from kd_pipeline import values
from kd_pipeline.errors import KdError
from kd_pipeline.hints import TRAIN, Hint
from kd_pipeline.messages import TERMINAL
from kd_pipeline.messages import Job as JobMessage

PICKLE = (
    "it is a pickle, which runs code of the job when it is read; where you trust the job, "
    "_job.allow_pickle = True reads it"
)


def result(client: TrainingClient, message: JobMessage, pickle: bool = False) -> Any:
    """Return the one value that a job has kept, or a dict of several by name.

    Raises NoResult, RemoteJobError where the job failed, and InvalidInput for a pickle of another
    Python.
    """
    number = message.id
    if message.status not in TERMINAL:
        raise NoResult(
            f"Job {number} has no result yet ({message.status}); _job.wait() returns when it ended."
        )
    if not ended_well(message):
        raise error_of(client, message)
    if not message.outputs:
        raise NoResult(
            f"Job {number} kept no value, as it was asked for none.",
            hint=Hint(TRAIN, ("--out", "NAME"), "keeps one of the next job"),
        )
    found, missing = kept(client, message, pickle)
    if missing:
        raise NoResult(
            f"Job {number} gives no value for "
            + "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in missing.items())
            + "."
        )
    return found[message.outputs[0]] if len(message.outputs) == 1 else found


def kept(
    client: TrainingClient, message: JobMessage, pickle: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a job's kept values by name, and of the other names why they are not there.

    Reading a ``pickle`` runs code of the job, so it must be asked for.
    """
    told = client.values(message.id)
    found, missing = {}, dict(told.missing)
    for info in told.values:
        if info.format == "pickle" and not pickle:
            missing[info.name] = PICKLE
            continue
        try:
            value = client.value(message.id, info.name)
            found[info.name] = values.decode(
                value, name=info.name, allow_pickle=pickle, python=told.python
            )
        except KdError as error:
            missing[info.name] = str(error)
    return found, missing
