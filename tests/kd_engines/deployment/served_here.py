"""A served model with a real worker, in the test's own process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from kd_engines.deployment.served_model import ServedModel
from kd_engines.deployment.wire import Spec
from kd_engines.deployment.worker_group import WorkerGroup


async def unchanged() -> None:
    """Find nothing changed."""


@asynccontextmanager
async def served(
    folder: Path,
    source: str,
    timeout_s: float = 20,
    queue: int = 1000,
    check: Callable[[], Awaitable[None]] = unchanged,
    most_processes: int = 1,
) -> AsyncIterator[ServedModel]:
    """Load a scoring script; its worker has ended afterwards."""
    script = folder / "score.py"
    script.write_text(source)
    spec = Spec(str(script), source.encode(), str(script), str(folder), timeout_s)
    model = ServedModel("m/1", spec, WorkerGroup(folder), queue, check, most_processes)
    await model.parse()
    await model.load(20)
    model.hurry()
    try:
        yield model
    finally:
        await model.end()
