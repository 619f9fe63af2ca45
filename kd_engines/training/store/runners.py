"""Which jobs a runner has: only that one may say how its job ended, whatever the files say."""

import time

from kd_engines.training import processes
from kd_engines.training.job_folder.record import Started

LOOK_S = 0.005


class Runners:
    """The runners of jobs, as this machine and this engine see them."""

    def __init__(self) -> None:
        self.node = processes.node_name()
        self._boot_id = processes.boot_id()
        self._held: set[int] = set()
        self._told: set[int] = set()

    def hold(self, job: int) -> None:
        """Take it as known that a runner of ours has a job."""
        self._held.add(job)

    def let_go(self, job: int, *, has_ended: bool) -> None:
        """Take it as known that our runner is gone, or has told its job's end and goes."""
        self._held.discard(job)
        if has_ended:
            self._told.add(job)

    def forget(self, job: int) -> None:
        """Drop a job whose end is known."""
        self._told.discard(job)

    def has(self, job: int, started: Started | None, wait_s: float) -> bool:
        """Tell whether a runner of this machine has a job and has not told its end.

        Another engine's is gone a moment after it has told it: ``wait_s`` is for that.
        """
        if job in self._told:
            return False
        if job in self._held:
            return True
        deadline = time.monotonic() + wait_s
        while self._lives(started):
            if time.monotonic() >= deadline:
                return True
            time.sleep(LOOK_S)
        return False

    def _lives(self, started: Started | None) -> bool:
        return (
            started is not None
            and started.node == self.node
            and started.boot_id == self._boot_id
            and started.pid is not None
            and processes.is_alive(started.pid, started.start_time)
        )
