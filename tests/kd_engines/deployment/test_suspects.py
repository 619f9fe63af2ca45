"""Requests that were with a dead worker are tried again apart, and nobody starves by it."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from kd_pipeline.errors import PredictTimeout, ScoringFailed, TooManyRequests
from tests.kd_engines.deployment.served_here import served

HOLDS = """
import os, time
def predict(model, args):
    time.sleep(args.get("s", 0))
    if args.get("die"):
        open('died', 'a').write(f'{args["die"]} ')
        os._exit(9)
    return os.getpid()
"""


def test_suspects_are_held_apart(tmp_path: Path) -> None:
    """None of those that were with a dead worker dies with another one that kills it."""

    async def run() -> None:
        async with served(tmp_path, HOLDS, 20) as model:
            asked = [
                b'{"s": 0.3}',
                b'{"die": 1}',
                b'{"die": 2}',
                b'{"die": 3}',
                b'{"die": 4}',
                b"{}",
            ]
            began = time.monotonic()
            good_after = []

            async def good() -> None:
                await model.predict(b'{"s": 0.01}')
                good_after.append(time.monotonic())

            answers = asyncio.gather(*map(model.predict, asked), return_exceptions=True)
            last = asyncio.create_task(good())
            await asyncio.sleep(0.1)
            late = asyncio.create_task(model.predict(b'{"s": 0}'))
            told = await answers
            assert [isinstance(one, Exception) for one in told] == [False, *[True] * 4, False]
            assert model.restarts == 5  # once together, then each killer once
            assert good_after[-1] - began < 3  # nobody waits for the pauses between restarts
            assert isinstance(await late, type(told[0]))
            await last

    asyncio.run(run())


def test_what_arrives_goes_in_between_suspects(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, HOLDS, 20) as model:
            slow = [asyncio.create_task(model.predict(b'{"s": 0.5}')) for _ in range(6)]
            killer = asyncio.create_task(model.predict(b'{"die": 1}'))
            await asyncio.sleep(0.1)
            os.kill(model.worker_pid, signal.SIGKILL)
            await asyncio.sleep(0.4)  # a suspect is alone with the next worker now
            began = time.monotonic()
            await model.predict(b"{}")
            assert time.monotonic() - began < 1.5  # and not after all six
            assert not all(task.done() for task in slow)
            await asyncio.gather(*slow, killer, return_exceptions=True)

    asyncio.run(run())


def test_a_timed_out_request_fails_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, HOLDS, 1.5) as model:
            stuck = asyncio.create_task(model.predict(b'{"s": 60}'))
            await asyncio.sleep(0.8)
            behind = asyncio.create_task(model.predict(b"{}"))
            with pytest.raises(PredictTimeout):
                await stuck
            assert (await behind).failure is None

    asyncio.run(run())


def test_a_killer_runs_twice_and_no_more(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, HOLDS) as model:
            killers = [model.predict(b'{"die": %d}' % number) for number in range(1, 7)]
            asked = asyncio.gather(*killers, return_exceptions=True)
            while not asked.done():
                assert (await model.predict(b'{"s": 0.02}')).failure is None
            assert {type(one) for one in await asked} == {ScoringFailed}

    asyncio.run(run())
    died = (tmp_path / "died").read_text().split()
    assert max(died.count(one) for one in died) <= 2


def test_suspects_do_not_starve_under_load(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, HOLDS, 4) as model:
            stop = time.monotonic() + 3

            async def ask() -> list[float]:
                taken = []
                while time.monotonic() < stop:
                    began = time.monotonic()
                    assert (await model.predict(b'{"s": 0.02}')).failure is None
                    taken.append(time.monotonic() - began)
                return taken

            clients = [asyncio.create_task(ask()) for _ in range(8)]
            await asyncio.sleep(0.5)
            os.kill(model.worker_pid, signal.SIGKILL)
            for taken in await asyncio.gather(*clients):
                assert max(taken) < 3

    asyncio.run(run())


def test_no_worker_is_ended_for_what_it_never_had(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, HOLDS, 2) as model:
            killers = [model.predict(b'{"die": %d}' % number) for number in range(1, 6)]
            told = await asyncio.gather(*killers, return_exceptions=True)
            assert {type(one) for one in told} == {ScoringFailed}
            restarts = model.restarts
            await asyncio.sleep(2.5)
            assert model.restarts == restarts

    asyncio.run(run())


def test_what_nobody_waits_for_any_more_is_not_computed(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, HOLDS, 1) as model:
            burst = [model.predict(b'{"s": 0.1}') for _ in range(100)]
            told = await asyncio.gather(*burst, return_exceptions=True)
            late = [one for one in told if isinstance(one, PredictTimeout)]
            assert 80 < len(late) < 100
            began = time.monotonic()
            assert (await model.predict(b"{}")).failure is None
            assert time.monotonic() - began < 0.5

    asyncio.run(run())


def test_a_batch_takes_a_small_part_of_its_requests_time(tmp_path: Path) -> None:
    """Each alone would have its answer in time: 10 ms a row, 2 s, and at most 150 at once."""
    source = (
        "import time\ndef predict_batch(model, rows):\n    time.sleep(0.01 * len(rows))\n"
        "    return [1] * len(rows)"
    )

    async def run() -> None:
        async with served(tmp_path, source, 2) as model:
            burst = [model.predict(b'{"a": 1}') for _ in range(150)]
            told = await asyncio.gather(*burst, return_exceptions=True)
            assert [one for one in told if isinstance(one, Exception)] == []
            burst = [model.predict(b'{"a": 1}') for _ in range(400)]
            told = await asyncio.gather(*burst, return_exceptions=True)
            assert sum(isinstance(one, Exception) for one in told) < 300
            assert model.restarts == 0

    asyncio.run(run())


def test_what_waits_has_a_limit_in_bytes(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, HOLDS) as model:
            first = asyncio.create_task(model.predict(b'{"s": 0.5}'))
            await asyncio.sleep(0)
            large = b'{"a": "' + b"x" * (4 << 20) + b'"}'
            burst = [model.predict(large) for _ in range(20)]
            told = await asyncio.gather(*burst, return_exceptions=True)
            refused = [one for one in told if isinstance(one, Exception)]
            assert {type(one) for one in refused} == {TooManyRequests}
            assert len(refused) == 5
            assert "67,108,864 are the limit" in str(refused[0])
            await first

    asyncio.run(run())
