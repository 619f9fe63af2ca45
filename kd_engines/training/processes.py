"""Processes as the operating system tells of them: who one is, and what descends from it.

A pid alone names nobody, since it is used again. Host, boot, pid and start time together do.
Linux tells all of it in /proc; elsewhere (macOS) ``ps`` and ``sysctl`` do.
"""

# typing, contextlib and pathlib would each take a job's start 3 to 8 ms to import.
# ruff: noqa: PTH112, PTH123, PTH208, SIM105

from __future__ import annotations

import errno
import os

STOPS = (1, 2, 15)  # SIGHUP, SIGINT, SIGTERM
LINUX = os.path.isdir("/proc/self/task")


def node_name() -> str:
    """Return this machine's host name."""
    return os.uname().nodename


def boot_id() -> str:
    """Return what names this boot of the machine."""
    if LINUX:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    return _output("sysctl", "-n", "kern.bootsessionuuid")


def start_time(pid: int) -> str:
    """Return when a living process began, in the system's own unit; "" where there is none.

    A zombie has ended, whoever still has to collect it. Raises OSError where that cannot be seen,
    as without a file handle: nobody may conclude from it that the process is gone.
    """
    if not LINUX:
        state, _, started = _output("ps", "-o", "stat=,lstart=", "-p", str(pid)).partition(" ")
        return "" if state.startswith("Z") else started.strip()
    try:
        fields = _read_stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if not fields or fields[0] in "ZX" else fields[19]


def is_alive(pid: int, started: str) -> bool:
    """Tell whether the process that had this pid and start time still runs on this machine."""
    return bool(started) and start_time(pid) == started


def descendants(pid: int) -> list[int]:
    """Return the living descendants of ``pid``, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    generation = [pid]
    while generation:
        generation = [child for parent in generation for child in children.pop(parent, [])]
        found += generation
    return found


def of_job(folder: str) -> list[int]:
    """Return the other living processes that began with ``folder`` as their KD_JOB_DIR (Linux).

    Raises OSError where that cannot be seen, as without a file handle.
    """
    wanted = os.fsencode(f"KD_JOB_DIR={folder}")
    found = []
    for name in os.listdir("/proc") if LINUX else ():
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                is_of_job = wanted in file.read().split(b"\0")
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise  # it is not known then
            continue
        if is_of_job and (stat(int(name)) or ["Z"])[0] not in "ZX":
            found.append(int(name))
    return found


def stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the state on (proc(5): field 3); [] if unknown."""
    try:
        return _read_stat(pid)
    except OSError:
        return []


def _read_stat(pid: int) -> list[str]:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().decode("utf-8", "replace").rpartition(")")[2].split()


def hold_stops() -> None:
    """Let signals that would stop this process wait until `take_stops`; a fork begins so too."""
    import _signal  # type: ignore[import-not-found]  # built in, while signal is slow to import

    _signal.pthread_sigmask(_signal.SIG_BLOCK, STOPS)


def take_stops() -> None:
    """Take what has waited, and stops from now on."""
    import _signal

    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, STOPS)


def send(pids: list[int], number: int) -> None:
    """Send a signal to each process that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            pass


def volunteer_for_oom(score: bytes) -> None:
    """Let the kernel rather kill this process than others when memory is used up (Linux)."""
    try:
        with open("/proc/self/oom_score_adj", "wb") as file:
            file.write(score)
    except OSError:
        pass


def oom_kills() -> int | None:
    """Return how often the kernel killed for memory in this process's cgroup; None if unknown."""
    try:
        with open("/proc/self/cgroup", encoding="ascii") as file:
            groups = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return None
    for _, controllers, group in groups:
        if controllers == "":
            paths = [f"/sys/fs/cgroup{group}/memory.events", "/sys/fs/cgroup/memory.events"]
        elif "memory" in controllers.split(","):
            root = "/sys/fs/cgroup/memory"
            paths = [f"{root}{group}/memory.oom_control", f"{root}/memory.oom_control"]
        else:
            continue
        for path in paths:
            try:
                with open(path, encoding="ascii") as file:
                    counts = dict(line.split(maxsplit=1) for line in file)
            except OSError:
                continue
            return int(counts.get("oom_kill", 0))
    return None


def _parents() -> list[tuple[int, int]]:
    """Return (pid, parent's pid) of every living process."""
    if not LINUX:
        lines = _output("ps", "-axo", "pid=,ppid=,stat=").splitlines()
        rows = [line.split() for line in lines]
        return [(int(row[0]), int(row[1])) for row in rows if not row[2].startswith("Z")]
    pairs = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            fields = stat(int(name))
            if fields and fields[0] not in "ZX":
                pairs.append((int(name), int(fields[1])))
    return pairs


def _output(*command: str) -> str:
    import subprocess

    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
