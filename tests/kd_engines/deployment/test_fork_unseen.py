"""A script of 2020 cannot tell that it shares a warm process: it finds, and leaves, what its own
process would have.

Each script is also run as ``python script.py``: the answer must be the same.
"""

import json
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.running_server import eventually, runs

READS = "import json, sys\nargs = json.loads(sys.argv[1])\n"


def answered(engine: RunningDeployment, name: str, source: str) -> str:
    """Return what a script prints as a model, after seeing that it is what it prints by itself."""
    label = engine.serve(name, "1", source)
    script = engine.repository / "code" / f"{name}-alone.py"
    script.write_text(textwrap.dedent(source))
    args = {"miles": 5}
    alone = subprocess.run(
        [sys.executable, str(script), json.dumps(args)],
        *(),
        cwd=engine.repository,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    answer = engine.ask(label, args)
    assert answer.json()["output"] == alone.stdout, answer.text
    if alone.returncode != 120:  # only that standard output could not be flushed
        assert answer.ok == (alone.returncode == 0 and bool(alone.stdout.strip()))
    return str(answer.json()["output"])


@pytest.fixture(scope="module", autouse=True)
def helpers(engine: RunningDeployment) -> None:
    code = engine.repository / "code"
    (engine.repository / "misc").mkdir(exist_ok=True)
    (code / "rideargs.py").write_text("import json, sys\nRAW = sys.argv[1:]\n")
    (code / "cliopts.py").write_text(
        "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('payload')\n"
        "OPTIONS = parser.parse_args()\n"
    )
    (code / "retrain_now.py").write_text("open('misc/trained.txt', 'a').write('trained\\n')\n")
    (code / "seeded.py").write_text("import numpy as np\nnp.random.seed(7)\n")
    (code / "opened.py").write_text("audit = open('misc/helper.csv', 'a')\n")
    (code / "vendor").mkdir()
    (code / "vendor" / "tabulate_me.py").write_text("")
    (code / "vendor" / "yaml.py").write_text("WHOSE = 'vendored'\n")
    (code / "rides").mkdir()
    (code / "rides" / "__init__.py").write_text("import decimal\nfrom rides.inner import MILES\n")
    (code / "rides" / "inner.py").write_text("import sys, fractions\nMILES = sys.argv[1]\n")


@pytest.mark.parametrize(
    "draw",
    [
        "import numpy as np, scipy.stats\nprint(np.random.randint(10**9), scipy.stats.norm.rvs())",
        "import random\nprint(random.random())",
        "import numpy as np\nprint(np.random.default_rng().random())",
    ],
)
def test_random_numbers_are_its_own(engine: RunningDeployment, draw: str) -> None:
    label = engine.serve(f"draws-{abs(hash(draw)) % 10**8}", "1", READS + draw)
    outputs = {engine.ask(label, {"miles": 1}).json()["output"] for _ in range(4)}
    assert len(outputs) == 4


def test_what_it_seeds_stays_seeded(engine: RunningDeployment) -> None:
    answered(
        engine, "seeds", READS + "import numpy as np\nnp.random.seed(3)\nprint(np.random.rand())"
    )
    answered(engine, "helper-seeds", READS + "import seeded, numpy as np\nprint(np.random.rand())")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("argv", "import rideargs, json\nprint(json.loads(rideargs.RAW[0])['miles'])"),
        (
            "argparse",
            "import json\nfrom cliopts import OPTIONS\nprint(json.loads(OPTIONS.payload))",
        ),
        ("package", "import rides\nprint(rides.MILES)"),
        ("name", "import sys\nprint(__name__, __doc__, len(sys.argv), 'rides' in sys.modules)"),
        ("exits", READS + "import atexit\natexit.register(lambda: print('done'))\nprint(1)"),
        (
            "finalizes",
            READS + "import weakref\nclass A: pass\na = A()\n"
            "weakref.finalize(a, print, 'gone')\nprint(1)",
        ),
        ("deletes", READS + "class A:\n    def __del__(self): print('deleted')\na = A()\nprint(1)"),
        (
            "threads",
            READS + "import threading, time\n"
            "threading.Thread(target=lambda: (time.sleep(0.3), print('late'))).start()",
        ),
        (
            "pool",
            READS + "from concurrent.futures import ThreadPoolExecutor\n"
            "import time\npool = ThreadPoolExecutor(1)\n"
            "pool.submit(lambda: (time.sleep(0.3), print('late')))",
        ),
        (
            "children",
            READS + "import multiprocessing as mp, time\n"
            "def work():\n    time.sleep(0.2)\n    print('child', flush=True)\n"
            "mp.get_context('fork').Process(target=work).start()\nprint('parent', flush=True)",
        ),
        (
            "guarded",
            READS + "def predict(ride):\n    return ride\n"
            "if __name__ == '__main__':\n    print(predict(args))",
        ),
        (
            "two",
            READS + "def predict(model, ride):\n    return ride\n"
            "if __name__ == '__main__':\n    print(predict(0, args))",
        ),
        (
            "hook",
            READS + "import sys\nsys.excepthook = lambda *e: print('hooked')\nraise ValueError",
        ),
        (
            "exit-in-thread",
            READS + "import threading\nthreading.Thread(target=sys.exit).start()\nprint(1)",
        ),
        (
            "deletes-by-globals",
            READS + "class A:\n    def __del__(self): print(json.dumps(args))\na = A()",
        ),
        (
            "no-module",
            READS + "sys.modules['tensorflow'] = None\nimport atexit\n"
            "atexit.register(lambda: print('done'))\nprint(1)",
        ),
        (
            "another-stdout",
            READS + "import atexit, os\natexit.register(lambda: os.write(1, b'done\\n'))\n"
            "class Out:\n    def write(self, text): os.write(1, text.encode())\n"
            "sys.stdout = Out()\nprint(1)",
        ),
        (
            "vendored",
            READS + "import os\nsys.path.insert(0, os.path.dirname(__file__) + '/vendor')\n"
            "import tabulate_me\nimport yaml\nprint(yaml.WHOSE)",
        ),
        (
            "environment",
            "import json, sys, os\nos.environ['MPLBACKEND'] = 'svg'\nimport matplotlib\n"
            "print(matplotlib.get_backend())",
        ),
        (
            "temporary",
            READS + "import tempfile\nt = tempfile.TemporaryDirectory(dir='misc')\nprint(1)",
        ),
    ],
)
def test_it_is_as_in_a_process_of_its_own(
    engine: RunningDeployment, name: str, source: str
) -> None:
    assert answered(engine, name, source)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("audit", "audit = open('misc/audit.csv', 'a')\naudit.write(str(args['miles']))"),
        ("helper", "import opened\nopened.audit.write(str(args['miles']))"),
        ("kept", "import builtins\nbuiltins.kept = open('misc/kept.csv', 'a')\nkept.write('5')"),
        (
            "logged",
            "import logging, logging.handlers\n"
            "file = logging.FileHandler('misc/logged.csv')\n"
            "memory = logging.handlers.MemoryHandler(99, target=file)\n"
            "logging.getLogger().addHandler(memory)\nlogging.warning('5')",
        ),
    ],
)
def test_what_it_wrote_is_in_its_file(engine: RunningDeployment, name: str, write: str) -> None:
    label = engine.serve(f"writes-{name}", "1", f"{READS}{write}\nprint('fine')")
    assert engine.predict(label, {"miles": 5}) == "fine"
    assert (engine.repository / "misc" / f"{name}.csv").read_text().strip() == "5"
    assert list((engine.repository / "misc").glob("tmp*")) == []


def test_what_stands_in_a_branch_is_not_run_before(engine: RunningDeployment) -> None:
    branch = "if args.get('retrain'):\n    import retrain_now\nprint(args['miles'])"
    label = engine.serve("branch", "1", READS + branch)
    trained = engine.repository / "misc" / "trained.txt"
    assert engine.predict(label, {"miles": 1}) == 1
    assert not trained.exists()
    assert engine.predict(label, {"miles": 2, "retrain": True}) == 2
    assert trained.read_text() == "trained\n"


def test_libraries_are_there_before_also_those_of_helpers(engine: RunningDeployment) -> None:
    label = engine.serve("warm", "1", "import rides, sys\nprint(1)")
    worker = psutil.Process(engine.state(label)["pid"])
    assert engine.predict(label, {}) == 1
    shown = engine.serve(
        "modules",
        "1",
        "import sys\nb = set(sys.modules)\nimport rides\nprint(*sorted(set(sys.modules) - b))",
    )
    assert engine.ask(shown, {}).json()["output"].split() == ["rides", "rides.inner"]
    assert worker.is_running()


def test_a_process_that_it_leaves_holds_nobody_up(engine: RunningDeployment) -> None:
    source = "import subprocess, sys\nchild = subprocess.Popen(['sleep', '300'])\nprint(child.pid)"
    label = engine.serve("leaves-one", "1", source, **{"timeout-s": "20"})
    child = engine.predict(label, {})  # and not after 20 s
    assert runs(child)  # as a process of 2020 would leave it
    engine.disconnect(label)
    eventually(lambda: not runs(child))


def test_one_that_closes_its_output_and_goes_on_blocks_no_other(engine: RunningDeployment) -> None:
    source = f"""{READS}
import os, time
print(args["miles"], flush=True)
if args["miles"] == 1:
    os.close(1)
    os.close(2)
    time.sleep(300)
"""
    label = engine.serve("closes", "1", source, **{"timeout-s": "3"})
    late = engine.ask(label, {"miles": 1})
    assert (late.status_code, late.json()["output"]) == (504, "1\n")
    assert engine.predict(label, {"miles": 2}) == 2


def test_its_turn_has_the_same_deadline(engine: RunningDeployment) -> None:
    label = engine.serve("turns", "1", READS + "import time\ntime.sleep(300)", **{"timeout-s": "1"})
    count = 2 * (os.cpu_count() or 1)
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda _: engine.ask(label, {}), range(count)))
    sentences = [answer.json()["error"]["message"] for answer in answers]
    assert {answer.status_code for answer in answers} == {504}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 3
    assert any("it was not done within 1 s" in one for one in sentences)


def test_the_scripts_folder_is_where_they_are(engine: RunningDeployment, tmp_path: Path) -> None:
    assert answered(
        engine, "where", READS + "import os\nprint(os.path.dirname(__file__), sys.path[0])"
    )
