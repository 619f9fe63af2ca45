"""In a job's process: what was sent becomes variables, what is wanted of them is kept."""

import os
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from kd_engines.training.job import sent_files
from kd_engines.training.job.error_output import tell
from kd_engines.training.job.redaction import Secrets
from kd_engines.training.job.sent_files import FILES_VARIABLE
from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.payload import Payload, unpack
from kd_pipeline import json_values, pickles, plain_text, values
from kd_pipeline.errors import InvalidInput, KdError, NotFound, TooLarge
from kd_pipeline.messages import ValueInfo, Values

LONGEST_WHY = 1000
LARGEST_KEPT = 4 * 1024**3  # all values of one job
LARGEST_PLAIN = 256 * 1024**2  # what is encoded in memory; a pickle is written as it is made


def receive(job_folder: str, namespace: dict[str, Any]) -> Payload:
    """Unpack the files, and put params and inputs into ``namespace``; return what was sent.

    The folder of the files is first on ``sys.path`` and named by ``KD_JOB_FILES``, and they are
    found under their relative names. Raises
    InvalidInput for an input that cannot be read here, such as a pickle of another Python.
    """
    sent = unpack((Path(job_folder) / records.SENT).read_bytes())
    if sent.files:
        folder = Path(job_folder) / records.FILES
        _unpack(sent.files, folder)
        sys.path.insert(0, str(folder))
        os.environ[FILES_VARIABLE] = str(folder)
        sent_files.install(folder)
    namespace |= sent.params
    for name, value in sent.inputs.items():
        try:
            namespace[name] = values.decode(value, name=name, allow_pickle=True)
        except KdError as error:
            raise InvalidInput(
                f"The code did not begin, since an input is missing: {error}"
            ) from None
    return msgspec.structs.replace(sent, inputs={}, files={})


def keep(sent: Payload, job_folder: str, namespace: dict[str, Any]) -> None:
    """Write the wanted outputs into ``values/``, and last its index.

    What has no JSON or Arrow form, or is very large, is kept as a pickle. What cannot be kept is
    told in the index and in the log; it does not make the job fail, whose work is done.
    """
    kept: list[ValueInfo] = []
    missing: dict[str, str] = {}
    room = LARGEST_KEPT
    folder = Path(job_folder) / records.VALUES
    try:
        folder.mkdir()
        for name in dict.fromkeys(sent.outputs):
            try:
                info = _kept(name, namespace, folder / str(len(kept)), room)
            except (KdError, OSError) as error:
                missing[name] = _why(error)
                continue
            room -= info.size_bytes
            kept.append(info)
        index = Values(kept, missing, values.PYTHON, pickles.versions() if kept else {})
        records.create_exclusive(f"{job_folder}/{records.VALUES_INDEX}", msgspec.json.encode(index))
    except Exception as error:  # the disk is full, or the repository is away
        missing = dict.fromkeys(sent.outputs, f"it could not be written: {_why(error)}.")
    for name, reason in missing.items():
        tell(f"Output {name} is not kept: {reason}\n")


def _why(error: Exception) -> str:
    """Return why a value is not kept, which may be the words of the user's own code."""
    text = Secrets().clean(plain_text.lines(str(error)))
    return text if len(text) <= LONGEST_WHY else text[:LONGEST_WHY] + "…"


def _kept(name: str, namespace: dict[str, Any], path: Path, room: int) -> ValueInfo:
    """Write a variable's value into a file; raises KdError with a sentence why that cannot be."""
    if name not in namespace:
        raise NotFound(f"{name} is not defined when the code has ended.")
    value = namespace[name]
    try:
        found = values.encode(value, name=name, largest=min(LARGEST_PLAIN, room))
    except (InvalidInput, TooLarge):
        return _pickled(value, name, path, room)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the type's own code, or no memory
        raise InvalidInput(
            f"{name} could not be encoded: {type(error).__name__}: {error}."
        ) from None
    with path.open("xb") as file:
        file.write(found.data)
        _make_durable(file)
    return ValueInfo(name, found.format, len(found.data), found.kind)


def _pickled(value: Any, name: str, path: Path, room: int) -> ValueInfo:
    try:
        with path.open("xb") as file:
            size = values.pickle_into(file, value, name, room)
            _make_durable(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return ValueInfo(name, "pickle", size, json_values.full_name(type(value)))


def _unpack(files: dict[str, bytes], folder: Path) -> None:
    """Write the files into ``folder``, which must be new, so that no link in it leads elsewhere."""
    folder.mkdir()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(content)


def _make_durable(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
