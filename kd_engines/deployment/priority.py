"""Loading behind everything else: a model that is loaded takes only what no request wants.

Linux lets a process into its idle class at any time, but only a privileged one out of it
(CAP_SYS_NICE, or RLIMIT_NICE of 20: sched(7)). Where there is no way back nothing is lowered. Its
reading and writing is idle with it (ioprio_set(2)). On a machine that is never idle such a process
would never get on: one that starves is let go.
"""

import asyncio
import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import psutil

from kd_engines.deployment.turns import cpu_seconds

CAP_SYS_NICE = 23
LOOK_EVERY_S = 1.0
# Seconds of wanting the processor and having less than this share of it.
STARVED_SHARE, LONGEST_STARVED_S = 0.2, 3


class CalmProcess:
    """A process and all that it starts, which compute when nobody else does until :meth:`end`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._is_calm = can_return() and _lower(pid)
        self._watch = asyncio.create_task(self._end_if_starved()) if self._is_calm else None

    def end(self) -> None:
        """Let it compute as any other."""
        if self._watch:
            self._watch.cancel()
        if self._is_calm:
            self._is_calm = False
            _raise(self._pid)

    async def _end_if_starved(self) -> None:
        starved, used = 0.0, cpu_seconds(self._pid)
        while starved < LONGEST_STARVED_S:
            await asyncio.sleep(LOOK_EVERY_S)
            now = cpu_seconds(self._pid)
            wants_more = now - used < STARVED_SHARE * LOOK_EVERY_S and _is_runnable(self._pid)
            starved, used = starved + LOOK_EVERY_S * wants_more, now
        self._watch = None
        self.end()


def can_return() -> bool:
    """Tell whether this process may take a process out of the idle class again."""
    if not hasattr(os, "SCHED_IDLE"):
        return False  # no Linux
    with contextlib.suppress(OSError, ValueError):
        status = Path("/proc/self/status").read_text()
        effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
        if int(effective.split()[1], 16) >> CAP_SYS_NICE & 1:
            return True
    return resource.getrlimit(resource.RLIMIT_NICE)[0] >= 20


def _lower(pid: int) -> bool:
    try:
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    except OSError:  # it has gone, or this sandbox forbids it
        return False
    return True


def _raise(pid: int) -> None:
    """Take each thread of a process, and of what it has started, out of the idle class.

    Twice: one that is started meanwhile has the class of the thread that starts it.
    """
    for _ in range(2):
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            for one in (process, *process.children(recursive=True)):
                for thread in _threads(one.pid):
                    with contextlib.suppress(OSError):
                        os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _threads(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from (int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir())


def _is_runnable(pid: int) -> bool:
    """Tell whether one of a process's threads has the processor or waits for it."""
    for thread in _threads(pid):
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/task/{thread}/stat").read_text().rpartition(") ")[2][:1]
            if state == "R":
                return True
    return False
