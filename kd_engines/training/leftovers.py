"""End what a job left running after its runner, which should have done that, was killed."""

import os
import time
from pathlib import Path

import psutil

ATTEMPTS = 50


def end_leftovers(folder: Path) -> None:
    """Kill every process of the job in ``folder``.

    They are known by KD_JOB_DIR in the environment they were started with, whatever session or
    parent they gave themselves.
    """
    for _ in range(ATTEMPTS):
        alive = [process for process in psutil.process_iter() if _belongs(process, str(folder))]
        if not alive:
            return
        for process in alive:
            try:
                process.kill()
            except psutil.Error:
                continue
        time.sleep(0.02)


def _belongs(process: psutil.Process, folder: str) -> bool:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get("KD_JOB_DIR") == folder
    except (psutil.Error, OSError):
        return False
