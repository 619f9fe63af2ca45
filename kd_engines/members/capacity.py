"""What this process may use of its machine: processors and memory, and how much of it is free.

That is the machine's, or its control group's (cgroup v2) where that allows less.
"""

import os
import time
from pathlib import Path

import psutil

LOAD_S = 1.0


class Load:
    """The share of the processors that is busy: the container's, or the machine's."""

    def __init__(self) -> None:
        self._at, self._busy_s = time.monotonic(), _busy_s()
        self._share: float | None = None

    def now(self) -> float | None:
        """Return the share (0 to 1) since the last look, which is at least `LOAD_S` ago."""
        now = time.monotonic()
        if now - self._at >= LOAD_S:
            busy_s = _busy_s()
            share = (busy_s - self._busy_s) / (now - self._at) / cpus()
            self._at, self._busy_s = now, busy_s
            self._share = round(min(1.0, max(0.0, share)), 3)
        return self._share


def cpus() -> int:
    """Return how many processors this process may use: its affinity and its cgroup's quota."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    quota = _cgroup("cpu.max").split()
    if len(quota) == 2 and quota[0] != "max":
        return max(1, min(allowed, int(quota[0]) // int(quota[1])))
    return allowed


def memory_bytes() -> int:
    """Return the memory that the machine or the cgroup allows."""
    total = int(psutil.virtual_memory().total)
    limit = _cgroup("memory.max")
    return min(total, int(limit)) if limit.isdecimal() else total


def memory_free_bytes() -> int:
    """Return the memory that jobs could still have, on the machine and in the cgroup."""
    available = int(psutil.virtual_memory().available)
    limit, used = _cgroup("memory.max"), _cgroup("memory.current")
    if not (limit.isdecimal() and used.isdecimal()):
        return available
    stat = dict(line.split(maxsplit=1) for line in _cgroup("memory.stat").splitlines())
    # File contents that nobody has used lately go away as soon as memory is wanted.
    held = int(used) - int(stat.get("inactive_file", 0))
    return max(0, min(available, int(limit) - held))


def _busy_s() -> float:
    """Return the seconds of processor time used so far where `cpus` counts them."""
    if _cgroup("cpu.max").partition(" ")[0].isdecimal():
        usage = dict(line.split() for line in _cgroup("cpu.stat").splitlines())
        return int(usage.get("usage_usec", 0)) / 1e6
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # On Linux a guest's time is part of user and nice already.
    return float(sum(times) - idle - getattr(times, "guest", 0) - getattr(times, "guest_nice", 0))


def _cgroup(name: str) -> str:
    """Return a value of this process's control group (cgroup v2), "" where there is none."""
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    own = next((line[3:] for line in groups if line.startswith("0::")), "")
    for folder in (f"/sys/fs/cgroup{own}", "/sys/fs/cgroup"):
        try:
            return Path(folder, name).read_text().strip()
        except OSError:
            continue
    return ""
