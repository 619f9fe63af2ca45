"""What all processes of a job use, measured by its runner and left in its folder as usage.json,
and over time as usage-times.jsonl: of each stretch the mean processor and the most memory.

Memory is the sum of the processes' resident sets: pages that forked processes share count in each
of them. Near a limit that would end jobs wrongly, so what is above it is measured again with shared
pages divided among those who share them. Only Linux' /proc tells all this; elsewhere nothing is
measured.
"""

# typing, contextlib and pathlib would each take a job's start 3 to 8 ms to import.
# ruff: noqa: PTH105, PTH123

from __future__ import annotations

import os
import time

from kd_engines.training import processes
from kd_engines.training.job_folder import records
from kd_engines.training.job_folder.records import APPEND

SAMPLE_S = 1.0
WRITE_S = 2.0
# Of usage-times.jsonl: the longer a job runs, the farther apart are its lines, so that those of an
# hour are some 300 and those of a month some 1,100.
TIMES_PER_AGE = 100
TIME = '{{"time": "{}", "cpu_percent": {:.1f}, "memory_bytes": {}}}\n'
# Places in /proc/<pid>/stat from the state on (proc(5): field 3).
CPU_TICKS = slice(11, 15)  # utime, stime, and both of children that ended
RSS_PAGES = 21


class Meter:
    """Measures one job's processes; ``memory`` and ``peak`` are bytes, 0 before the first look.

    ``shared`` is what a process, by its id, has in common with others that are not the job's.
    """

    def __init__(self, folder: str, began: float, shared: dict[int, int]) -> None:
        self.memory = 0
        self.peak = 0
        self._path = f"{folder}/{records.USAGE}"
        self._times = f"{folder}/{records.USAGE_TIMES}"
        self._began = began
        self._shared = shared
        self._stretch = (began, 0.0)  # as _cpu, of the last line of usage-times.jsonl
        self._stretch_peak = 0
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._tick = os.sysconf("SC_CLK_TCK")
        self._cpu = (began, 0.0)  # when it was looked at, seconds of processor used until then
        self._percent = 0.0
        self._written = float("-inf")

    def sample(self, pids: list[int], reaped_s: float, limit: int) -> None:
        """Measure ``pids``; ``reaped_s`` is the processor time of those that ended already.

        ``limit`` is the job's limit of memory in bytes, 0 where it has none.
        """
        now = time.monotonic()
        found = [(pid, fields) for pid in pids if (fields := processes.stat(pid))]
        sizes = [(pid, self._size(pid, int(fields[RSS_PAGES]))) for pid, fields in found]
        self.memory = sum(size for _, size in sizes)
        if limit and self.memory > limit:
            self.memory = sum(_fair_share(pid, size) for pid, size in sizes)
        self.peak = max(self.peak, self.memory)
        self._stretch_peak = max(self._stretch_peak, self.memory)
        if now - self._cpu[0] >= SAMPLE_S:
            ticks = sum(int(part) for _, fields in found for part in fields[CPU_TICKS])
            used = reaped_s + ticks / self._tick
            self._percent = _percent(self._cpu, now, used)
            self._cpu = (now, used)
            self._tell_time(now, used)
        if now - self._written >= WRITE_S:
            self._written = now
            self._write(len(found))

    def _size(self, pid: int, pages: int) -> int:
        return max(0, pages * self._page - self._shared.get(pid, 0))

    def end(self, reaped_s: float) -> None:
        """Tell of the last stretch; ``reaped_s`` is all the processor time of the job."""
        now = time.monotonic()
        if now > self._stretch[0]:
            self._append(now, reaped_s)

    def _tell_time(self, now: float, used: float) -> None:
        """Append what was used since the last line, where it is time for the next."""
        if now - self._stretch[0] >= max(WRITE_S, (now - self._began) / TIMES_PER_AGE):
            self._append(now, used)

    def _append(self, now: float, used: float) -> None:
        line = TIME.format(records.now(), _percent(self._stretch, now, used), self._stretch_peak)
        self._stretch, self._stretch_peak = (now, used), 0
        try:
            descriptor = os.open(self._times, APPEND, 0o600)
            try:
                os.write(descriptor, line.encode())
            finally:
                os.close(descriptor)
        except OSError:
            pass

    def _write(self, number: int) -> None:
        """Replace usage.json at once, but not durably: the next one comes soon."""
        content = (
            f'{{"cpu_percent": {self._percent:.1f}, "memory_bytes": {self.memory}, '
            f'"memory_peak_bytes": {self.peak}, "processes": {number}, '
            f'"sampled": "{records.now()}"}}\n'
        )
        try:
            descriptor = os.open(f"{self._path}.tmp", APPEND, 0o600)
            try:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, content.encode())
            finally:
                os.close(descriptor)
            os.replace(f"{self._path}.tmp", self._path)
        except OSError:  # the disk is full or away: the job goes on, and so does the looking
            pass


def _percent(before: tuple[float, float], now: float, used: float) -> float:
    """Return the processors used since a look; ``used`` and that look's are seconds of them."""
    # A process that ended between two looks may take its time away for a moment.
    return max(0.0, used - before[1]) / (now - before[0]) * 100


def _fair_share(pid: int, size: int) -> int:
    """Return a process's proportional set size in bytes, or ``size`` where it is not told."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return size
