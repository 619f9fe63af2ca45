"""What a job has kept of its variables, read here."""

import io
import tempfile
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO

from kd_client.errors import NoResult
from kd_client.jobs.failures import error_of
from kd_client.training_client import TrainingClient, ended_well
from kd_pipeline import values
from kd_pipeline.errors import KdError, NotFound
from kd_pipeline.hints import TRAIN, Hint
from kd_pipeline.messages import TERMINAL, ValueInfo, Values
from kd_pipeline.messages import Job as JobMessage
from kd_pipeline.values import NeedsConsent

CONSENT = (
    "it is kept as a pickle ({kind}; {made_with}), which runs code of the job when it is read; "
    "where you trust the job, _job.allow_pickle = True lets _job.result read it"
)
# Of all libraries that the job had loaded, those that pickles mostly depend on.
SHOWN = ("numpy", "pandas", "sklearn", "xgboost", "lightgbm", "torch", "tensorflow")


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
    told = missing_words(number, missing)
    if not found:
        raise NoResult(told)
    if missing:
        warnings.warn(told, stacklevel=3)
    return found[message.outputs[0]] if len(message.outputs) == 1 else found


def missing_words(job: int, missing: Mapping[str, str]) -> str:
    """Return of which outputs a job gives no value, and why."""
    reasons = "; ".join(f"{name}: {reason.rstrip('.')}" for name, reason in missing.items())
    return f"Job {job} gives no value for {reasons}."


def kept(
    client: TrainingClient, message: JobMessage, pickle: bool
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a job's kept values by name, and of the other names why they are not there.

    Reading a ``pickle`` may run code of the job, so one that would must be asked for.
    """
    told = client.values(message.id)
    found, missing = {}, dict(told.missing)
    for info in told.values:
        try:
            with _data(client, message.id, info) as file:
                found[info.name] = values.read_kept(info, file, told, pickle)
        except NeedsConsent:
            missing[info.name] = CONSENT.format(kind=info.kind, made_with=_made_with(told))
        except KdError as error:
            missing[info.name] = str(error)
    return found, missing


def _data(client: TrainingClient, number: int, info: ValueInfo) -> BinaryIO:
    """Return a kept value's data as a file, in memory where it is small."""
    if info.size_bytes <= values.LARGEST_VALUE:
        return io.BytesIO(client.value(number, info.name).data)
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - who asked closes it
    while file.tell() < info.size_bytes:
        part = client.value_part(number, info.name, file.tell())
        if not part:
            file.close()
            raise NotFound(f"The end of job {number}'s output {info.name} is gone.")
        file.write(part)
    file.seek(0)
    return file


def _made_with(told: Values) -> str:
    shown = [f"{name} {told.libraries[name]}" for name in SHOWN if name in told.libraries]
    return ", ".join([f"Python {told.python}", *shown])
