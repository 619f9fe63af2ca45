"""What ends a process elsewhere is here the answer to one request, and nobody else waits for it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence

DOES = """
import sys
class Unwritable(Exception):
    def __str__(self):
        raise SystemExit(3)
class Circle(list):
    pass
def circle():
    ring = []
    ring.append(ring)
    return ring
def predict(model, args):
    return eval(args["do"], globals(), {}) if "do" in args else args["a"]
"""


def raising(what: str) -> str:
    return f"(_ for _ in ()).throw({what})"


@pytest.mark.parametrize(
    ("do", "told"),
    [
        ("sys.exit('negative miles')", "SystemExit: negative miles"),
        ("quit()", "SystemExit"),
        ("__import__('argparse').ArgumentParser().parse_args(['--x'])", "SystemExit: 2"),
        (raising("KeyboardInterrupt()"), "KeyboardInterrupt"),
        (raising("GeneratorExit('left')"), "GeneratorExit: left"),
        (raising("Unwritable()"), "Unwritable: (its text cannot be written: SystemExit)"),
        (raising("ValueError('half \\ud83d a surrogate')"), "ValueError: half a surrogate"),
        (raising("type('E\\n\\x1b[31m', (Exception,), {})('x')"), "E [31m: x"),
        ("'half \\ud83d a surrogate'", "UnicodeEncodeError"),
        ("circle()", "RecursionError"),
        ("object()", "predict returned object, which is not a JSON value"),
        ("'x' * (17 << 20)", "bytes, 16,777,216 are the limit; return less for a row"),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_it_is_that_request_s_error_and_the_worker_lives(
    engine: RunningDeployment, do: str, told: str, batch: bool
) -> None:
    name = "ends-batch" if batch else "ends"
    if not engine.state(f"{name}/1"):
        many = "\ndef predict_batch(m, rows): return [predict(m, row) for row in rows]"
        one = DOES.replace("def predict(", "def predict_one(") + many.replace(
            "predict(m,", "predict_one(m,"
        )
        engine.serve(name, "1", one if batch else DOES)
    before = engine.state(f"{name}/1")
    began = time.monotonic()
    assert told in sentence(engine.ask(f"{name}/1", {"do": do}), 500)
    assert told in sentence(engine.ask(f"{name}/1", [{"a": 1}, {"do": do}]), 500)
    assert engine.predict(f"{name}/1", {"a": 4}) == 4
    assert time.monotonic() - began < 2
    after = engine.state(f"{name}/1")
    assert (after["pid"], after["restarts"]) == (before["pid"], 0)


KILLS = """
import os
def predict(model, args):
    if args["a"] < 0:
        os._exit(7)
    return args["a"]
"""


@pytest.mark.slow
def test_who_ends_workers_waits_and_nobody_else(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment()
    label = engine.serve("kills", "1", KILLS)
    taken = []
    with ThreadPoolExecutor(1) as pool:
        for _ in range(5):
            killing = pool.submit(engine.ask, label, {"a": -1})
            time.sleep(0.3)
            began = time.monotonic()
            assert engine.predict(label, {"a": 4}) == 4
            taken.append(time.monotonic() - began)
            if killing.done():
                assert "failed on this request twice: its process ended with exit code 7" in (
                    sentence(killing.result(), 500)
                )
        assert max(taken) < 2
        began = time.monotonic()
        killing.result()
        assert time.monotonic() - began > 1  # the fifth


UNLIKE = """
def predict_batch(model, rows):
    seen = sorted({key for row in rows for key in row})
    kinds = sorted({type(value).__name__ for row in rows for value in row.values()})
    if rows[0].get("wait"):
        import time
        time.sleep(0.4)
    return [[len(rows), seen, kinds]] * len(rows)
"""


def test_unlike_rows_are_no_batch(engine: RunningDeployment) -> None:
    label = engine.serve("unlike", "1", UNLIKE)
    rows = [{"a": 1}, {"a": 2}, {"a": 1.5}, {"b": 1}, {"a": None}, {"a": 2**64}, {"a": [1]}]
    rows += [{"a": [1.0]}, {"a": {"b": 1}}, {"a": 1, "b": 2}, {"b": 2, "a": 1}]
    with ThreadPoolExecutor(len(rows) + 1) as pool:
        first = pool.submit(engine.predict, label, {"wait": True})
        time.sleep(0.2)
        answers = list(pool.map(lambda row: engine.predict(label, row), rows))
        first.result()
    for row, (_, seen, kinds) in zip(rows, answers, strict=True):
        assert seen == sorted(row)
        assert kinds == sorted({type(value).__name__ for value in row.values()})
    sizes = [size for size, _, _ in answers]
    assert sizes[:2] == [2, 2]  # those that are alike are one
    assert sizes[2:] == [1] * len(sizes[2:])
