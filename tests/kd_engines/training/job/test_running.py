"""Code that makes tasks runs in a loop, as in a notebook's kernel; other code as a script does."""

import ast

import pytest

from kd_engines.training.job.running import wants_loop
from tests.kd_engines.training.running_engine import RunningEngine

TASK = "import asyncio\nasync def work(name, s=0):\n    await asyncio.sleep(s)\n    print(name)\n"


@pytest.mark.parametrize(
    ("code", "log"),
    [
        # ../shared/cases/34: without an await anywhere
        ("task = asyncio.create_task(work('work done'))\nprint('first')", "first\nwork done\n"),
        ("asyncio.ensure_future(work('a'))\nasyncio.get_running_loop()", "a\n"),
        ("await work('now')\nasyncio.create_task(work('later', 0.2))", "now\nlater\n"),
        (
            "async def outer():\n    asyncio.create_task(work('inner', 0.1))\n    print('outer')\n"
            "asyncio.create_task(outer());",
            "outer\ninner\n",
        ),
        ("[asyncio.create_task(work(n)) for n in 'ab'];", "a\nb\n"),
    ],
)
def test_background_tasks_end_before_the_job(engine: RunningEngine, code: str, log: str) -> None:
    job, found = engine.run(TASK + code)
    assert job["status"] == "Finished", found
    lines = [line for line in found.splitlines(True) if not line.startswith("<")]
    assert "".join(lines) == log


def test_a_background_task_that_fails_fails_the_job(engine: RunningEngine) -> None:
    code = TASK + "async def fails():\n    1 / 0\nt = asyncio.create_task(fails())\n"
    job, log = engine.run(code + "u = asyncio.create_task(work('goes on', 0.2))")
    assert job["status"] == "Failed"
    assert log.startswith("goes on\n")
    assert log.endswith(
        "line 6, in fails\n    1 / 0\n    ~~^~~\nZeroDivisionError: division by zero\n"
    )
    assert "running.py" not in log


def test_an_endless_task_hides_no_failure(engine: RunningEngine) -> None:
    code = TASK + "t = asyncio.create_task(work('late', 600))\nasync def fails():\n    1 / 0\n"
    job, log = engine.run(code + "u = asyncio.create_task(fails())")
    assert job["status"] == "Failed"
    assert "ZeroDivisionError" in log


def test_a_loop_of_the_codes_own_is_its_own(engine: RunningEngine) -> None:
    code = TASK + (
        "async def main():\n    await asyncio.create_task(work('in main'))\nasyncio.run(main())\n"
    )
    job, log = engine.run(code)
    assert (job["status"], log) == ("Finished", "in main\n")


def test_who_waits_for_background_tasks_is_told(engine: RunningEngine) -> None:
    job = engine.submit(TASK + "t = asyncio.create_task(work('late', 6))")["id"]
    assert engine.wait(job)["status"] == "Finished"
    told, rest = engine.log(job).splitlines()
    assert told.startswith("The code has ended; the job goes on until its background tasks have: ")
    assert "work" in told
    assert rest == "late"


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("asyncio.create_task(f())", True),
        ("if x:\n    with y: loop.create_task(f())", True),
        ("from asyncio import ensure_future as e\ntasks = [e(f()) for f in fs]", True),
        ("class A:\n    t = asyncio.create_task(f())", True),
        ("async def f():\n    asyncio.create_task(g())", False),
        ("def f(): asyncio.create_task(g())", False),
        ("f = lambda: asyncio.create_task(g())", False),
        ("print('create_task')", False),
        ("asyncio.create_task(f())\nasyncio.run(g())", False),
        ("loop.create_task(f())\nloop.run_until_complete(g())", False),
        ("from asyncio import Runner\nloop.create_task(f())\nRunner()", False),
        ("from asyncio import run, create_task\ncreate_task(f())\nrun(g())", False),
        ("import asyncio as aio\naio.create_task(f())", True),
        ("import asyncio as aio\naio.create_task(f())\naio.run(g())", False),
        ("Client().create_task('x')", False),
        ("asyncio.get_event_loop().create_task(f())", True),
        ("asyncio.create_task(f())\nexperiment.run()", True),
    ],
)
def test_what_wants_a_loop(code: str, wanted: bool) -> None:
    assert wants_loop(ast.parse(code), code) is wanted
