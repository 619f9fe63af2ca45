"""A script of 2020 in a process that lives on: only where nobody can tell, and as a fresh one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from kd_engines.deployment.wire import Ask
from kd_engines.deployment.worker.run import Run
from kd_engines.deployment.worker.trust import CHECK_S, Trust
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually

READS = "import json, sys\nargs = json.loads(sys.argv[1])\nn = args['n']\n"
LIVES = "the script runs in a process that lives on"
HAS_ITS_OWN = "each run of the script has a process of its own: "
HELPER = "import json\nCOUNT = []\ndef count(n):\n    COUNT.append(n)\n    return len(COUNT)\n"


def log(engine: RunningDeployment, label: str) -> str:
    return str(engine.get(f"/models/{label}")["log"])


def living(engine: RunningDeployment, name: str, source: str) -> str:
    """Serve a script and ask it until its process lives on."""
    label = engine.serve(name, "1", READS + source)
    for _ in range(3):
        engine.ask(label, {"n": 0})
    eventually(lambda: LIVES in log(engine, label), 10)
    return label


def alone(engine: RunningDeployment, label: str, args: object) -> tuple[str, str, int]:
    """Return what the script prints in a process of its own, its log and its exit code."""
    script = engine.models[label]["data"]["scoring-path"].rpartition("/")[2]
    done = subprocess.run(
        [sys.executable, str(engine.repository / "code" / script), json.dumps(args)],
        **{"capture_output": True, "text": True, "cwd": engine.repository, "check": False},
    )
    return done.stdout, done.stderr, done.returncode


# What stays as it is from one run to the next, and may be seen or not.
STATES = {
    "prints": "print(n * 2)",
    "numpy": "import numpy as np\nprint(np.arange(n + 1).sum())",
    "environ": "import os\nprint(os.environ.get('N'))\nos.environ['N'] = str(n)",
    "folder": "import os\nprint(os.getcwd().count('/'))\nos.chdir('/')",
    "path": "print(len(sys.path))\nsys.path.append('/n')",
    "builtins": "import builtins\nprint(hasattr(builtins, 'n'))\nbuiltins.n = n",
    "helper": "import counting\nprint(counting.count(n))",
    "warns": "import warnings\nwarnings.warn('careful')\nprint(n)",
    "root-logger": "import logging\nlogging.basicConfig(format='%(message)s')\n"
    "logging.warning('n')\nprint(n)",
    "printoptions": "import numpy as np\nprint(np.float64(n) / 3 * np.ones(1))\n"
    "np.set_printoptions(precision=2)",
    "recursion": "print(sys.getrecursionlimit())\nsys.setrecursionlimit(3000 + n)",
    "hook": "print(sys.excepthook is sys.__excepthook__)\nsys.excepthook = print",
    "stdout": "import io\nprint(n)\nsys.stdout = io.StringIO()\nprint('lost')",
    "signals": "import signal\nprint(signal.getsignal(signal.SIGTERM))\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "umask": "import os\nprint(os.umask(0o77))",
    "raises": "print('before')\nraise ValueError(n)",
    "exits": "print(n)\nsys.exit(n % 3)",
    "exits-with-words": "sys.exit(f'no {n}')",
    "deletes": "class A:\n    def __del__(self): print('deleted', n)\na = A()\nprint(n)",
    "prints-nothing": "pass",
}


@pytest.fixture(scope="module", autouse=True)
def helper(engine: RunningDeployment) -> None:
    (engine.repository / "code" / "counting.py").write_text(HELPER)


@pytest.mark.parametrize("name", STATES)
def test_it_lives_on_and_each_run_is_as_the_first(engine: RunningDeployment, name: str) -> None:
    label = living(engine, f"state-{name}", STATES[name])
    pids = set()
    for n in range(6):
        answer = engine.ask(label, {"n": n}).json()
        told = engine.get(f"/logs/{answer['id']}")["logs"]
        pids.add(answer["pid"])
        output, stderr, _ = alone(engine, label, {"n": n})
        assert (answer["output"], told) == (output, stderr)
    assert len(pids) == 1


# What would be seen: each run goes on having a process of its own.
LEAKS = {
    "library": "import decimal\nprint(hasattr(decimal, 'seen'))\ndecimal.seen = n",
    "pid": "import os\nprint(os.getpid() > 0)\nprint(os.getpid(), file=sys.stderr)",
    "random": "import random\nprint(random.random())",
    "named-logger": "import logging\nlogging.getLogger('a').addHandler(logging.StreamHandler())\n"
    "logging.getLogger('a').warning('n')\nprint(n)",
    "at-exit": "import atexit\natexit.register(lambda: print('done'))\nprint(n)",
    "thread": "import threading, time\nprint(n)\n"
    "threading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
    "pool": "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
    "print(pool.submit(lambda: n).result())",
    "child": "import subprocess\nprint(subprocess.run(['echo', str(n)]).returncode)",
    "descriptor": "import builtins, decimal\ndecimal.kept = open(__file__)\nprint(n)",
    "closes": "import os\nprint(n)\nsys.stdout.flush()\nos.closerange(3, 65536)",
}


@pytest.mark.parametrize("name", LEAKS)
def test_what_would_be_seen_has_its_own_process(engine: RunningDeployment, name: str) -> None:
    label = engine.serve(f"leak-{name}", "1", READS + LEAKS[name])
    pids = []
    for n in range(8):
        answer = engine.ask(label, {"n": n}).json()
        pids.append(answer["pid"])
        if name not in ("random", "pid"):
            assert answer["output"] == alone(engine, label, {"n": n})[0]
        time.sleep(0.05)
    assert HAS_ITS_OWN in log(engine, label)
    assert len(set(pids)) == 8


def test_what_has_effects_is_never_run_twice(engine: RunningDeployment) -> None:
    places = engine.repository / "effects"
    places.mkdir()
    writes = {
        "appends": "open('effects/appends', 'a').write('x')",
        "os-open": "import os\nf = os.open('effects/os-open', os.O_WRONLY | os.O_CREAT | "
        "os.O_APPEND)\nos.write(f, b'x')",
        "later": "if n > 20: open('effects/later', 'a').write('x')",
    }
    for name, source in writes.items():
        label = engine.serve(f"effect-{name}", "1", f"{READS}{source}\nprint(n)")
        for n in range(40):
            assert engine.predict(label, {"n": n}) == n
        assert HAS_ITS_OWN + "it does what is seen from outside" in log(engine, label)
        runs = 19 if name == "later" else 40
        assert (places / name).read_text() == "x" * runs


def test_a_leak_that_shows_late_is_found(engine: RunningDeployment) -> None:
    """A library's state that only some requests change: runs are compared later, too."""
    source = "if n == 7: decimal.factor = 2\nprint(n * getattr(decimal, 'factor', 1))"
    label = living(engine, "late", f"import decimal\n{source}")
    engine.ask(label, {"n": 7})
    for _ in range(250):
        engine.ask(label, {"n": 1})
    eventually(lambda: HAS_ITS_OWN + "its output is another one" in log(engine, label))
    assert engine.predict(label, {"n": 1}) == 1


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_one_that_dies_is_replaced(engine: RunningDeployment, death: str) -> None:
    source = f"import os\nprint('before', flush=True)\nif n == 5: {death}\nprint(n)"
    label = living(engine, f"dies-{len(death)}", source)
    dead = engine.ask(label, {"n": 5})
    assert ("exit code 3" if "exit" in death else "SIGKILL") in sentence(dead, 500)
    assert dead.json()["output"] == "before\n"
    assert engine.ask(label, {"n": 1}).json()["output"] == "before\n1\n"
    assert engine.state(label)["restarts"] == 0


@pytest.mark.slow
def test_a_check_that_hangs_keeps_no_client_waiting_for_ever(engine: RunningDeployment) -> None:
    again = "import time\nif hasattr(json, 'used'): time.sleep(600)\njson.used = 1\nprint('done')"
    label = engine.serve("hangs-again", "1", READS + again)
    assert [engine.predict(label, {"n": 1}) for _ in range(6)] == ["done"] * 6


def test_a_script_that_takes_long_is_not_run_to_be_compared() -> None:
    trust = Trust()
    ends = {"ask": Ask(1, b"{}"), "args": [], "pid": 0, "out": 0, "err": 0, "deadline": 0.0}
    trust.forked(Run(**ends, begun=time.monotonic() - 1), 0, had_effects=False)
    assert len(trust.waiting) == 1
    trust.forked(Run(**ends, begun=time.monotonic() - CHECK_S - 1), 0, had_effects=False)
    assert not trust.waiting
    assert not trust.wants_checks


def test_one_that_is_late_is_ended_and_replaced(
    engine: RunningDeployment,
) -> None:
    source = "import time\nprint('begun', flush=True)\nif n == 5: time.sleep(99)\nprint(n)"
    label = engine.serve("late-2020", "1", READS + source, **{"timeout-s": "1"})
    for _ in range(3):
        engine.ask(label, {"n": 0})
    eventually(lambda: LIVES in log(engine, label))
    late = engine.ask(label, {"n": 5})
    assert "it was not done within 1 s" in sentence(late, 504)
    assert late.json()["output"] == "begun\n"
    assert not psutil.pid_exists(late.json()["pid"])
    assert engine.ask(label, {"n": 1}).status_code == 200


def test_much_output_is_whole_and_too_much_is_cut(engine: RunningDeployment) -> None:
    label = living(engine, "much", "print('x' * n)\nprint('y' * n, file=sys.stderr)")
    for n in (70_000, 900_000, 3_000_000):
        answer = engine.ask(label, {"n": n}).json()
        assert answer["output"] == ("x" * n + "\n")[: 1 << 20]
        assert len(engine.get(f"/logs/{answer['id']}")["logs"]) in range(8_000, 8_300)


def test_many_at_once_are_not_mixed_up(engine: RunningDeployment) -> None:
    label = living(engine, "many", "print(n)")
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: engine.predict(label, {"n": n}), range(300)))
    assert found == list(range(300))
    processors = os.cpu_count() or 1  # and as many checks
    assert len(psutil.Process(engine.state(label)["pid"]).children()) <= 2 * processors


def test_they_end_with_their_worker(engine: RunningDeployment) -> None:
    label = living(engine, "ends", "print(n)")
    children = psutil.Process(engine.state(label)["pid"]).children()
    assert children
    os.kill(engine.state(label)["pid"], 9)
    eventually(lambda: not any(child.is_running() for child in children))
    eventually(lambda: engine.state(label)["state"] == "Ready")
    assert engine.predict(label, {"n": 4}) == 4
    engine.disconnect(label)
    eventually(lambda: engine.state(label) == {})


def test_a_helper_of_the_repository_may_write_its_bytecode(
    start_deployment: Callable[..., RunningDeployment],
) -> None:
    """Python does so in the first run: it makes a folder, writes a file and renames it."""
    engine = start_deployment(PYTHONDONTWRITEBYTECODE="")
    (engine.repository / "code" / "counting.py").write_text(HELPER)
    label = living(engine, "bytecode", "import counting\nprint(counting.count(n))")
    assert list((engine.repository / "code" / "__pycache__").glob("counting.*.pyc"))
    assert engine.predict(label, {"n": 1}) == 1
