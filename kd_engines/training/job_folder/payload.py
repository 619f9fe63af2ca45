"""What was sent with a job's code: one file beside it, whole or not there, as MessagePack.

The engine writes it before job.json; the job's own process reads it, and so does a rerun. One file
and not many, so that a submission that was cut off is completed by writing it again, and a job's
changes to its own files do not reach a rerun.
"""

from typing import Any

import msgspec

from kd_pipeline.messages import SubmitJob, Value


class Payload(msgspec.Struct, omit_defaults=True):
    """Content of sent.msgpack; each field is as in `SubmitJob`."""

    params: dict[str, Any] = {}
    inputs: dict[str, Value] = {}
    outputs: list[str] = []
    pickle_outputs: bool = False
    files: dict[str, bytes] = {}
    script: str = ""
    arguments: list[str] = []
    cells: list[int] = []


def pack(wanted: SubmitJob) -> bytes:
    """Return the content of a submission's sent.msgpack; empty where only code was sent."""
    sent = Payload(
        params=wanted.params,
        inputs=wanted.inputs,
        outputs=wanted.outputs,
        pickle_outputs=wanted.pickle_outputs,
        files=wanted.files,
        script=wanted.script,
        arguments=wanted.arguments,
        cells=wanted.cells,
    )
    return b"" if sent == Payload() else msgspec.msgpack.encode(sent)


def unpack(content: bytes) -> Payload:
    """Return what :func:`pack` was given; raises msgspec.MsgspecError where it is damaged."""
    return msgspec.msgpack.decode(content, type=Payload)
