"""What all processes of a job use, measured by its runner and left in its folder as usage.json.

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

from kd_engines.training import processes, records

SAMPLE_S = 1.0
WRITE_S = 2.0
# Places in /proc/<pid>/stat from the state on (proc(5): field 3).
CPU_TICKS = slice(11, 15)  # utime, stime, and both of children that ended
RSS_PAGES = 21


class Meter:
    """Measures one job's processes; ``memory`` and ``peak`` are bytes, 0 before the first look."""

    def __init__(self, folder: str, began: float) -> None:
        self.memory = 0
        self.peak = 0
        self._path = f"{folder}/{records.USAGE}"
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
        sizes = [(pid, int(fields[RSS_PAGES]) * self._page) for pid, fields in found]
        self.memory = sum(size for _, size in sizes)
        if limit and self.memory > limit:
            self.memory = sum(_fair_share(pid, size) for pid, size in sizes)
        self.peak = max(self.peak, self.memory)
        since, before = self._cpu
        if now - since >= SAMPLE_S:
            ticks = sum(int(part) for _, fields in found for part in fields[CPU_TICKS])
            used = reaped_s + ticks / self._tick
            # A process that ended between two looks may take its time away for a moment.
            self._percent = max(0.0, used - before) / (now - since) * 100
            self._cpu = (now, used)
        if now - self._written >= WRITE_S:
            self._written = now
            self._write(len(found))

    def _write(self, number: int) -> None:
        """Replace usage.json at once, but not durably: the next one comes soon."""
        content = (
            f'{{"cpu_percent": {self._percent:.1f}, "memory_bytes": {self.memory}, '
            f'"memory_peak_bytes": {self.peak}, "processes": {number}, '
            f'"sampled": "{records.now()}"}}\n'
        )
        try:
            with open(f"{self._path}.tmp", "w", encoding="ascii") as file:
                file.write(content)
            os.replace(f"{self._path}.tmp", self._path)
        except OSError:  # the disk is full or away: the job goes on, and so does the looking
            pass


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
