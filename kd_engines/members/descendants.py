"""Processes that descend from one of ours, found by the environment that they were started with.

A process group does not have them all: a daemon makes a session of its own, and its parent ends.
What they inherit stays readable as long as they live, also after a `fork`.
"""

import os
import time
from collections.abc import Callable

import psutil

ATTEMPTS = 50


def end_all(variable: str, is_wanted: Callable[[str], bool]) -> int:
    """Kill the processes that began with a wanted value in ``variable``; return how many."""
    ended: set[int] = set()
    for _ in range(ATTEMPTS):
        alive = [p for p in psutil.process_iter() if _has(p, variable, is_wanted)]
        if not alive:
            break
        for process in alive:
            try:
                process.kill()
                ended.add(process.pid)
            except psutil.Error:
                continue
        time.sleep(0.02)
    return len(ended)


def _has(process: psutil.Process, variable: str, is_wanted: Callable[[str], bool]) -> bool:
    try:
        own = process.environ().get(variable)  # of one's own processes: others' cannot be read
        if own is None or process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
    except (psutil.Error, OSError):
        return False
    return is_wanted(own)
