"""A job that is forked from a warm parent sees what one sees that has a Python of its own."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kd_engines.running_server import eventually, runs
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_engines.training.warm.engines import is_warm, parent_of, seen, warm_and_cold

# What a job can see of its process. Names differ by the job's number and the engine's folder.
SEEN = {
    "environment": "import os; print(sorted(os.environ.items()))",
    "environment of the system": "print(sorted(open('/proc/self/environ').read().split('\\0')))",
    "command line": "print(open('/proc/self/cmdline').read().split('\\0'))",
    "arguments": "import sys; print(sys.argv, sys.orig_argv, sys.executable, sys.prefix)",
    "path": "import sys, os; print(sys.path, os.getcwd())",
    "modules": "import sys; print(sorted(sys.modules))",
    "modules of an import": (
        "import sys; before = set(sys.modules); import json, logging, ctypes, typing, warnings\n"
        "print(sorted(set(sys.modules) - before))"
    ),
    "submodules": "import importlib, os; print(sorted(vars(importlib)), hasattr(os, 'signal'))",
    "a submodule's import": "import importlib.util; print(importlib.util.find_spec('json').origin)",
    "where modules are": (
        "import json, json.decoder as d, inspect, pkgutil; print(json.__spec__, d.__spec__)\n"
        "print(inspect.getsource(json)[:30], pkgutil.get_data('json', 'tool.py')[:30])"
    ),
    "a module that is loaded when it is used": (
        "import importlib.util as u, sys; spec = u.find_spec('json')\n"
        "spec.loader = u.LazyLoader(spec.loader); module = u.module_from_spec(spec)\n"
        "sys.modules['json'] = module; spec.loader.exec_module(module); print(module.dumps([1]))"
    ),
    "a module that is deleted and imported again": (
        "import json, sys; first = json; json.mark = 1; del sys.modules['json']; import json\n"
        "print(json is first, hasattr(json, 'mark'))"
    ),
    "a module that is not to be had": (
        "import sys; sys.modules['_json'] = None; import json.decoder, json.scanner\n"
        "print(json.decoder.c_scanstring, json.scanner.c_make_scanner)"
    ),
    "a folder that came later": (
        "import os, sys; os.makedirs('later', exist_ok=True)\n"
        "open('later/came_later.py', 'w').write('x = 1'); sys.path.append('later')\n"
        "import came_later; print(came_later.x)"
    ),
    "a reload": "import json, importlib; print(importlib.reload(json) is json)",
    "main": (
        "import __main__, sys; print(sorted(vars(__main__)), __main__.__spec__, __name__, __file__)"
    ),
    "stack": (
        "import sys, traceback; frame = sys._getframe(); names = []\n"
        "while frame: names.append(frame.f_code.co_name); frame = frame.f_back\n"
        "print(names)"
    ),
    "signals": (
        "import signal; print([(s.name, str(signal.getsignal(s)).split(' at ')[0]) "
        "for s in sorted(signal.valid_signals()) if s.__class__ is not int])\n"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1))"
    ),
    "threads": (
        "import threading, os; print(threading.enumerate(), os.listdir('/proc/self/task') == "
        "[str(os.getpid())], threading.main_thread().native_id == os.getpid())"
    ),
    "open files": (
        "import os\nfor n in sorted(os.listdir('/proc/self/fd'))[:-1]: "
        "print(n, os.readlink(f'/proc/self/fd/{n}'), os.get_inheritable(int(n)))"
    ),
    "streams": (
        "import sys; print([(s.name, s.mode, s.encoding, s.errors, s.line_buffering) "
        "for s in (sys.stdin, sys.stdout, sys.stderr)], sys.stdout is sys.__stdout__)"
    ),
    "process": (
        "import os, resource; print(os.getsid(0) == os.getpid() == os.getpgrp(), os.umask(0o22), "
        "[resource.getrlimit(getattr(resource, n)) for n in dir(resource) if 'RLIMIT' in n])\n"
        "print(open('/proc/self/oom_score_adj').read(), open('/proc/self/comm').read())"
    ),
    "interpreter": (
        "import sys, gc, warnings, locale; print(sys.flags, sys.warnoptions, sys._xoptions, "
        "sys.getrecursionlimit(), gc.isenabled(), gc.get_threshold(), warnings.filters, "
        "locale.setlocale(locale.LC_ALL), sys.getswitchinterval(), sys.excepthook)"
    ),
    "fork": (
        "import os\npid = os.fork()\nif pid == 0: print('child', os.getppid() != 1); os._exit(3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    ),
    "a fork's pool": (
        "import multiprocessing as m\ndef f(x): return x * x\n"
        "with m.get_context('fork').Pool(2) as pool: print(pool.map(f, range(5)))"
    ),
    "a spawned pool": (
        "import multiprocessing as m\ndef f(x): return x * x\n"
        "with m.get_context('spawn').Pool(2) as pool: print(pool.map(f, range(5)))"
    ),
    "a command": "import subprocess as s; print(s.run(['env'], capture_output=True).stdout[:9])",
    "the end": (
        "import atexit, sys; atexit.register(print, 'registered')\n"
        "class C:\n    def __del__(self): print('deleted', flush=True)\n"
        "kept = C(); file = open('/proc/self/fd/1', 'a'); file.write('unflushed')\n"
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()"
    ),
    "an exit code": "import sys; sys.exit(7)",
    "an error": "def f(): raise ValueError('no')\nf()",
    "a thread's error": "import threading; t = threading.Thread(target=lambda: 1 / 0); t.start()",
    "an output": "display({'text/html': '<b>b</b>'}, raw=True); {'a': 1}",
    "no input": "input('?')",
    "time": "import time, logging; print(time.process_time() < 1, logging._startTime > 0)",
}


@pytest.fixture(scope="module")
def engines(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[RunningEngine, RunningEngine]]:
    """Two engines alike, the second without a warm parent."""
    with warm_and_cold(tmp_path_factory.mktemp("engines")) as both:
        yield both


@pytest.mark.parametrize("what", SEEN)
def test_a_warm_job_sees_what_a_cold_one_sees(
    engines: tuple[RunningEngine, RunningEngine], what: str
) -> None:
    warm, cold = engines
    assert is_warm(warm)
    assert not is_warm(cold)
    assert seen(warm, SEEN[what]) == seen(cold, SEEN[what])


@pytest.mark.parametrize(
    "code",
    [
        "import random; print(random.random())",
        "import os; print(os.urandom(8))",
        "import uuid; print(uuid.uuid4())",
        "import multiprocessing as m; print(bytes(m.current_process().authkey))",
        "import tempfile; print(tempfile.NamedTemporaryFile().name)",
    ],
)
def test_two_warm_jobs_have_nothing_random_in_common(
    engines: tuple[RunningEngine, RunningEngine], code: str
) -> None:
    warm, _ = engines
    assert is_warm(warm)
    first, second = warm.run(code), warm.run(code)
    assert first[0]["status"] == second[0]["status"] == "Finished"
    assert first[1] != second[1]


def test_a_job_with_an_environment_of_its_own_starts_a_python_of_its_own(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    code = "import os; print(hash('a'), os.environ['PYTHONHASHSEED'])"
    _, first = warm.run(code, env={"PYTHONHASHSEED": "1"})
    _, second = warm.run(code, env={"PYTHONHASHSEED": "1"})
    assert first == second
    assert first.endswith(" 1\n")
    assert not is_warm(warm, env={"PYTHONHASHSEED": "1"})
    assert not is_warm(warm, resources={"memory_bytes": 2**30})
    assert not is_warm(warm, clean=True)
    assert is_warm(warm, credentials={"MLFLOW_TRACKING_USERNAME": "u"})


def test_credentials_are_gone_with_a_warm_job(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    code = "import os; print(os.environ.get('AWS_SECRET_ACCESS_KEY'))"
    assert warm.run(code, credentials={"AWS_SECRET_ACCESS_KEY": "5ecret"})[1] != "None\n"
    assert warm.run(code)[1] == "None\n"
    environ = Path(f"/proc/{parent_of(warm).pid}/environ").read_bytes()
    assert b"5ecret" not in environ


def test_memory_that_is_the_parents_is_not_the_jobs(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    assert is_warm(warm)
    small, _ = warm.run("import time; time.sleep(1.5)")
    large, _ = warm.run("x = bytearray(100_000_000)\nimport time; time.sleep(1.5)")
    assert 3_000_000 < small["memory_peak_bytes"] < 25_000_000
    assert 100_000_000 < large["memory_peak_bytes"] < 130_000_000


@pytest.mark.parametrize("what", ["parent", "runner", "job"])
def test_what_is_killed_while_it_waits_loses_no_job(
    engines: tuple[RunningEngine, RunningEngine], what: str
) -> None:
    warm, _ = engines
    parent = parent_of(warm)
    runner = parent.children()[-1]
    (waiting,) = runner.children()
    {"parent": parent, "runner": runner, "job": waiting}[what].kill()
    with ThreadPoolExecutor(4) as pool:
        ends = [job["status"] for job, _ in pool.map(warm.run, ["print(1)"] * 8)]
    assert ends == ["Finished"] * 8
    eventually(lambda: is_warm(warm))


def test_a_parent_that_stands_still_is_given_up(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    parent = parent_of(warm)
    for process in (parent, *parent.children()):
        process.suspend()
    job, log = warm.run("print(1)")
    assert (job["status"], log) == ("Finished", "1\n")
    eventually(lambda: not runs(parent.pid))
    eventually(lambda: is_warm(warm))


def test_a_warm_parent_ends_with_its_engine_and_its_jobs_do_not(
    engines: tuple[RunningEngine, RunningEngine],
) -> None:
    warm, _ = engines
    eventually(lambda: is_warm(warm))
    job = warm.submit("import time; print('up', flush=True); time.sleep(2); print('end')")["id"]
    eventually(lambda: "up" in warm.log(job))
    parent, runner = parent_of(warm), warm.started(job)["pid"]
    spare = next(one for one in parent.children() if one.pid != runner)
    waiting = [parent.pid, spare.pid, *(one.pid for one in spare.children())]
    os.kill(warm.process.pid, signal.SIGKILL)
    warm.process.wait()
    eventually(lambda: not any(runs(pid) for pid in waiting))
    warm.start()
    ended = warm.wait(job)
    assert (ended["status"], warm.log(job)) == ("Finished", "up\nend\n")
    eventually(lambda: is_warm(warm))


ENDS = {
    "a file that was not closed": "file = open(1, 'w', closefd=False); file.write('written')",
    "what C has buffered": "import ctypes; ctypes.CDLL(None).printf(b'printed by C\\n')",
    "a module of one's own": (
        "import sys, types; module = types.ModuleType('own'); sys.modules['own'] = module\n"
        "class Kept:\n    def __del__(self): print('deleted')\n"
        "module.kept = Kept(); module.kept.itself = module.kept; del module, Kept"
    ),
    "a generator's finally": (
        "def values():\n    try: yield 1\n    finally: print('finally')\n"
        "kept = values(); next(kept)"
    ),
    "an error in what is registered": "import atexit; atexit.register(lambda: 1 / 0)",
    "the order of what is registered": (
        "import atexit, weakref\nfor n in range(3): atexit.register(print, n)\n"
        "class Kept: pass\nkept = Kept(); weakref.finalize(kept, print, 'finalized')"
    ),
    "an exit within what is registered": "import atexit, sys; atexit.register(lambda: sys.exit(5))",
    "words": "import sys; sys.exit('words')",
    "a number": "import sys; sys.exit(300)",
    "a negative number": "import sys; sys.exit(-1)",
    "no words": "import sys; sys.exit(None)",
    "an object": "import sys; sys.exit([1, 2])",
    "true": "import sys; sys.exit(True)",
    "at once": "import os, atexit; atexit.register(print, 'no'); os._exit(4)",
    "a pool that was not closed": (
        "from concurrent.futures import ThreadPoolExecutor as T\nimport time\n"
        "pool = T(2); pool.submit(lambda: (time.sleep(0.2), print('done')))"
    ),
    "a daemon": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(9), print('no')), daemon=True).start()"
    ),
    "closed streams": "import sys; sys.stdout.close(); sys.stderr.close()",
    "a logger": (
        "import logging, sys; logging.basicConfig(stream=sys.stdout, level='INFO')\n"
        "import atexit; atexit.register(logging.info, 'last')"
    ),
    "a temporary folder": (
        "import tempfile; kept = tempfile.TemporaryDirectory(); print(kept.name.startswith('/'))"
    ),
    "an interrupt": "import os, signal; os.kill(os.getpid(), signal.SIGINT)",
    "a signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "memory": "x = []\nwhile True: x.append(bytearray(1 << 40))",
    "recursion": "def f(): f()\nf()",
}


@pytest.mark.parametrize("what", ENDS)
def test_a_warm_job_ends_as_a_cold_one(
    engines: tuple[RunningEngine, RunningEngine], what: str
) -> None:
    warm, cold = engines
    eventually(lambda: is_warm(warm))
    assert seen(warm, ENDS[what]) == seen(cold, ENDS[what])
