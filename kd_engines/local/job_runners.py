"""Jobs outlive their engine on purpose; `kd down` ends them too, so that nothing is left."""

from pathlib import Path

import psutil

from kd_engines.local.home import Home

JOB_STOP_S = 15.0


def stop_jobs(home: Home) -> int:
    """Ask the runners of this home's jobs to stop, as a shutdown of the machine would.

    They end their jobs' whole process trees and write that they were cancelled. Returns how many
    ran.
    """
    runners = _runners(home)
    for runner in runners:
        _send(runner, "terminate")
    psutil.wait_procs(runners, timeout=JOB_STOP_S)
    for process in _job_processes(home):
        _send(process, "kill")
    return len(runners)


def running_jobs(home: Home) -> int:
    """Return how many jobs of this home's clusters run."""
    return len(_runners(home))


def sentence_of_cancelled(jobs: int) -> str:
    """Say that so many jobs were cancelled."""
    return f"{jobs} running job{'s were' if jobs > 1 else ' was'} cancelled."


def _runners(home: Home) -> list[psutil.Process]:
    found = _job_processes(home)
    pids = {process.pid for process in found}
    return [process for process in found if _parent(process) not in pids]


def _job_processes(home: Home) -> list[psutil.Process]:
    """Return the processes of jobs of this home's clusters, by the environment they began with."""
    folders = [
        home.repository.root / "misc" / cluster.name / "jobs"
        for cluster in home.run.glob("*")
        if cluster.is_dir()
    ]
    found = []
    for process in psutil.process_iter():
        try:
            named = process.environ().get("KD_JOB_DIR", "")
            if named and Path(named).parent in folders and process.status() != "zombie":
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def _send(process: psutil.Process, what: str) -> None:
    try:
        getattr(process, what)()
    except psutil.Error:
        return
