"""What a runner does for its job from the start on: waits, measures, stops it, writes its end.

It is imported while the job is starting, so it may take a few milliseconds (its json takes 7).
"""

# typing, contextlib and pathlib would each take 3 to 8 ms to import.
# ruff: noqa: PTH110, SIM105

from __future__ import annotations

import json
import os
import select
import signal
import time

from kd_engines.training import processes
from kd_engines.training.job_folder import log_times, records
from kd_engines.training.runner import job_end

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

    from kd_engines.training.runner.runner import Orders
    from kd_engines.training.runner.usage import Meter

POLL_S = 0.25  # how late a cancel request is seen, or memory over a job's limit
SAMPLE_S = 1.0
MOST_LOOKS = 100
LEFTOVER_GRACE_S = 1.0


class Holder:
    """What one runner knows of its job's processes."""

    def __init__(
        self, orders: Orders, child: int, claimed: bytes, shared: int, *, adopts: bool
    ) -> None:
        """``shared`` is the memory in bytes that the job's process has in common with others.

        ``adopts`` tells that this process was its orphans' parent before the job began.
        """
        self._folder = orders.job_folder
        self._child = child
        self._claimed = claimed
        self._shared = shared
        self._adopts = adopts
        self._grace_s = orders.grace_s
        self._memory_limit = orders.memory_bytes
        self._meter: Meter | None = None
        self._began = self._measured = time.monotonic()
        self._status: int | None = None  # as waitpid gives it, once the job's process has ended
        self._cpu_s = 0.0
        self._max_rss = 0
        self._told_to_stop = False
        self._beat = self._began
        self._log_times = log_times.LogTimes(orders.job_folder)
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
                self.stop_all(0 if over_memory else self._grace_s)
                break
            self._sleep(POLL_S, deadline)
            self._log_times.mark()
        # What the job left running would write on after the end: it goes with the job.
        self.stop_all(LEFTOVER_GRACE_S)
        if not self._adopts:
            self._end_escaped()
        self._log_times.mark(last=True)
        ended = job_end.of_process(self._status, self._oom_kills, self._peak())
        return job_end.with_reason(ended, self._folder) | (stopped or {})

    def stop_all(self, grace_s: float) -> None:
        """End every process of the job: SIGTERM, ``grace_s`` of time, then SIGKILL till none is."""
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
        for _ in range(MOST_LOOKS):
            escaped = processes.of_job(self._folder)
            if not escaped:
                return
            processes.send(escaped, signal.SIGKILL)
            self._sleep(0.02, None)

    def write_exit(self, ended: dict[str, Any]) -> None:
        """Write exit.json: an end and what the job has used, as soon as there is room for it."""
        if self._meter:
            self._meter.end(self._cpu_s)
        record = {**ended, "ended": records.now()}
        record |= {"cpu_s": round(self._cpu_s, 3), "max_rss_bytes": self._max_rss}
        record["memory_peak_bytes"] = self._peak()
        content = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        while True:
            try:
                return job_end.write(self._folder, content, self._claimed)
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

            self._meter = Meter(self._folder, self._began, {self._child: self._shared})
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
            rss = usage.ru_maxrss * (1024 if processes.LINUX else 1)
            if pid == self._child:
                self._status = status
                rss -= self._shared
            self._max_rss = max(self._max_rss, rss)

    def _reason_to_stop(self, deadline: float | None, timeout_s: float) -> dict[str, Any] | None:
        if os.path.exists(f"{self._folder}/{records.CANCEL}"):
            return job_end.cancelled(self._folder)
        if deadline and time.monotonic() >= deadline:
            reason = f"The job ran longer than its limit of {timeout_s:g} s."
            return {"status": "TimedOut", "reason": reason}
        if self._memory_limit and self._meter and self._meter.memory > self._memory_limit:
            return job_end.over_memory(self._meter.memory, self._memory_limit)
        if self._told_to_stop:
            reason = "A stop of the job's runner was requested, as when its machine shuts down."
            return {"status": "Cancelled", "reason": reason}
        return None

    def _sleep(self, seconds: float, deadline: float | None) -> None:
        """Wait for a signal (a child that ended is one), at most ``seconds``."""
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
