"""Clients that ask the good models all the time, and know each right answer."""

import itertools
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from kd_pipeline.errors import KdError
from tests.chaos.world import ChaosWorld
from tests.kd_engines.asking import Asking

CLIENTS = 4
PAUSE_S = 0.01


@dataclass
class Counts:
    """What came of the requests; times in seconds."""

    asked: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Return the time within which such a share of the requests had their answers."""
        times = sorted(self.times)
        return times[min(len(times) - 1, int(share * len(times)))]


class Load(Asking):
    """Asks from the moment it is entered until it is left."""

    def __init__(self, world: ChaosWorld, seed: int) -> None:
        super().__init__(self._ask, CLIENTS)
        self._world, self._lock, self._seeds = world, threading.Lock(), itertools.count(seed)
        self.counts = Counts()

    def _ask(self) -> None:
        rng, client = random.Random(next(self._seeds)), self._world.new_client()
        while not self.stop.wait(PAUSE_S):
            name = rng.choices(("good", "good-old", "swapped"), (6, 1, 2))[0]
            miles = rng.randrange(10**6)
            oldest, began = self._world.oldest, time.monotonic()
            try:
                result = client.predict(name, "1", {"miles": miles})
            except KdError as error:
                self._note(began, failed=f"{name}: {type(error).__name__}: {error}")
                continue
            wrong = self._wrong(name, miles, oldest, result)
            self._note(began, wrong=f"{name} {miles}: {result!r}" if wrong else None)

    def _wrong(self, name: str, miles: int, oldest: int, result: Any) -> bool:
        if name != "swapped":
            return bool(result != miles * 2)
        version, value = result
        return bool(value != miles * 2 or not oldest <= version <= self._world.newest)

    def _note(self, began: float, failed: str | None = None, wrong: str | None = None) -> None:
        with self._lock:
            self.counts.asked += 1
            self.counts.times.append(time.monotonic() - began)
            if failed:
                self.counts.failed.append(failed)
            if wrong:
                self.counts.wrong.append(wrong)
