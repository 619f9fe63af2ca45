"""The process that holds one job: claims it, starts it, waits for it, and writes how it ended.

It is detached from the engine, so that a killed engine kills no job. `main` runs in an interpreter
without site-packages (`queue.launch` has the command line), and what is slow to import comes after
the job's process was started, while that one is busy starting too. A warm parent's runner comes to
`run` with a job's process that is there already (`warm.spare`).
"""

# typing, contextlib and pathlib would each take a job's start 3 to 8 ms to import.
# ruff: noqa: SIM105

from __future__ import annotations

import os

from kd_engines.training import processes
from kd_engines.training.job_folder import records

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable

    from kd_engines.training.runner.holder import Holder

OOM_SCORE = b"500"  # the kernel should rather kill a job than an engine


class Orders:
    """What a runner has to know of its job.

    ``notify`` is a pipe to the engine that is told "s" at the start and "e" at the end of the job.
    ``timeout_s`` 0 means none, and so does ``memory_bytes`` 0; ``grace_s`` is the time between
    SIGTERM and SIGKILL. ``gpus`` is the JSON list of the GPUs that the job has for itself.
    """

    def __init__(
        self,
        job_folder: str,
        notify: int,
        timeout_s: float,
        grace_s: float,
        memory_bytes: int,
        gpus: str,
    ) -> None:
        self.job_folder = job_folder
        self.notify = notify
        self.timeout_s = timeout_s
        self.grace_s = grace_s
        self.memory_bytes = memory_bytes
        self.gpus = gpus


def main(orders: Orders, command: list[str]) -> int:
    """Run a job, whose process is ``command``, to its end; return this process's exit status."""
    processes.hold_stops()  # from the claim on a stop is an end to be written down
    os.set_inheritable(orders.notify, False)
    gate_out, gate_in = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(gate_in)
        if os.read(gate_out, 1) != b"g":
            os._exit(0)
        become_job(orders.job_folder, lambda: os.execv(command[0], command))  # noqa: S606 - no shell
    os.close(gate_out)
    return run(orders, child, gate_in, b"g")


def run(
    orders: Orders, child: int, gate: int, word: bytes, shared: int = 0, *, adopts: bool = False
) -> int:
    """Claim a job, whose process ``child`` waits for ``word`` at ``gate``, and run it to its end.

    ``shared`` is the memory in bytes that the process has in common with others; ``adopts`` tells
    that this one is the parent of all its orphans already. Returns this process's exit status.
    Where somebody else has claimed the job, the process finds the gate closed; where the process
    is gone, the job is not claimed.
    """
    if os.waitpid(child, os.WNOHANG)[0]:  # it may have waited for long, and was ended
        return 1
    try:
        claimed = _claim(orders.job_folder, child, orders.gpus)
    except FileExistsError:  # another engine's runner, or a cancel, was first
        os.close(gate)
        os.waitpid(child, 0)
        return 0
    records.remove(f"{orders.job_folder}/{records.CREDENTIALS}")
    _open(gate, word)
    _tell(orders.notify, b"s")
    # What they import is slow; the job is starting meanwhile.
    from kd_engines.members.processes import adopt_orphans
    from kd_engines.training.runner.holder import Holder

    holder = Holder(orders, child, claimed, shared, adopts=adopts)
    if not adopts:
        adopt_orphans()
    return _hold(holder, orders)


def become_job(job_folder: str, begin: Callable[[], None]) -> None:
    """In the job's process: be a session of its own whose output is the log, and ``begin``.

    Where that cannot be, the process ends with 127, and the log tells why.
    """
    try:
        os.setsid()
        processes.volunteer_for_oom(OOM_SCORE)
        log = os.open(f"{job_folder}/{records.LOG}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        for source in (null, log):
            os.close(source)
        processes.take_stops()
        begin()
    except BaseException as error:
        os.write(2, f"The job's process could not be started: {error}\n".encode())
        os._exit(127)


def _open(gate: int, word: bytes) -> None:
    try:
        while word:
            word = word[os.write(gate, word) :]
    except BrokenPipeError:  # the job's process is gone, which its end tells
        pass
    os.close(gate)


def _claim(job_folder: str, child: int, gpus: str) -> bytes:
    """Write started.json and return it; raises FileExistsError where the job is somebody else's."""
    own = os.getpid()
    record = (
        f'{{"started": "{records.now()}", "node": "{processes.node_name()}", '
        f'"boot_id": "{processes.boot_id()}", "pid": {own}, '
        f'"start_time": "{processes.start_time(own)}", "child_pid": {child}, '
        f'"child_start_time": "{processes.start_time(child)}", "gpus": {gpus}}}\n'
    )
    records.create_exclusive(f"{job_folder}/{records.STARTED}", record.encode())
    return record.encode()


def _hold(holder: Holder, orders: Orders) -> int:
    """Wait for the job, and stop it where that is asked for; write exit.json."""
    try:
        ended = holder.wait(orders.timeout_s)
    except BaseException as error:  # the job must come to an end that tells so
        holder.stop_all(orders.grace_s)
        ended = {"status": "Lost", "reason": f"The job's runner failed: {error!r}."}
    holder.write_exit(ended)
    _tell(orders.notify, b"e")
    return 0


def _tell(notify: int, message: bytes) -> None:
    try:
        os.write(notify, message)
    except OSError:  # the engine is gone, and finds all in the files
        pass
