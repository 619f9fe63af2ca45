import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kd_engines.deployment.worker.function_script import plain_value
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually


def test_the_model_is_loaded_once_from_its_path(engine: RunningDeployment) -> None:
    label = engine.serve(
        "once",
        "1",
        """
        from pathlib import Path
        times = 0
        def load(path):
            global times
            times += 1
            return Path(path).read_text()
        def predict(model, args):
            return [model, times]
        """,
    )
    assert engine.predict(label, {}) == ["the model once 1", 1]
    assert engine.predict(label, {}) == ["the model once 1", 1]


def test_rows_that_arrive_together_are_one_batch(engine: RunningDeployment) -> None:
    label = engine.serve(
        "batch",
        "1",
        """
        import time
        def predict_batch(model, rows):
            time.sleep(0.05)
            return [len(rows)] * len(rows)
        """,
    )
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(lambda row: engine.predict(label, {"row": row}), range(40)))
    assert max(sizes) > 1


def test_a_bad_row_fails_alone(engine: RunningDeployment) -> None:
    label = engine.serve(
        "rows", "1", "def predict_batch(model, rows): return [1 / row['a'] for row in rows]"
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda a: engine.ask(label, {"a": a % 4}), range(24)))
    assert [answer.status_code for answer in answers] == [500, 200, 200, 200] * 6
    assert "ZeroDivisionError" in sentence(answers[0], 500)
    assert "row 2 of 2: ZeroDivisionError" in sentence(engine.ask(label, [{"a": 1}, {"a": 0}]), 500)


CHANGES_ITS_ROWS = """
import os, time
calls = []
def predict_batch(model, rows):
    if rows[0].get("calls"):
        return [calls] * len(rows)
    calls.append([row["miles"] for row in rows])
    while not os.path.exists(rows[0]["go"]):
        time.sleep(0.01)
    values = []
    for row in rows:
        row["miles"] *= 1.609
        values.append(round(row.pop("miles"), 3))
    if any(row.get("bad") for row in rows):
        raise ValueError("bad row")
    return values
"""


def test_a_bad_request_changes_nobodys_answer(engine: RunningDeployment, tmp_path: Path) -> None:
    label = engine.serve("changes-rows", "1", CHANGES_ITS_ROWS)
    go = {"go": str(tmp_path / "go")}
    with ThreadPoolExecutor(3) as pool:
        pool.submit(engine.ask, label, {"miles": 1, **go})
        time.sleep(0.3)
        good = pool.submit(engine.ask, label, {"miles": 10, **go})
        bad = pool.submit(engine.ask, label, {"miles": 5, "bad": True, **go})
        time.sleep(0.3)  # they meet in one batch, as the first one is not done
        (tmp_path / "go").touch()
        assert good.result().json()["result"] == 16.09
        assert sentence(bad.result(), 500).endswith("ValueError: bad row.")
    calls = engine.predict(label, {"calls": True})
    assert (calls.count([10]), calls.count([5])) == (1, 1)  # and neither is asked alone twice


def test_the_row_that_fails_is_named_where_the_script_changes_rows(
    engine: RunningDeployment,
) -> None:
    label = engine.serve(
        "pops", "1", "def predict_batch(model, rows): return [row.pop('a') for row in rows]"
    )
    told = sentence(engine.ask(label, [{"a": 1}, {"b": 2}, {"a": 3}]), 500)
    assert "row 2 of 3: KeyError: 'a'" in told


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("{'predictions': [row['a'] for row in rows]}", "returned dict; it must return a list"),
        ("''.join(str(row['a']) for row in rows)", "returned str; it must return a list"),
        ("{row['a'] for row in rows}", "returned set; it must return a list"),
        ("(row['a'] for row in rows)", "returned generator; it must return a list"),
        ("None", "returned NoneType; it must return a list"),
        ("[0, 1, 2]", "returned 3 values for 2 rows"),
    ],
)
def test_a_batch_that_is_not_one_value_a_row_is_refused(
    engine: RunningDeployment, returned: str, told: str
) -> None:
    name = f"returns-{abs(hash(returned)) % 10**8}"
    label = engine.serve(name, "1", f"def predict_batch(model, rows): return {returned}")
    assert told in sentence(engine.ask(label, [{"a": 1}, {"a": 2}]), 500)


@pytest.mark.parametrize(
    ("returned", "result"),
    [
        ("pd.DataFrame({'low': miles - 1, 'up': miles + 1})", {"low": 1, "up": 3}),
        ("pl.DataFrame({'low': [2.5] * len(rows)})", {"low": 2.5}),
        ("miles * 2", 4),
        ("miles.to_numpy() * 2", 4),
        ("tuple(miles)", 2),
    ],
)
def test_a_batch_may_be_what_data_scientists_compute_with(
    engine: RunningDeployment, returned: str, result: object
) -> None:
    label = f"frames-{abs(hash(returned)) % 10**8}/1"
    engine.serve(
        label[:-2],
        "1",
        f"""
        import pandas as pd, polars as pl
        def predict_batch(model, rows):
            miles = pd.DataFrame(rows)["miles"]
            return {returned}
        """,
    )
    assert engine.predict(label, {"miles": 2}) == result
    assert engine.predict(label, [{"miles": 9}, {"miles": 2}])[1] == result


def test_a_failed_prediction_still_has_the_contracts_keys(engine: RunningDeployment) -> None:
    label = engine.serve("fails", "1", "def predict(model, args): raise KeyError('miles')")
    answer = engine.ask(label, {})
    assert "KeyError: 'miles'" in sentence(answer, 500)
    told = answer.json()
    assert told["status"] == "Failed"
    assert {"id", "input", "log_url", "node", "output", "pid", "request_url"} <= told.keys()
    assert engine.get(f"/history/{told['id']}")[0]["status"] == "Failed"


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("np.float32(1.5)", 1.5),
        ("np.float64(1.5)", 1.5),
        ("np.int64(3)", 3),
        ("np.array([1.0, 2.0])", [1.0, 2.0]),
        ("float('nan')", None),
        ("{'eta': np.float32(2)}", {"eta": 2.0}),
        ("None", None),
        ("'a text'", "a text"),
        ("(1, 2)", [1, 2]),
    ],
)
def test_predictions_become_json(
    engine: RunningDeployment, expression: str, result: object
) -> None:
    if not engine.state("values/1"):
        engine.serve(
            "values", "1", "import numpy as np\ndef predict(model, args): return eval(args['e'])"
        )
    assert engine.predict("values/1", {"e": expression}) == result


def test_what_is_no_json_value_is_named() -> None:
    assert plain_value(np.arange(2)) == [0, 1]
    with pytest.raises(TypeError, match="predict returned object"):
        plain_value(object())


def test_a_batch_of_the_wrong_length_is_a_failure(engine: RunningDeployment) -> None:
    label = engine.serve("short", "1", "def predict_batch(model, rows): return []")
    assert "predict_batch returned 0 values for 1 row" in sentence(engine.ask(label, {}), 500)


@pytest.mark.slow
def test_a_script_that_hangs_is_ended_and_others_go_on(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment(KD_PREDICT_TIMEOUT_S="2")
    hangs = engine.serve(
        "hangs",
        "1",
        """
        import time
        def predict(model, args):
            while args.get("hang"):
                time.sleep(0.1)
            return "fine"
        """,
    )
    other = engine.serve("other", "1", "def predict(model, args): return 1")
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(engine.ask, hangs, {"hang": True})
        assert engine.predict(other, {}) == 1
        assert "gave no answer within 2 s" in sentence(waiting.result(), 504)
    assert engine.predict(hangs, {}) == "fine"


@pytest.mark.slow
def test_the_row_that_kills_workers_fails_alone(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    engine = start_deployment()
    label = engine.serve(
        "poison",
        "1",
        """
        import os, signal
        def predict_batch(model, rows):
            if any(row.get("die") for row in rows):
                os.kill(os.getpid(), signal.SIGSEGV)
            return [row["a"] for row in rows]
        """,
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda a: engine.ask(label, {"a": a, "die": a == 5}), range(16)))
    assert [answer.status_code for answer in answers] == [200] * 5 + [500] + [200] * 10
    assert "signal SIGSEGV" in sentence(answers[5], 500)
    assert engine.state(label)["restarts"] >= 2


LEAVES_A_CHILD = """
import os, signal, time
def load(path):
    {load}
def predict(model, args):
    if args.get("die"):
        os.kill(os.getpid(), {signal})
    return os.getpid()
"""


@pytest.mark.parametrize(
    ("name", "load", "signal"),
    [
        ("fork", "os.fork() or time.sleep(60)", "signal.SIGKILL"),
        ("own-session", "os.fork() or (os.setsid(), time.sleep(20))", "signal.SIGKILL"),
        ("real-time", "return None", "signal.SIGRTMIN + 3"),
    ],
)
def test_a_dead_worker_is_replaced_whatever_it_leaves_and_however_it_ends(
    engine: RunningDeployment, name: str, load: str, signal: str
) -> None:
    label = engine.serve(name, "1", LEAVES_A_CHILD.format(load=load, signal=signal))
    before = engine.predict(label, {})
    assert engine.ask(label, {"die": True}).status_code == 500
    engine.wait(label)
    after = eventually(lambda: (a := engine.ask(label, {})).ok and a.json()["result"])
    assert after != before


def test_what_a_worker_prints_is_shown_with_its_model(engine: RunningDeployment) -> None:
    label = engine.serve("prints", "1", "print('loading now')\ndef predict(model, args): return 1")
    assert "loading now" in engine.get(f"/models/{label}")["log"]


def test_no_worker_sees_a_token(engine: RunningDeployment) -> None:
    label = engine.serve(
        "nosy", "1", "import os\ndef predict(model, args): return dict(os.environ)"
    )
    seen = engine.predict(label, {})
    ours = {name for name in seen if name.startswith("KD_")}
    assert ours == {"KD_PROJECT_REPO", "KD_MODEL_WORKER"}


def test_a_full_queue_says_so(start_deployment: Callable[..., RunningDeployment]) -> None:
    engine = start_deployment(KD_MODEL_QUEUE="2")
    label = engine.serve(
        "busy", "1", "import time\ndef predict(model, args):\n    time.sleep(0.3)\n    return 1"
    )
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: engine.ask(label, {}), range(6)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(refused) <= 4
    assert "has 2 requests waiting" in sentence(refused[0], 429)
    assert {answer.status_code for answer in answers} == {200, 429}
    assert engine.predict(label, {}) == 1


def test_a_request_outlasts_the_removal_of_its_model(engine: RunningDeployment) -> None:
    label = engine.serve(
        "leaving", "1", "import time\ndef predict(model, args):\n    time.sleep(1)\n    return 1"
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.ask, label, {})
        time.sleep(0.1)
        engine.disconnect(label)
        assert waiting.result().json()["result"] == 1
