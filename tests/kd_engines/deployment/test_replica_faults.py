"""A replica is as the worker that it was forked from, and harms neither it nor a request."""

import asyncio
import os
import signal
import time
from pathlib import Path

import msgspec
import pytest

from kd_engines.deployment.served_model import ServedModel
from tests.kd_engines.deployment.served_here import served
from tests.kd_engines.deployment.test_replicas import SLEEPS, asked, soon, with_replica

WAITS = "    import os, time\n    time.sleep(0.02)\n"


async def results(model: ServedModel, args: bytes, count: int) -> list[object]:
    answers = await asyncio.gather(*(model.predict(args) for _ in range(count)))
    failures = [answer.failure for answer in answers if answer.failure]
    assert failures == []
    return [msgspec.json.decode(answer.result) for answer in answers]


def test_what_the_worker_does_at_its_end_is_not_done_by_a_replica(tmp_path: Path) -> None:
    source = (
        "import atexit, pathlib, tempfile\nkept = tempfile.TemporaryDirectory()\n"
        "atexit.register(print, 'BYE')\n"
        "def load(path):\n"
        "    file = pathlib.Path(kept.name, 'weights')\n    file.write_text('7')\n    return file\n"
        f"def predict(model, args):\n{WAITS}    return [os.getpid(), model.read_text()]\n"
    )

    async def run() -> None:
        async with served(tmp_path, source, most_processes=2) as model:
            await with_replica(model)
            model.allow(1)
            model.look(0)
            assert model.processes == 1
            await asyncio.sleep(0.5)
            assert await results(model, b"{}", 3) == [[model.pid, "7"]] * 3
            assert "BYE" not in model.log

    asyncio.run(run())


def test_a_stream_that_cannot_be_flushed_costs_no_worker(tmp_path: Path) -> None:
    source = (
        "import sys\nclass Tee:\n    def write(self, text): return len(text)\n"
        f"sys.stdout = Tee()\ndef predict(model, args):\n{WAITS}    return [os.getpid()]\n"
    )
    assert len(_told(tmp_path, source)) == 1


def test_no_exception_of_ours_is_the_context_of_the_scripts(tmp_path: Path) -> None:
    source = (
        "import sys\ndef predict(model, args):\n"
        f"{WAITS}    return [os.getpid(), str(sys.exc_info()[0])]\n"
    )
    assert {tuple(rest) for _, *rest in _told(tmp_path, source, 10)} == {("None",)}


def _told(folder: Path, source: str, count: int = 1) -> list[list[object]]:
    """Return answers of a model with a replica, none of whose processes has died."""

    async def run() -> list[object]:
        async with served(folder, source, most_processes=2) as model:
            await with_replica(model)
            found = await results(model, b"{}", count)
            assert (model.processes, model.restarts) == (2, 0)
            return found

    return asyncio.run(run())  # type: ignore[return-value]


def test_a_fork_does_not_wait_for_all_that_waits(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, SLEEPS, 60, most_processes=2) as model:
            burst = [asyncio.create_task(model.predict(b'{"s": 0.1}')) for _ in range(60)]
            began = time.monotonic()
            while model.processes < 2:
                model.look(4)
                await asyncio.sleep(0.25)
                assert time.monotonic() - began < 4
            assert not all(task.done() for task in burst)
            await asyncio.gather(*burst)

    asyncio.run(run())


def test_fewer_processes_are_had_under_load_too(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, SLEEPS, most_processes=3) as model:
            await asked(model, 4)
            assert model.processes == 3
            model.allow(1)
            await asked(model, 1)
            assert model.processes == 1
            assert await asked(model, 0.5) == {model.pid}

    asyncio.run(run())


def test_an_innocent_request_is_not_taken_for_a_killer(tmp_path: Path) -> None:
    """A worker's end ends its replicas; which of the ends is seen first is chance."""

    async def run() -> None:
        async with served(tmp_path, SLEEPS, most_processes=2) as model:
            for _ in range(4):
                await with_replica(model)
                body = [b'{"s": 0.3}'] * 8
                asking = [asyncio.create_task(model.predict(one)) for one in body]
                await asyncio.sleep(0.1)
                replica, worker = model._replicas.workers[0], model._worker
                os.kill(worker.pid, signal.SIGKILL)
                replica.connection_lost(None)  # seen before that of the worker
                for answer in await asyncio.gather(*asking):
                    assert answer.failure is None
                model._replicas._not_before = 0.0  # of a minute

    asyncio.run(run())


def test_while_some_are_suspects_the_other_replicas_serve(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, SLEEPS, most_processes=3) as model:
            await asked(model, 4)
            assert model.processes == 3
            asking = [asyncio.create_task(model.predict(b'{"s": 0.2}')) for _ in range(9)]
            await asyncio.sleep(0.05)
            os.kill(model._replicas.workers[0].pid, signal.SIGKILL)
            await soon(lambda: model.processes == 2)
            await asyncio.sleep(0.3)  # in which they become suspects
            began = time.monotonic()
            [[pid, *_]] = await results(model, b'{"s": 0.01}', 1)  # type: ignore[misc]
            assert pid != model.pid
            assert time.monotonic() - began < 1
            await asyncio.gather(*asking)

    asyncio.run(run())


@pytest.mark.parametrize("way", ["a thread", "a child"])
def test_all_of_a_replica_ends(tmp_path: Path, way: str) -> None:
    starts = {
        "a thread": "threading.Thread(target=time.sleep, args=(300,)).start()",
        "a child": "subprocess.Popen(['sleep', '300'])",
    }[way]
    source = (
        "import os, subprocess, threading, time\nstarted = []\n"
        "def predict(model, args):\n    time.sleep(0.02)\n"
        f"    if args.get('start') and not started:\n        started.append(1)\n        {starts}\n"
        "    return [os.getpid()]\n"
    )

    async def run() -> None:
        async with served(tmp_path, source, most_processes=2) as model:
            replica = await with_replica(model)
            await results(model, b'{"start": 1}', 8)
            model.allow(1)
            model.look(0)
            await asyncio.sleep(3)
            assert _living(replica) == []

    asyncio.run(run())


def _living(group: int) -> list[Path]:
    """Return the processes of a group that have not ended."""
    stats = Path("/proc").glob("[0-9]*/stat")
    return [path for path in stats if _group(path) == group and _state(path) != "Z"]


def _group(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(") ")[2].split()[2])
    except OSError:
        return 0


def _state(stat: Path) -> str:
    try:
        return stat.read_text().rpartition(") ")[2][:1]
    except OSError:
        return "Z"
