"""Code runs in a job as it would in a notebook cell."""

import json

import pytest

from tests.kd_engines.training.running_engine import RunningEngine


def outputs(engine: RunningEngine, job: dict[str, object]) -> list[dict[str, object]]:
    """Return a job's nbformat outputs."""
    return [o["output"] for o in engine.get(f"/jobs/{job['id']}/outputs")["outputs"]]


def test_stdout_and_stderr_are_in_order_of_arrival(engine: RunningEngine) -> None:
    code = (
        "import os, subprocess, sys\n"
        "print('a', end=' ')\n"
        "print('b', file=sys.stderr)\n"
        "os.write(1, b'c\\n')\n"
        "subprocess.run(['sh', '-c', 'echo d; echo e >&2'])\n"
        "print('f')"
    )
    _, log = engine.run(code)
    assert log == "a b\nc\nd\ne\nf\n"


def test_a_traceback_has_the_cells_line_and_none_of_ours(engine: RunningEngine) -> None:
    job, log = engine.run("x = 0\ndef f():\n    return 1 / x\n\nf()")
    assert (job["status"], job["exit_code"]) == ("Failed", 1)
    assert f'File "job {job["id"]}", line 5, in <module>\n    f()\n' in log
    assert f'File "job {job["id"]}", line 3, in f\n    return 1 / x\n' in log
    assert log.endswith("ZeroDivisionError: division by zero\n")
    assert "child.py" not in log
    [error] = outputs(engine, job)
    assert (error["output_type"], error["ename"]) == ("error", "ZeroDivisionError")
    assert "child.py" not in str(error["traceback"])


def test_long_runs_of_library_frames_are_left_out_of_the_log_only(engine: RunningEngine) -> None:
    job, log = engine.run("import re\nre.compile('(')\n")
    assert "line 2, in <module>" in log
    assert "unterminated subpattern" in log
    assert log.count("File ") < str(outputs(engine, job)[0]["traceback"]).count("File ")


def test_a_syntax_error_is_told_as_in_a_cell(engine: RunningEngine) -> None:
    job, log = engine.run("a = 1\nb = (2,\n")
    assert job["status"] == "Failed"
    assert f'File "job {job["id"]}", line 2' in log
    assert "SyntaxError: '(' was never closed" in log


def test_a_nul_character_is_a_failed_job(engine: RunningEngine) -> None:
    job, log = engine.run("a = '\0'")
    assert job["status"] == "Failed"
    assert "null bytes" in log


def test_the_last_expression_is_shown_unless_it_ends_with_a_semicolon(
    engine: RunningEngine,
) -> None:
    assert engine.run("6 * 7")[1] == "42\n"
    assert engine.run("6 * 7;")[1] == ""
    assert engine.run("'text'")[1] == "'text'\n"
    assert engine.run("None")[1] == ""
    assert engine.run("1\n2")[1] == "2\n"


def test_await_works_outside_functions(engine: RunningEngine) -> None:
    code = "import asyncio\nx = await asyncio.sleep(0, 7)\nawait asyncio.sleep(0, x + 1)"
    assert engine.run(code)[1] == "8\n"
    _, log = engine.run("import asyncio\nawait asyncio.sleep(0)\n1/0")
    assert "line 3" in log
    assert "child.py" not in log


def test_an_exit_status_is_the_jobs(engine: RunningEngine) -> None:
    assert engine.run("import sys; sys.exit(0)")[0]["status"] == "Finished"
    job, log = engine.run("import sys; sys.exit('no data')")
    assert (job["status"], job["exit_code"], log) == ("Failed", 1, "no data\n")
    assert engine.run("import sys; sys.exit(7)")[0]["exit_code"] == 7


def test_code_is_its_own_main_module(engine: RunningEngine) -> None:
    code = (
        "import pickle, sys\n"
        "class Model: pass\n"
        "print(__name__, sys.argv[1:], 'class Model' in open(__file__).read())\n"
        "print(type(pickle.loads(pickle.dumps(Model()))) is Model)\n"
        "import random; random.seed()\n"
        "print(len(globals()) < 20)"
    )
    assert engine.run(code)[1] == "__main__ [] True\nTrue\nTrue\n"


def test_forked_helpers_see_the_codes_functions(engine: RunningEngine) -> None:
    code = (
        "import multiprocessing\n"
        "def square(x): return x * x\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    print(pool.map(square, [1, 2, 3]))"
    )
    assert engine.run(code)[1] == "[1, 4, 9]\n"


POOLS = """
import multiprocessing as mp
from concurrent.futures import ProcessPoolExecutor
FACTOR = 3
print("once")
device = max("cpu", "gpu")
def needs(what=device): return what
class Ride:
    def __init__(self, miles): self.miles = miles
def times(ride): return Ride(ride.miles * FACTOR)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "pool",
    [
        "mp.get_context('spawn').Pool(2)",
        "mp.get_context('forkserver').Pool(2)",
        "ProcessPoolExecutor(2, mp_context=mp.get_context('spawn'))",
        "ProcessPoolExecutor(2)",
    ],
)
def test_processes_of_a_pool_find_what_the_code_defines(engine: RunningEngine, pool: str) -> None:
    use = f"with {pool} as pool:\n    print([r.miles for r in pool.map(times, [Ride(1), Ride(2)])])"
    job, log = engine.run(POOLS + use)
    assert (job["status"], log) == ("Finished", "once\n[3, 6]\n")


@pytest.mark.slow
def test_a_loky_pool_finds_them_too(engine: RunningEngine) -> None:
    use = "from joblib import Parallel, delayed\nrides = Parallel(n_jobs=2)(\n"
    use += "    delayed(times)(Ride(n)) for n in (1, 2))\nprint([ride.miles for ride in rides])"
    assert engine.run(POOLS + use)[1] == "once\n[3, 6]\n"


@pytest.mark.slow
def test_what_a_spawned_process_cannot_find_is_told(engine: RunningEngine) -> None:
    code = (
        "import multiprocessing as mp\n"
        "if True:\n    def hidden(): print('ran')\n"
        "process = mp.get_context('spawn').Process(target=hidden)\n"
        "process.start()\nprocess.join()\nprint('exit', process.exitcode)"
    )
    log = engine.run(code)[1]
    assert "'hidden' is not defined at the top level of the cell by itself, so a spawned" in log
    assert "move it to a module in code/ and import it" in log
    assert log.endswith("exit 1\n")


def test_the_codes_source_can_be_inspected(engine: RunningEngine) -> None:
    code = "import inspect\ndef f():\n    return 'é'\nprint(inspect.getsource(f))"
    assert "return 'é'" in engine.run(code)[1]


def test_the_mount_point_means_the_repository(engine: RunningEngine) -> None:
    (engine.repository / "data").mkdir(exist_ok=True)
    (engine.repository / "data" / "rides.json").write_text(json.dumps({"rides": 3}))
    code = (
        "import json\n"
        "base = 'data'\n"
        "with open(f'/bd-fs-mnt/project_repo/{base}/rides.json') as file:\n"
        "    print(json.load(file)['rides'])\n"
        "open('/bd-fs-mnt/TenantShare/data/new', 'w').close()"
    )
    job, log = engine.run(code)
    assert (job["status"], log) == ("Finished", "3\n")
    assert (engine.repository / "data" / "new").exists()


def test_objects_end_before_the_libraries_that_they_need(engine: RunningEngine) -> None:
    code = (
        "import sys, json\n"
        "class Kept:\n"
        "    def __del__(self):\n"
        "        print('deleted', json.dumps([1]), sys.stdout is None)\n"
        "kept = Kept(); kept.itself = kept; another = Kept()"
    )
    assert engine.run(code)[1] == "deleted [1] False\n" * 2
