"""The files of a job's directory, as engine, runner and the job's own process share them.

``<project repository>/misc/<cluster>/jobs/<id>/`` holds, with one writer each:

=================  =================  ===========================================================
job.json           engine             what was submitted; written last, so it makes the job
code.py            engine             the code
credentials.json   engine             credentials for the job's environment, until it starts
sent.msgpack       engine             inputs, files, params and wanted outputs; only where there
                                      are any; written before job.json, as code.py is
started.json       who claims it      made exclusively: the runner, or an engine that ends a
                                      job which never ran; its mtime is the runner's heartbeat
log                the job            stdout and stderr in order of arrival
log-times.jsonl    the runner         {"time": …, "offset": log size then}, see `log_times`
outputs.jsonl      the job            {"offset": log offset, "output": nbformat output}
usage.json         the runner         what the job's processes use, every 2 s while it runs;
                                      replaced by rename, not durable
usage-times.jsonl  the runner         the same over time, ever less often, see `usage`
cell.py            the job            code.py from the line on at which it stands in its cell
files/             the job            the files of sent.msgpack, unpacked for the job to use
values/            the job            0, 1, … the kept outputs' data; index.json, written last,
                                      names them in this order, and tells what is missing
failure.json       the job            the exception that ended it, with its frames' variables
reason.json        the job            that exception in a sentence, or that a thread of it failed;
                                      replaced by rename
cancel.json        engine             somebody wants the job to stop
exit.json          who claimed it     how it ended; made exclusively, never changed
=================  =================  ===========================================================

This module is on the way of every job's start: it imports nothing that is slow to import (`json`
and `signal` each cost a runner 7 ms of its 8).
"""

# pathlib would take a job's start 8 ms to import.
# ruff: noqa: PTH104, PTH108, PTH118, SIM105

from __future__ import annotations

import os
import time

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable

JOB = "job.json"
CODE = "code.py"
STARTED = "started.json"
LOG = "log"
LOG_TIMES = "log-times.jsonl"
OUTPUTS = "outputs.jsonl"
USAGE = "usage.json"
USAGE_TIMES = "usage-times.jsonl"
CANCEL = "cancel.json"
SENT = "sent.msgpack"
CREDENTIALS = "credentials.json"
SECRETS = "KD_CREDENTIALS"  # the variable of a job's environment that names those that are secret
# What stands beside a secret, and is too common a text to hide everywhere.
NO_SECRETS = ("_USERNAME", "_REGION", "_URL", "_URI")
CELL = "cell.py"
FILES = "files"
VALUES = "values"
VALUES_INDEX = "values/index.json"
FAILURE = "failure.json"
REASON = "reason.json"
THREAD = "Thread "  # how a reason begins that is a thread's
EXIT = "exit.json"

HEARTBEAT_S = 5.0
# How a runner opens what it appends to: the job may have put a link or a pipe in its place.
APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK


def now() -> str:
    """Return the time as RFC 3339 in UTC with milliseconds."""
    return timestamp(time.time_ns())


def timestamp(since_1970: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 in UTC with milliseconds."""
    seconds, nanoseconds = divmod(since_1970, 1_000_000_000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{stamp}.{nanoseconds // 1_000_000:03d}Z"


def create_exclusive(path: str, content: bytes) -> None:
    """Create ``path`` whole and durable; raises FileExistsError where it exists.

    The same as `kd_pipeline.atomic.create_exclusive` without that module's imports.
    """
    _publish(path, content, os.link)


def remove(path: str) -> None:
    """Remove a file, if it is there and can be removed."""
    try:
        os.unlink(path)
    except OSError:
        pass


def replace(path: str, content: bytes) -> None:
    """Put ``content`` in the place of whatever is there, whole and durable.

    A folder there, which the job has made, is moved aside.
    """
    try:
        _publish(path, content, os.rename)
    except IsADirectoryError:
        os.rename(path, f"{path}.{time.monotonic_ns()}.aside")
        _publish(path, content, os.rename)


def _publish(path: str, content: bytes, put: Callable[[str, str], None]) -> None:
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{time.monotonic_ns()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        left = content
        while left:  # on a disk that is just full a part is written, and the next one raises
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
        put(temporary, path)
    finally:
        os.close(descriptor)
        try:
            os.unlink(temporary)
        except FileNotFoundError:  # it was renamed
            pass
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # so that a power cut does not undo it
    finally:
        os.close(descriptor)
