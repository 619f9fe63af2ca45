"""A failed job keeps its frames and their variables, in short and without secrets."""

import base64
from typing import Any

from tests.kd_engines.training.running_engine import RunningEngine


def failure(engine: RunningEngine, code: str, **fields: Any) -> dict[str, Any]:
    """Run code that fails; return what is kept of it."""
    job, log = engine.run(code, **fields)
    assert job["status"] == "Failed", log
    return dict(engine.get(f"/jobs/{job['id']}/failure"))


def variables(frame: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a frame's variables by name."""
    return {variable["name"]: variable for variable in frame["variables"]}


def test_lines_count_as_in_the_cell_wherever_they_are_told(engine: RunningEngine) -> None:
    code = "import inspect\ndef f(x):\n    return 1 / x\n\nprint(inspect.getsource(f))\nf(0)"
    job, log = engine.run(code, first_line=3)
    assert f'File "job {job["id"]}", line 8, in <module>\n    f(0)\n' in log
    assert f'File "job {job["id"]}", line 5, in f\n    return 1 / x\n' in log
    assert "def f(x):\n    return 1 / x\n" in log.partition("Traceback")[0]
    [error] = [o["output"] for o in engine.get(f"/jobs/{job['id']}/outputs")["outputs"]]
    assert "line 5, in f\n    return 1 / x" in "\n".join(error["traceback"])
    frames = engine.get(f"/jobs/{job['id']}/failure")["frames"]
    assert [(f["line"], f["function"], f["source"], f["own"]) for f in frames] == [
        (8, "<module>", "f(0)", True),
        (5, "f", "return 1 / x", True),
    ]
    assert engine.get(f"/jobs/{job['id']}/code") == {"code": code, "first_line": 3}


def test_the_log_says_where_frames_of_libraries_are_left_out(engine: RunningEngine) -> None:
    code = (
        "import pandas\n"
        "rows = pandas.DataFrame({'miles': [1.0]})\n"
        "rows.apply(lambda row: row['fare'], axis=1)\n"
    )
    job, log = engine.run(code)
    shown = [line for line in log.splitlines() if "left out" in line]
    assert shown
    assert {line.split(" ", 4)[-1] for line in shown} == {
        "frames of libraries are left out; logs --traceback shows them"
    }
    left_out = sum(int(line.split()[1]) for line in shown)
    told = log[log.rindex("Traceback") :].count('  File "')
    frames = engine.get(f"/jobs/{job['id']}/failure")["frames"]
    assert told + left_out >= len(frames)
    assert log.endswith("KeyError: 'fare'\n")
    thread = f"import threading\ndef f():\n    {code.splitlines()[2]}\n"
    thread = "\n".join(code.splitlines()[:2]) + f"\n{thread}threading.Thread(target=f).start()\n"
    assert "left out" not in engine.run(thread)[1]


def test_a_syntax_error_has_the_line_of_the_cell(engine: RunningEngine) -> None:
    told = failure(engine, "a = 1\nb = = 2", first_line=4)
    assert told["kind"] == "SyntaxError"
    [frame] = told["frames"]
    assert (frame["line"], frame["source"], frame["own"]) == (5, "b = = 2", True)


def test_workers_tracebacks_have_the_cells_lines_too(engine: RunningEngine) -> None:
    code = (
        "import multiprocessing\n"
        "def f(x):\n"
        "    raise ValueError(x)\n"
        "multiprocessing.get_context('fork').Pool(1).map(f, [1])"
    )
    job, log = engine.run(code, first_line=10)
    assert "line 12, in f\n    raise ValueError(x)" in log
    assert job["status"] == "Failed"


def test_variables_have_shapes_types_and_short_texts(engine: RunningEngine) -> None:
    code = (
        "import math\n"
        "import numpy as np\n"
        "import pandas as pd\n"
        "def step(batch, rate):\n"
        "    frame = pd.DataFrame({'miles': batch[:, 0], 'hour': 1})\n"
        "    words = ['a'] * 1000\n"
        "    few = np.array([1, 2])\n"
        "    nested = {'weights': batch}\n"
        "    text = 'x' * 10_000\n"
        "    return frame.miles.sum() @ few\n"
        "class Model: pass\n"
        "step(np.zeros((64, 3), dtype='float32'), 0.1)"
    )
    told = failure(engine, code)
    outer, inner = told["frames"][:2]
    assert (outer["function"], inner["function"]) == ("<module>", "step")
    assert "variables" not in outer  # modules, functions and classes are none to look at
    found = variables(inner)
    assert list(found) == ["batch", "rate", "frame", "words", "few", "nested", "text"]
    batch = found["batch"]
    assert (batch["kind"], batch["shape"], batch["dtype"]) == ("ndarray", [64, 3], "float32")
    assert batch["size_bytes"] == 64 * 3 * 4
    assert (found["frame"]["shape"], found["frame"]["text"]) == ([64, 2], "64 x 2: miles, hour")
    assert (found["rate"]["text"], found["few"]["text"]) == ("0.1", "2 int64: [1, 2]")
    assert found["words"]["text"] == "[" + "'a', " * 8 + "...]"
    assert found["nested"]["text"] == "{'weights': <ndarray 64 x 3 float32>}"
    assert (len(found["text"]["text"]), found["text"]["size_bytes"]) == (200, 10_000)


def test_secrets_are_hidden_by_name_and_by_value(engine: RunningEngine) -> None:
    code = (
        "import dataclasses, os\n"
        "@dataclasses.dataclass\n"
        "class Login:\n"
        "    user: str\n"
        "    password: str\n"
        "def connect(password, api_key, url):\n"
        "    copied = os.environ['DB_TOKEN']\n"
        "    header = 'Bearer ' + copied\n"
        "    settings = {'secret': password, 'rows': 3, 'inner': {'aws_key': [api_key]}}\n"
        "    login = Login('ann', password)\n"
        "    n_tokens = 5\n"
        "    for key in ['miles']:\n"
        "        raise ConnectionError('refused: ' + copied)\n"
        "connect('hunter2', 'sk-1', 'db://ann:hunter2@host/x')"
    )
    told = failure(engine, code, env={"DB_TOKEN": "abcdef-123456"})
    text = str(told)
    for secret in ("hunter2", "sk-1", "abcdef-123456"):
        assert secret not in text.replace(told["frames"][0]["source"], "")
    assert told["message"] == "refused: [hidden]"
    found = variables(told["frames"][1])
    assert found["password"]["text"] == found["copied"]["text"] == "[hidden]"
    assert found["header"]["text"] == "'Bearer [hidden]'"
    assert found["login"]["text"].endswith("Login(user='ann', password=[hidden])")
    assert found["settings"]["text"] == (
        "{'secret': [hidden], 'rows': 3, 'inner': {'aws_key': [hidden]}}"
    )
    assert (found["n_tokens"]["text"], found["key"]["text"]) == ("5", "'miles'")


def test_the_innermost_library_frame_has_its_variables_and_others_have_none(
    engine: RunningEngine,
) -> None:
    told = failure(engine, "import json\nwords = 'nothing'\njson.loads(words)")
    own, *library = told["frames"]
    assert (own["own"], variables(own)["words"]["text"]) == (True, "'nothing'")
    assert not any(frame.get("own") for frame in library)
    assert "variables" not in library[0]
    assert variables(library[-1])["s"]["text"] == "'nothing'"
    assert told["kind"] == "JSONDecodeError"


def test_files_of_the_job_are_own_code(engine: RunningEngine) -> None:
    text = "def scale(x):\n    return x / 0\n"
    files = {"lib/steps.py": base64.b64encode(text.encode()).decode()}
    job, log = engine.run("from lib import steps\nsteps.scale(3)", files=files)
    assert 'File "lib/steps.py", line 2, in scale\n    return x / 0\n' in log
    inner = engine.get(f"/jobs/{job['id']}/failure")["frames"][-1]
    assert (inner["file"], inner["own"]) == ("lib/steps.py", True)
    assert variables(inner)["x"]["text"] == "3"


def test_objects_that_resist_being_looked_at_do_no_harm(engine: RunningEngine) -> None:
    code = (
        "import time\n"
        "class Slow:\n"
        "    def __repr__(self):\n"
        "        try:\n"
        "            while True: time.sleep(0.01)\n"
        "        except Exception: pass\n"
        "class Bad:\n"
        "    @property\n"
        "    def shape(self): raise RuntimeError\n"
        "    def __repr__(self): raise RuntimeError\n"
        "def inner(first, bad, odd):\n"
        "    slow = Slow()\n"
        "    1 / 0\n"
        "inner(1, Bad(), '\\ud800')"
    )
    told = failure(engine, code)
    found = variables(told["frames"][-1])
    assert found["first"]["text"] == "1"
    assert found["bad"]["text"] == "<Bad: its repr raises RuntimeError>"
    assert "longer than 2 s" in found["..."]["text"]


def test_a_missing_module_is_named(engine: RunningEngine) -> None:
    told = failure(engine, "import not_there.inner")
    assert (told["kind"], told["missing_module"]) == ("ModuleNotFoundError", "not_there")


def test_of_a_chain_the_last_exception_is_told(engine: RunningEngine) -> None:
    code = "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('no rate') from e"
    told = failure(engine, code)
    assert (told["kind"], told["message"]) == ("ValueError", "no rate")


def test_many_frames_and_variables_are_cut(engine: RunningEngine) -> None:
    code = "for i in range(100): globals()[f'v{i}'] = i\ndef f(n): return f(n + 1)\nf(0)"
    told = failure(engine, code)
    assert told["kind"] == "RecursionError"
    assert len(told["frames"]) == 50
    names = list(variables(told["frames"][0]))
    assert len(names) == 40
    assert "v99" in names


def test_a_job_out_of_memory_tells_so(engine: RunningEngine) -> None:
    code = (
        "import resource\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 40_000_000, -1))\n"
        "rows = []\n"
        "while True: rows.append('x' * 1000)"
    )
    told = failure(engine, code)
    assert told["kind"] == "MemoryError"
    assert variables(told["frames"][0])["rows"]["kind"] == "list"


def test_a_helper_process_does_not_tell_for_the_job(engine: RunningEngine) -> None:
    code = "import os\nif os.fork() == 0:\n    raise RuntimeError('helper')\nos.wait()\n"
    job, log = engine.run(code)
    assert (job["status"], "helper" in log) == ("Finished", True)
    answer = engine.call("GET", f"/jobs/{job['id']}/failure")
    assert answer.status_code == 404


def test_a_job_that_did_not_raise_has_no_failure_and_the_answer_says_why(
    engine: RunningEngine,
) -> None:
    job, _ = engine.run("import sys; sys.exit(3)")
    answer = engine.call("GET", f"/jobs/{job['id']}/failure")
    assert answer.status_code == 404
    message = answer.json()["error"]["message"]
    assert "not by an exception" in message
    assert "sys.exit(3)" in message
