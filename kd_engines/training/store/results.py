"""What a job keeps beside its log, as the engine reads it: outputs' values, failure, what was sent.

The job's own code may write to its directory, so these files are read with care: never through a
link, never a pipe that would not answer, and never more than there may be.
"""

from typing import TypeVar

import msgspec

from kd_engines.training.job_folder import payload, records
from kd_engines.training.job_folder.record import Record
from kd_engines.training.store.job_store import JobStore
from kd_pipeline.errors import InvalidInput, NotFound, TooLarge
from kd_pipeline.messages import Code, Failure, RerunJob, SubmitJob, Value, Values
from kd_pipeline.quantities import size_text
from kd_pipeline.values import LARGEST_VALUE, LARGEST_VALUES

LARGEST_RECORD = 4 * 1024 * 1024
LARGEST_SENT = LARGEST_VALUES + LARGEST_RECORD
T = TypeVar("T")


def values_of(store: JobStore, record: Record) -> Values:
    """Return what a job has kept, and of every other name wanted why it is not there."""
    found = _record(store, record.job.id, records.VALUES_INDEX, Values)
    if found is not None:
        return found
    if not record.terminal:
        reason = f"job {record.job.id} has not ended yet ({record.status})."
    elif record.status == "Finished":
        reason = "the job could not write it; see its log."
    else:
        reason = f"job {record.job.id} ended as {record.status}, and only a good end keeps outputs."
    return Values([], dict.fromkeys(record.job.outputs, reason))


def value_of(store: JobStore, record: Record, name: str) -> Value:
    """Return a kept value with its data; raises NotFound, which tells why it is not there."""
    kept = values_of(store, record)
    place = _place(record, kept, name)
    info = kept.values[place]
    if info.size_bytes > LARGEST_VALUE:
        raise TooLarge(
            f"{name[:100]} has {size_text(info.size_bytes)}: GET /jobs/{record.job.id}/values/"
            f"{name[:100]}/data gives it in parts."
        )
    data = _data(store, record, place, name, 0, LARGEST_VALUE + 1)
    if len(data) > LARGEST_VALUE:  # the job's folder is its own to change
        raise _gone(record, name)
    python = kept.python if info.format == "pickle" else ""
    return Value(info.format, data, info.kind, python)


def part_of(store: JobStore, record: Record, name: str, offset: int, limit: int) -> bytes:
    """Return up to ``limit`` bytes of a kept value's data; raises NotFound as `value_of`."""
    place = _place(record, values_of(store, record), name)
    return _data(store, record, place, name, offset, limit)


def _place(record: Record, kept: Values, name: str) -> int:
    """Return which of the kept values has a name."""
    job = record.job.id
    if name in kept.missing:
        raise NotFound(f"Job {job} has not kept {name[:100]}: {kept.missing[name]}")
    place = next((place for place, info in enumerate(kept.values) if info.name == name), None)
    if place is None:
        known = ", ".join(info.name for info in kept.values) or "none"
        raise NotFound(
            f"Job {job} was not asked for an output {name[:100]!r}; its outputs: {known[:500]}."
        )
    return place


def _data(store: JobStore, record: Record, place: int, name: str, offset: int, limit: int) -> bytes:
    try:
        return store.read(record.job.id, f"{records.VALUES}/{place}", offset, limit)
    except OSError:
        raise _gone(record, name) from None


def _gone(record: Record, name: str) -> NotFound:
    return NotFound(
        f"The data of job {record.job.id}'s output {name[:100]} is gone from its folder."
    )


def failure_of(store: JobStore, record: Record) -> Failure:
    """Return the exception that ended a job; raises NotFound where none did."""
    job = record.job.id
    found = _record(store, job, records.FAILURE, Failure)
    if found is not None:
        return found
    if not record.terminal:
        raise NotFound(f"Job {job} has not ended yet ({record.status}).")
    reason = (record.exit and record.exit.reason) or ""
    raise NotFound(
        f"Job {job} ended as {record.status}, not by an exception of its code. {reason}".strip()
    )


def code_of(store: JobStore, record: Record) -> Code:
    """Return a job's code and the line of its cell at which it begins."""
    return Code(store.code(record.job.id), record.job.first_line)


def repeated(store: JobStore, record: Record, wanted: RerunJob) -> SubmitJob:
    """Return the submission of a job once more, with other params; raises InvalidInput."""
    job = record.job
    unknown = sorted(wanted.params.keys() - job.params.keys())
    if unknown:
        known = f"its params are {', '.join(sorted(job.params))}" if job.params else "it has none"
        raise InvalidInput(f"Job {job.id} has no param {unknown[0][:100]!r}; {known[:500]}.")
    kept = _sent(store, record)
    return SubmitJob(
        code=store.code(job.id),
        name=job.name if wanted.name is None else wanted.name,
        user=wanted.user or job.user,
        idempotency_key=wanted.idempotency_key,
        env=job.env,
        credentials=wanted.credentials,
        timeout_s=job.timeout_s,
        origin=wanted.origin or job.origin,
        first_line=job.first_line,
        params={**job.params, **wanted.params},
        inputs=kept.inputs,
        outputs=job.outputs,
        pickle_outputs=job.pickle_outputs,
        files=kept.files,
        script=kept.script,
        arguments=kept.arguments,
        cells=kept.cells,
        requirements=job.requirements,
        resources=job.resources,
        clean=job.clean,
    )


def _sent(store: JobStore, record: Record) -> payload.Payload:
    """Return what was sent with a job's code; raises NotFound where that is gone or damaged."""
    job = record.job
    content = _content(store, job.id, records.SENT, LARGEST_SENT)
    try:
        found = payload.unpack(content) if content is not None else payload.Payload()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        found = payload.Payload()
    if sorted(found.inputs) != job.inputs or sorted(found.files) != job.files:
        raise NotFound(
            f"What was sent with job {job.id} is gone from its folder, or damaged, so it cannot "
            "be run again; submit it again."
        )
    return found


def _record(store: JobStore, job: int, name: str, kind: type[T]) -> T | None:
    """Return a small file's JSON; None where it is not there or is not as it must be."""
    try:
        content = _content(store, job, name, LARGEST_RECORD)
        return None if content is None else msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _content(store: JobStore, job: int, name: str, largest: int) -> bytes | None:
    """Return a file's bytes; None where there is none, or it is larger than it may be."""
    try:
        content = store.read(job, name, 0, largest + 1)
    except OSError:
        return None
    return content if len(content) <= largest else None
