"""Two engines alike, of which one starts each job's Python by itself, and what jobs say there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

IS_WARM = "import gc; print(gc.get_freeze_count() > 0)"


@contextmanager
def warm_and_cold(folder: Path) -> Iterator[tuple[RunningEngine, RunningEngine]]:
    """Run both, the first once it has its warm parent."""
    found = []
    for switch in ("1", "0"):
        repository = folder / switch / "p"
        repository.mkdir(parents=True)
        found.append(RunningEngine(repository, repository.parent / "c.json", KD_WARM_START=switch))
    warm, cold = found
    eventually(lambda: is_warm(warm))
    yield warm, cold
    for engine in found:
        engine.stop()


def is_warm(engine: RunningEngine, **fields: object) -> bool:
    """Tell whether jobs start from a warm parent now."""
    return engine.run(IS_WARM, **fields)[1] == "True\n"


def parent_of(engine: RunningEngine) -> psutil.Process:
    """Return an engine's warm parent, once it has a spare with its job."""

    def found() -> psutil.Process | None:
        children = psutil.Process(engine.process.pid).children()
        ready = [one for one in children if len(one.children(recursive=True)) >= 2]
        return ready[0] if ready else None

    return eventually(found)  # type: ignore[no-any-return]


def seen(engine: RunningEngine, code: str) -> list[str]:
    """Return how a job ends and what it shows, in parts, without what differs between any two."""
    job, log = engine.run(code)
    outputs = engine.get(f"/jobs/{job['id']}/outputs")["outputs"]
    text = f"{job['status']} {job['exit_code']} {job['reason']}\n{log}{outputs}"
    text = text.replace(str(engine.repository), "<repository>")
    text = re.sub(r"(jobs/|job |'KD_JOB_ID', '|KD_JOB_ID=)\d+", r"\1<id>", text)
    text = re.sub(rf"\b{job['pid']}\b|0x[0-9a-f]+", "<number>", text)
    text = re.sub(r"(<id>', |^\[)'\d+'", r"\1<number>", text, flags=re.MULTILINE)
    return re.split(r"\n|, ", re.sub(r"started \d+", "started", text))
