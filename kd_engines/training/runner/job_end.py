"""How a job's end is told: status, exit code, signal, and the reason in words.

The runner imports this while its job starts, so it may cost a few milliseconds.
"""

# typing, contextlib and pathlib would each take 3 to 8 ms to import.

from __future__ import annotations

import json
import os
import signal

from kd_engines.exit_codes import signal_name
from kd_engines.training import processes
from kd_engines.training.job_folder import records
from kd_pipeline.quantities import memory_text
from kd_pipeline.regular_files import read_below

LARGEST = 64 * 1024  # bytes of a reason

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any


def of_process(status: int | None, oom_kills: int | None, peak: int) -> dict[str, Any]:
    """Return what waitpid's ``status`` of the job's own process means.

    ``oom_kills`` is how often the kernel had killed for memory when the job began, ``peak`` the
    most memory that its processes had, in bytes.
    """
    if status is None:
        return {"status": "Lost", "reason": "The job's process was collected by another."}
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return {"status": "Finished", "exit_code": 0, "signal": None, "reason": None}
    if code > 0:
        reason = f"The job's process ended with exit code {code}."
        return {"status": "Failed", "exit_code": code, "signal": None, "reason": reason}
    name = signal_name(-code)
    ended = {"status": "Failed", "exit_code": None, "signal": name}
    ended["reason"] = f"The job's process was killed by {name}."
    if -code == signal.SIGKILL and (processes.oom_kills() or 0) > (oom_kills or 0):
        ended["status"] = "OutOfMemory"
        ended["reason"] = (
            "The kernel killed the job's process because the memory was used up; "
            f"the job's processes had used up to {memory_text(peak)}."
        )
    return ended


def with_reason(ended: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return the end of a process with what its code has kept as the reason, if it ended itself.

    That a thread failed before is told whatever ended the process.
    """
    reason = _reason(folder, records.REASON)
    if reason and ended.get("exit_code") is None and not reason.startswith(records.THREAD):
        reason = None
    if reason and ended["reason"] and reason.startswith(records.THREAD):
        reason = f"{ended['reason']} {reason}"  # the thread is not what ended the process
    return {**ended, "reason": reason or ended["reason"]}


def over_memory(used: int, limit: int) -> dict[str, Any]:
    """Return the end of a job that used more memory than it had asked for, in bytes."""
    told = f"used {memory_text(used)}, its limit is {memory_text(limit)}"
    reason = f"The job's processes {told} (--memory)."
    return {"status": "OutOfMemory", "reason": reason}


def cancelled(folder: str) -> dict[str, Any]:
    """Return the end of a job that somebody cancelled, with the reason that was given."""
    reason = _reason(folder, records.CANCEL) or "The job was cancelled."
    return {"status": "Cancelled", "reason": reason}


def _reason(folder: str, name: str) -> str | None:
    """Return the reason that a small file tells; None where there is none."""
    try:
        reason = str(json.loads(read_below(folder, name, 0, LARGEST))["reason"])
        return reason.encode("utf-8", "replace").decode()  # JSON may have half a surrogate pair
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write(folder: str, content: bytes, claimed: bytes) -> None:
    """Write exit.json, once, with ``content``; raises OSError.

    What the job itself has put there, or in the place of started.json, is replaced. An end that an
    engine has written, which took the job for lost, stays.
    """
    if _read(folder, records.STARTED) != claimed:
        records.replace(f"{folder}/{records.STARTED}", claimed)
    try:
        records.create_exclusive(f"{folder}/{records.EXIT}", content)
    except FileExistsError:
        if not _is_lost(_read(folder, records.EXIT)):
            records.replace(f"{folder}/{records.EXIT}", content)


def _is_lost(content: bytes) -> bool:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("status") == "Lost"


def _read(folder: str, name: str) -> bytes:
    try:
        return read_below(folder, name, 0, LARGEST)
    except OSError:
        return b""
