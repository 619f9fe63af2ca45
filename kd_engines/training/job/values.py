"""In a job's process: what was sent becomes variables, what is wanted of them is kept."""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.payload import Payload, unpack
from kd_pipeline import values
from kd_pipeline.errors import InvalidInput, KdError
from kd_pipeline.messages import Value, ValueInfo, Values
from kd_pipeline.quantities import size_text

FILES_VARIABLE = "KD_JOB_FILES"


def receive(job_folder: str, namespace: dict[str, Any]) -> Payload:
    """Unpack the files, and put params and inputs into ``namespace``; return what was sent.

    The folder of the files is first on ``sys.path`` and named by ``KD_JOB_FILES``. Raises
    InvalidInput for an input that cannot be read here, such as a pickle of another Python.
    """
    sent = unpack((Path(job_folder) / records.SENT).read_bytes())
    if sent.files:
        folder = Path(job_folder) / records.FILES
        _unpack(sent.files, folder)
        sys.path.insert(0, str(folder))
        os.environ[FILES_VARIABLE] = str(folder)
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

    What cannot be kept is told in the index and in the log; it does not make the job fail, whose
    work is done.
    """
    kept: list[ValueInfo] = []
    missing: dict[str, str] = {}
    room = values.LARGEST_VALUES
    folder = Path(job_folder) / records.VALUES
    try:
        folder.mkdir()
        for name in dict.fromkeys(sent.outputs):
            value = _encoded(name, namespace, sent.pickle_outputs, room)
            if isinstance(value, str):
                missing[name] = value
                continue
            _write(folder / str(len(kept)), value.data)
            room -= len(value.data)
            kept.append(ValueInfo(name, value.format, len(value.data), value.kind))
        index = Values(kept, missing, values.PYTHON)
        records.create_exclusive(f"{job_folder}/{records.VALUES_INDEX}", msgspec.json.encode(index))
    except Exception as error:  # the disk is full, or the repository is away
        missing = dict.fromkeys(sent.outputs, f"it could not be written: {error}.")
    for name, reason in missing.items():
        print(f"Output {name} is not kept: {reason}", file=sys.stderr)
    sys.stderr.flush()


def _encoded(name: str, namespace: dict[str, Any], allow_pickle: bool, room: int) -> Value | str:
    """Return a variable as it travels, or a sentence why it does not."""
    if name not in namespace:
        return f"{name} is not defined when the code has ended."
    try:
        value = values.encode(namespace[name], name=name, allow_pickle=allow_pickle)
    except KdError as error:
        return str(error)
    except Exception as error:  # the type's own code, or no memory
        return f"{name} could not be encoded: {type(error).__name__}: {error}."
    if len(value.data) > room:
        return (
            f"{name} has {size_text(len(value.data))}, and the outputs before it leave "
            f"{size_text(room)} of {values.LARGEST_VALUES // 1024**2} MiB; write it to the "
            "project repository."
        )
    return value


def _unpack(files: dict[str, bytes], folder: Path) -> None:
    """Write the files into ``folder``, which must be new, so that no link in it leads elsewhere."""
    folder.mkdir()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(content)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
