"""A job's outputs.jsonl: what it shows, as nbformat output objects in the order of the log.

Each line is ``{"offset": <bytes of log before it>, "output": {…}}`` (nbformat 4.5, display_data,
execute_result, error), so that a view can put log and outputs in the order in which they came. One
with a ``display_id`` that came before replaces that output.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

LARGEST_OUTPUT = 8 * 1024 * 1024
LARGEST_OUTPUTS = 64 * 1024 * 1024
STDOUT = 1


def _flush() -> None:
    """Have what was printed in the log before the output; the code may have closed a stream."""
    for stream in (sys.stdout, sys.stderr):
        try:  # noqa: SIM105 - contextlib is slow to import
            stream.flush()
        except Exception:  # noqa: S110
            pass


class Outputs:
    """The outputs.jsonl of the job that this process has come to be."""

    def __init__(self) -> None:
        self._path = os.devnull
        self._job = 0
        self._full = False

    def belong_to(self, path: str) -> None:
        """Be the outputs of this process's job, kept at ``path``."""
        self._path, self._job = path, os.getpid()

    def in_job(self) -> bool:
        """Tell whether this is the job's own process, and no helper that its code forked.

        A helper would show its parent's figures again, and keep values in its parent's place.
        """
        return os.getpid() == self._job

    def append(self, output: dict[str, Any], display_id: str | None = None) -> None:
        """Append one nbformat output object; where that is not possible a sentence tells so."""
        import json

        try:
            _flush()
            content = {"offset": os.fstat(STDOUT).st_size, "output": json_form(output)}
            if display_id is not None:
                content["display_id"] = str(json_form(display_id))
            is_error = output.get("output_type") == "error"
            self._write(json.dumps(content, allow_nan=False).encode() + b"\n", is_error)
        except (OSError, ValueError, RecursionError) as error:  # ValueError: stdout is closed
            reason = getattr(error, "strerror", None) or error
            _say(f"An output of this job could not be kept: {reason}.")

    def _write(self, line: bytes, is_error: bool) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            used = os.fstat(descriptor).st_size
            # There is always room for how it ended.
            room = LARGEST_OUTPUTS + (LARGEST_OUTPUT if is_error else 0)
            if len(line) > LARGEST_OUTPUT or used + len(line) > room:
                self._tell_too_large(len(line), used)
            elif os.write(descriptor, line) < len(line):  # the disk is full now
                os.ftruncate(descriptor, used)
                raise OSError("No space left on device")
        finally:
            os.close(descriptor)

    def _tell_too_large(self, size: int, used: int) -> None:
        if used + size > LARGEST_OUTPUTS and self._full:
            return
        self._full = used + size > LARGEST_OUTPUTS
        limit = LARGEST_OUTPUTS if self._full else LARGEST_OUTPUT
        what = "All outputs of this job" if self._full else "An output"
        _say(
            f"{what} would have {(used if self._full else 0) + size:,} bytes, {limit:,} are the "
            "limit: it is left out; save large figures and tables in the project repository."
        )


def json_form(value: Any) -> Any:
    """Return a value as JSON can hold it: what is no number as null, other objects as their text.

    Strict readers, such as browsers, refuse NaN, infinities and halves of surrogate pairs.
    """
    if isinstance(value, dict):
        return {str(json_form(key)): json_form(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_form(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if value - value == 0 else None
    if value is None or isinstance(value, bool | int):
        return value
    try:
        text = str(value)
    except Exception as error:
        text = f"[its text cannot be shown: {type(error).__name__}]"
    return text.encode(errors="replace").decode()


def _say(sentence: str) -> None:
    try:
        print(sentence, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # there is no log any more either
        return
