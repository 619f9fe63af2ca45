"""Whether a script of 2020 may run in a process that lives on: it is found out by comparing.

The first runs are made in processes of their own, as each was in 2020. What had no effect outside
of its process is then made once more in a living process; only where that prints the same, byte for
byte, and ends the same, is the living process trusted. Now and then a run is compared later, too.
"""

import sys
import time
from collections import deque
from dataclasses import dataclass

from kd_engines.deployment.worker.run import Run

CHECKS = 3  # runs that must be the same
CHECK_S = 10.0  # a script that takes longer gains nothing, and clients may wait for its place
CHECK_EVERY = 100  # runs of a trusted process
MOST_UNCLEAN = 3
MOST_WAITING = 8


@dataclass(frozen=True)
class Check:
    """A run to be made once more, ``in_fork`` or in a living process, and what it has to be."""

    args: list[str]
    code: int
    output: bytes
    log: bytes
    in_fork: bool

    @classmethod
    def of(cls, run: Run, code: int, in_fork: bool) -> "Check":
        """Return a check of a run that has ended."""
        return cls(run.args, code, bytes(run.output), bytes(run.log), in_fork)

    def is_same(self, run: Run, code: int) -> bool:
        """Tell whether another run of the same was the same."""
        return (code, bytes(run.output), bytes(run.log)) == (self.code, self.output, self.log)


class Trust:
    """What is known of a script."""

    def __init__(self) -> None:
        self.waiting: deque[Check] = deque()
        self._same = self._unclean = self._runs = 0
        self._is_over = False

    @property
    def is_given(self) -> bool:
        """Tell whether living processes are trusted."""
        return self._same >= CHECKS and not self._is_over

    @property
    def wants_checks(self) -> bool:
        """Tell whether a run in a process of its own should be noted to be compared."""
        return self._same + len(self.waiting) < CHECKS and not self._is_over

    def forked(self, run: Run, code: int, had_effects: bool) -> None:
        """Take a run of a client in a process of its own."""
        if had_effects:
            self.end("it does what is seen from outside, such as writing a file")
        elif time.monotonic() - run.begun > CHECK_S:
            self.end(f"it takes more than {CHECK_S:g} s")
        elif self.wants_checks and not run.timed_out and code >= 0:
            self.waiting.append(Check.of(run, code, in_fork=False))

    def lived(self, run: Run, code: int, is_clean: bool, had_effects: bool) -> None:
        """Take a run of a client in a living process."""
        self._runs += 1
        self._unclean += not is_clean
        if had_effects:
            self.end("it does what is seen from outside, such as writing a file")
        elif self._unclean >= MOST_UNCLEAN:
            self.end("it leaves threads, files or work for its end")
        elif self._runs % CHECK_EVERY == 0 and not run.timed_out:
            self.waiting.append(Check.of(run, code, in_fork=True))

    def compared(self, check: Check, run: Run, code: int, is_clean: bool = True) -> None:
        """Take a run that was made to be compared."""
        if run.timed_out or not check.is_same(run, code):
            self.end("its output is another one where its process lives on")
        elif not is_clean:
            self.end("it leaves threads, files or work for its end")
        else:
            self._same += 1
            if self._same == CHECKS:
                print("the script runs in a process that lives on", file=sys.stderr)

    def end(self, why: str) -> None:
        """Trust no more; each run has a process of its own from now on."""
        if not self._is_over:
            print(f"each run of the script has a process of its own: {why}", file=sys.stderr)
        self._is_over = True
        self.waiting.clear()
