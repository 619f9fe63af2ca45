"""The process that holds one job: claims it, starts it, waits for it, and writes how it ended.

It is detached from the engine, so that a killed engine kills no job. `main` runs in an interpreter
without site-packages (`queue.launch` has the command line), and what is slow to import comes after
the job's process was started, while that one is busy starting too.
"""

# typing, contextlib and pathlib would each take a job's start 3 to 8 ms to import.
# ruff: noqa: PTH110, SIM105

from __future__ import annotations

import os
import time

from kd_engines.training import processes
from kd_engines.training.job_folder import log_times, records

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

    from kd_engines.training.runner.usage import Meter

POLL_S = 0.25  # how late a cancel request is seen, or memory over a job's limit
SAMPLE_S = 1.0
MOST_LOOKS = 100
LEFTOVER_GRACE_S = 1.0
OOM_SCORE = "500"  # the kernel should rather kill a job than an engine


def main(
    job_folder: str,
    notify: int,
    timeout_s: float,
    grace_s: float,
    memory_bytes: int,
    gpus: str,
    command: list[str],
) -> int:
    """Run the job of ``job_folder`` to its end; return this process's exit status.

    ``notify`` is a pipe to the engine that is told "s" at the start and "e" at the end of the job.
    ``timeout_s`` 0 means none, and so does ``memory_bytes`` 0; ``grace_s`` is the time between
    SIGTERM and SIGKILL. ``gpus`` is the JSON list of the GPUs that the job has for itself.
    """
    processes.hold_stops()  # from the claim on a stop is an end to be written down
    os.set_inheritable(notify, False)
    gate_out, gate_in = os.pipe()
    child = os.fork()
    if child == 0:
        _become_job(job_folder, gate_out, gate_in, command)
    os.close(gate_out)
    try:
        claimed = _claim(job_folder, child, gpus)
    except FileExistsError:  # another engine's runner, or a cancel, was first
        os.close(gate_in)
        os.waitpid(child, 0)
        return 0
    records.remove(f"{job_folder}/{records.CREDENTIALS}")
    os.write(gate_in, b"g")
    os.close(gate_in)
    _tell(notify, b"s")
    return _hold(_Holder(job_folder, child, claimed, grace_s, memory_bytes), notify, timeout_s)


def _become_job(job_folder: str, gate_out: int, gate_in: int, command: list[str]) -> None:
    """In the forked process: wait for the claim, then become the job; never returns."""
    try:
        os.close(gate_in)
        if os.read(gate_out, 1) != b"g":
            os._exit(0)
        os.setsid()
        processes.volunteer_for_oom(OOM_SCORE)
        log = os.open(f"{job_folder}/{records.LOG}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        processes.take_stops()
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    except BaseException as error:
        os.write(2, f"The job's process could not be started: {error}\n".encode())
    finally:
        os._exit(127)


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


def _hold(holder: _Holder, notify: int, timeout_s: float) -> int:
    """Wait for the job, and stop it where that is asked for; write exit.json."""
    processes.become_subreaper()
    try:
        ended = holder.wait(timeout_s)
    except BaseException as error:  # the job must come to an end that tells so
        holder.stop_all(holder.grace_s)
        ended = {"status": "Lost", "reason": f"The job's runner failed: {error!r}."}
    holder.write_exit(ended)
    _tell(notify, b"e")
    return 0


class _Holder:
    """What one runner knows of its job's processes."""

    def __init__(
        self, job_folder: str, child: int, claimed: bytes, grace_s: float, memory_bytes: int
    ) -> None:
        import signal

        # Its json takes 7 ms: here the job is starting meanwhile, at its end somebody waits.
        from kd_engines.training.runner import job_end

        self._end_words = job_end
        self._folder = job_folder
        self._child = child
        self._claimed = claimed
        self.grace_s = grace_s
        self._memory_limit = memory_bytes
        self._meter: Meter | None = None
        self._began = self._measured = time.monotonic()
        self._status: int | None = None  # as waitpid gives it, once the job's process has ended
        self._cpu_s = 0.0
        self._max_rss = 0
        self._told_to_stop = False
        self._beat = self._began
        self._log_times = log_times.LogTimes(job_folder)
        self._oom_kills = processes.oom_kills()
        self._wake_out, wake_in = os.pipe()
        for end in (self._wake_out, wake_in):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_terminate)
        signal.signal(signal.SIGINT, self._on_terminate)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        processes.take_stops()

    def wait(self, timeout_s: float) -> dict[str, Any]:
        """Return the content of exit.json, after the job and all it started have ended."""
        deadline = time.monotonic() + timeout_s if timeout_s else None
        stopped: dict[str, Any] | None = None
        while self._reap() and self._status is None:
            self._measure()
            stopped = self._reason_to_stop(deadline, timeout_s)
            if stopped:
                # What goes over its memory may take all there is before it would end by itself.
                over_memory = stopped["status"] == "OutOfMemory"
                self.stop_all(0 if over_memory else self.grace_s)
                break
            self._sleep(POLL_S, deadline)
            self._log_times.mark()
        # What the job left running would write on after the end: it goes with the job.
        self.stop_all(LEFTOVER_GRACE_S)
        self._end_escaped()
        self._log_times.mark(last=True)
        ended = self._end_words.of_process(self._status, self._oom_kills, self._peak())
        return self._end_words.with_reason(ended, self._folder) | (stopped or {})

    def stop_all(self, grace_s: float) -> None:
        """End every process of the job: SIGTERM, ``grace_s`` of time, then SIGKILL till none is."""
        import signal

        if not self._reap():
            return
        processes.send(self._all(), signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while self._reap() and time.monotonic() < deadline:
            if self._status is not None and not self._all():
                break
            self._sleep(0.05, deadline)
        while self._reap():
            alive = self._all()
            if not alive and self._status is not None:
                break
            # Again and again, as a process may fork between the look and the signal.
            processes.send(alive, signal.SIGKILL)
            self._sleep(0.02, None)

    def _end_escaped(self) -> None:
        """End what is no descendant: it became an orphan before this was the orphans' parent."""
        import signal

        for _ in range(MOST_LOOKS):
            escaped = processes.of_job(self._folder)
            if not escaped:
                return
            processes.send(escaped, signal.SIGKILL)
            self._sleep(0.02, None)

    def write_exit(self, ended: dict[str, Any]) -> None:
        import json

        if self._meter:
            self._meter.end(self._cpu_s)
        record = {**ended, "ended": records.now()}
        record |= {"cpu_s": round(self._cpu_s, 3), "max_rss_bytes": self._max_rss}
        record["memory_peak_bytes"] = self._peak()
        content = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        while True:
            try:
                return self._end_words.write(self._folder, content, self._claimed)
            except FileNotFoundError:  # somebody removed the job's folder
                return None
            except PermissionError:  # the job took its folder from itself
                os.chmod(self._folder, 0o700)  # noqa: PTH101
                time.sleep(1)
            except OSError:
                self._heartbeat()
                time.sleep(1)

    def _measure(self) -> None:
        """Look at what the job uses from time to time; more often where its memory has a limit.

        A job that ends within the first second pays nothing for it.
        """
        now = time.monotonic()
        if not processes.LINUX or now - self._measured < (0 if self._memory_limit else SAMPLE_S):
            return
        if self._meter is None:
            from kd_engines.training.runner.usage import Meter

            self._meter = Meter(self._folder, self._began)
        self._measured = now
        self._meter.sample(self._all(), self._cpu_s, self._memory_limit)

    def _peak(self) -> int:
        """Return the most memory seen: of all processes at once, or of one that has ended."""
        return max(self._max_rss, self._meter.peak if self._meter else 0)

    def _all(self) -> list[int]:
        """Return the job's living processes; its session's leader also where /proc is not."""
        return processes.descendants(os.getpid())

    def _reap(self) -> bool:
        """Collect what has ended; tell whether anything of the job is left to wait for."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._cpu_s += usage.ru_utime + usage.ru_stime
            in_bytes = 1024 if processes.LINUX else 1
            self._max_rss = max(self._max_rss, usage.ru_maxrss * in_bytes)
            if pid == self._child:
                self._status = status

    def _reason_to_stop(self, deadline: float | None, timeout_s: float) -> dict[str, Any] | None:
        if os.path.exists(f"{self._folder}/{records.CANCEL}"):
            return self._end_words.cancelled(self._folder)
        if deadline and time.monotonic() >= deadline:
            reason = f"The job ran longer than its limit of {timeout_s:g} s."
            return {"status": "TimedOut", "reason": reason}
        if self._memory_limit and self._meter and self._meter.memory > self._memory_limit:
            return self._end_words.over_memory(self._meter.memory, self._memory_limit)
        if self._told_to_stop:
            reason = "A stop of the job's runner was requested, as when its machine shuts down."
            return {"status": "Cancelled", "reason": reason}
        return None

    def _sleep(self, seconds: float, deadline: float | None) -> None:
        """Wait for a signal (a child that ended is one), at most ``seconds``."""
        import select

        if deadline is not None:
            seconds = max(0.0, min(seconds, deadline - time.monotonic()))
        self._heartbeat()
        if select.select([self._wake_out], [], [], seconds)[0]:
            os.read(self._wake_out, 4096)

    def _heartbeat(self) -> None:
        if time.monotonic() - self._beat > records.HEARTBEAT_S:
            self._beat = time.monotonic()
            try:
                os.utime(f"{self._folder}/{records.STARTED}")
            except OSError:  # the repository is away for a while; the next beat may pass
                pass

    def _on_terminate(self, *_: object) -> None:
        self._told_to_stop = True


def _tell(notify: int, message: bytes) -> None:
    try:
        os.write(notify, message)
    except OSError:  # the engine is gone, and finds all in the files
        pass
