"""The faults, and a run of them: each at random, again and again, beside the load."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.chaos import hostile
from tests.chaos.load import Counts, Load
from tests.chaos.world import ENGINES, ChaosWorld

READY_WITHIN_S = 5.0
# A fault and how often it is chosen.
Fault = Callable[[ChaosWorld, random.Random], None]


def swap(world: ChaosWorld, rng: random.Random) -> None:
    """Give a model another script under load."""
    world.swap()


def tear_configmeta(world: ChaosWorld, rng: random.Random) -> None:
    """Write half of an engine's configmeta.json, as KubeDirector may be seen to."""
    path = world.configmeta(rng.randint(1, ENGINES))
    whole = path.read_bytes()
    for share in (0.0, rng.random(), 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        time.sleep(0.03)
    path.write_bytes(whole)


def kill_worker(world: ChaosWorld, rng: random.Random) -> None:
    """End a good model's process, whatever it is at."""
    pids = [m.pid for models in world.statuses().values() for m in models if m.pid]
    if pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(rng.choice(pids), signal.SIGKILL)


def kill_engine(world: ChaosWorld, rng: random.Random) -> None:
    """End an engine once the other one serves everything: one alone may always be missing."""
    world.wait_until_ready(30)
    with contextlib.suppress(psutil.Error):
        psutil.Process(world.engine_pid(rng.randint(1, ENGINES))).kill()


def bad_model(world: ChaosWorld, rng: random.Random) -> None:
    """Connect a hostile model for a moment."""
    name = rng.choice(list(hostile.SCRIPTS))
    world.come_and_go(f"hostile-{name}", hostile.SCRIPTS[name], rng.uniform(0.5, 2.5))


FAULTS: dict[Fault, int] = {
    swap: 4,
    tear_configmeta: 3,
    kill_worker: 4,
    kill_engine: 1,
    bad_model: 4,
    hostile.ask_badly: 6,
    hostile.ask_the_fragile: 4,
    hostile.speak_badly: 6,
}


class Report:
    """What a run came to."""

    def __init__(
        self, counts: Counts, faults: Counter[str], ready: tuple[float, str], left: int
    ) -> None:
        self.counts, self.faults, self.left = counts, faults, left
        self.ready_s, self.missing = ready

    @property
    def is_good(self) -> bool:
        """Tell whether nobody noticed anything."""
        good = not self.counts.wrong and not self.counts.failed
        return good and self.ready_s <= READY_WITHIN_S and self.left == 0

    def __str__(self) -> str:
        counts = self.counts
        p50, p99, longest = (1000 * counts.percentile(share) for share in (0.5, 0.99, 1.0))
        lines = [
            f"{counts.asked:,} requests to good models: {len(counts.wrong)} wrong answers, "
            f"{len(counts.failed)} failed; p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest "
            f"{longest:.0f} ms",
            f"{self.faults.total():,} faults: "
            + ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items())),
            f"everything Ready {self.ready_s:.1f} s after the last fault; {self.left} processes "
            "left at the end",
            f"last missing: {self.missing or 'nothing'}",
        ]
        return "\n".join([*lines, *counts.wrong[:10], *counts.failed[:10]])


def run(folder: Path, seconds: float, seed: int) -> Report:
    """Attack a new world for so long; its processes have ended afterwards."""
    world = ChaosWorld(folder)
    try:
        rng, faults = random.Random(seed), Counter[str]()
        with Load(world, seed) as load:
            end = time.monotonic() + seconds
            first = list(FAULTS)  # each at least once, then at random
            while first or time.monotonic() < end:
                fault = first.pop() if first else rng.choices([*FAULTS], [*FAULTS.values()])[0]
                fault(world, rng)
                faults[fault.__name__] += 1
                time.sleep(rng.uniform(0.05, 0.4))
            ready = world.wait_until_ready(60)
    finally:
        world.home.kd("down")
    return Report(load.counts, faults, ready, len(world.home.processes()))
