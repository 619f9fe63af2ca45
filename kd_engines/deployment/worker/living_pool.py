"""The living processes of a worker: which is idle, how their runs end, which are replaced."""

import contextlib
import os
import selectors
from collections.abc import Callable, Iterable
from pathlib import Path

from kd_engines.deployment.wire import Ask
from kd_engines.deployment.worker.fork import Fork
from kd_engines.deployment.worker.living_process import LivingProcess
from kd_engines.deployment.worker.run import READ_BYTES, Run
from kd_engines.deployment.worker.trust import Check, Trust


class LivingPool:
    """As many processes that live on as run at once; ``answer`` answers a client's run."""

    def __init__(
        self,
        fork: Fork,
        root: Path,
        selector: selectors.BaseSelector,
        trust: Trust,
        answer: Callable[[Run, int], None],
    ) -> None:
        self._fork, self._root, self._selector = fork, root, selector
        self._trust, self._answer = trust, answer
        self._living: list[LivingProcess] = []
        self._checks: dict[LivingProcess, Check] = {}

    @property
    def runs(self) -> list[Run]:
        """Return the runs at work."""
        return [living.run for living in self._living if living.run]

    @property
    def descriptors(self) -> list[int]:
        """Return the worker's descriptors of them, which are no fork's."""
        return [descriptor for living in self._living for descriptor in living.descriptors]

    def start(
        self, ask: Ask, args: list[str], not_its_own: Iterable[int], check: Check | None = None
    ) -> None:
        """Begin a run, to be compared with ``check``, if any; raises OSError."""
        living = next((one for one in self._living if one.run is None), None)
        if living is None:
            living = LivingProcess(self._fork, self._root, not_its_own)
            self._living.append(living)
            for descriptor in living.descriptors:
                self._selector.register(descriptor, selectors.EVENT_READ, living)
        if check:
            self._checks[living] = check
        run = Run(ask, args, living.pid, living.out, living.err, ask.deadline)
        try:
            living.begin(run)
        except OSError:  # it has gone; its end is told by its connection
            self._living_gone(living)

    def look_at(self, living: LivingProcess, descriptor: int) -> None:
        """Take what a living process has printed, or said of its run."""
        if living not in self._living:
            return  # it was ended while others were looked at
        if descriptor != living.control.fileno():
            with contextlib.suppress(BlockingIOError):  # it was taken when its run ended
                data = os.read(descriptor, READ_BYTES)
                if living.run:
                    living.run.take(descriptor, data)
                if not data:
                    self._selector.unregister(descriptor)
            return
        try:
            ended = living.ended()
        except EOFError:
            self._living_gone(living)
            return
        if ended:
            self._living_ended(living, ended.code, ended.is_clean, ended.had_effects)
            if ended.is_spent or not ended.is_clean or not self._trust_lasts:
                self._drop(living)

    @property
    def _trust_lasts(self) -> bool:
        return self._trust.is_given or self._trust.wants_checks or bool(self._trust.waiting)

    def _living_gone(self, living: LivingProcess) -> None:
        """Answer for a process that has ended, by itself or as its run was late."""
        run = living.run
        if run:
            run.take_rest()
        code = self._drop(living)
        if run:
            living.run = run
            self._living_ended(living, code, is_clean=False, had_effects=False)

    def _living_ended(
        self, living: LivingProcess, code: int, is_clean: bool, had_effects: bool
    ) -> None:
        run, living.run = living.run, None
        check = self._checks.pop(living, None)
        if run is None:
            return
        if living in self._living:
            run.take_rest()
        if check:
            self._trust.compared(check, run, code, is_clean)
            return
        self._answer(run, code)
        self._trust.lived(run, code, is_clean, had_effects)

    def _drop(self, living: LivingProcess) -> int:
        """End a living process, and return its exit code."""
        self._living.remove(living)
        for descriptor in living.descriptors:
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
        return living.end()

    def end(self) -> None:
        """End them all."""
        for living in list(self._living):
            self._drop(living)
