"""Many prints are gathered: none is lost, doubled, or overtaken by what comes after it."""

import time
from textwrap import dedent

import pytest

from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import RunningEngine

FLOOD = "for n in range(3000):\n    print(n)\n"
LINES = [str(n) for n in range(3000)]


def lines(engine: RunningEngine, code: str, status: str = "Finished") -> list[str]:
    job, log = engine.run(dedent(code))
    assert job["status"] == status, log[-1000:]
    return log.splitlines()


def test_all_of_a_million_lines_come_in_order(engine: RunningEngine) -> None:
    job, log = engine.run("for n in range(1_000_000):\n    print(n)")
    assert job["status"] == "Finished"
    assert log == "".join(f"{n}\n" for n in range(1_000_000))


def test_threads_lose_nothing_and_keep_their_order(engine: RunningEngine) -> None:
    code = """
        import sys, threading
        sys.setswitchinterval(1e-5)
        def flood(name):
            for n in range(20_000):
                print(f"{name} {n}\\n", end="")
        threads = [threading.Thread(target=flood, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    """
    found = lines(engine, code)
    for name in "abcd":
        mine = [line for line in found if line.startswith(name)]
        assert mine == [f"{name} {n}" for n in range(20_000)]
    assert len(found) == 80_000


@pytest.mark.parametrize(
    "after",
    [
        "import sys\nprint('after', file=sys.stderr)",
        "import subprocess\nsubprocess.run(['echo', 'after'])",
        "import os\nos.system('echo after')",
        "import os\nos.posix_spawn('/bin/echo', ['echo', 'after'], os.environ)\nos.wait()",
        "import sys\nsys.stdout.buffer.write(b'after\\n')",
        "import sys\nsys.__stdout__.buffer.write(bytearray(b'after\\n'))",
        "import os\npid = os.fork()\nif not pid:\n    print('after')\n    os._exit(0)\nos.wait()",
        "import multiprocessing\nwith multiprocessing.get_context('fork').Pool(1) as pool:\n"
        "    pool.map(print, ['after'])",
        "print('after', end='')",
        "import os\nos.write(1, b'after\\n')",
        "import os\nold = os.dup(1)\nnull = os.open(os.devnull, os.O_WRONLY)\nos.dup2(null, 1)\n"
        "print('hidden')\nos.dup2(old, 1)\nprint('after')",
        "import io, sys\nfile = io.BufferedWriter(sys.stdout.detach())\n"
        "file.write(b'after\\n')\nfile.flush()\nsys.stdout = sys.__stdout__ = None",
        "import os\nprint('after')\nos._exit(0)",
        "import sys\nprint('after')\nsys.exit(0)",
        "import atexit\natexit.register(print, 'after')",
        "import os, sys\nprint('after')\nos.execv('/bin/true', ['true'])",
    ],
)
def test_what_comes_after_many_prints_stands_after_them(engine: RunningEngine, after: str) -> None:
    assert lines(engine, f"{FLOOD}{after}\npass") == [*LINES, "after"]


def test_many_are_gathered_again_and_again(engine: RunningEngine) -> None:
    code = """
        import time
        def writes():
            return int(open("/proc/self/io").read().split("syscw: ")[1].split()[0])
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            print("x" * 40)
        before = writes()
        for n in range(100_000):
            print("x" * 40)
        print(writes() - before)
    """
    assert int(lines(engine, code)[-1]) < 20_000


def test_who_flushes_often_is_not_made_to_wait(engine: RunningEngine) -> None:
    code = """
        import sys, time
        for n in range(50_000):
            print(n, flush=True)
        gathering = sys.stdout.bytes_file._printed.gathering
        print(gathering._not_before > time.monotonic() and not gathering.is_on)
    """
    found = lines(engine, code)
    assert found == [*(str(n) for n in range(50_000)), "True"]


def test_what_a_handler_of_signals_raises_loses_nothing(engine: RunningEngine) -> None:
    code = """
        import signal
        class Over(Exception):
            pass
        def over(*_):
            raise Over
        signal.signal(signal.SIGALRM, over)
        n = 0
        for _ in range(300):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.002)
                while True:
                    print(f"x {n}\\n", end="", flush=not n % 50)
                    n += 1
            except Over:
                pass
    """
    found = [int(line.split()[1]) for line in lines(engine, code)]
    assert sorted(set(found)) == list(range(found[-1] + 1))


def test_an_error_and_an_output_know_where_they_stand(engine: RunningEngine) -> None:
    code = f"{FLOOD}display(7)\nprint('last')\n1 / 0"
    job, log = engine.run(code)
    assert job["status"] == "Failed"
    assert log.splitlines()[:3000] == LINES
    assert log.splitlines()[3000:3002] == ["7", "last"]
    output = engine.get(f"/jobs/{job['id']}/outputs")["outputs"][0]
    assert output["offset"] == log.index("Traceback")


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "faulthandler._sigsegv()",
        "ctypes.string_at(0)",
    ],
)
def test_a_crash_loses_nothing_that_was_printed_before(engine: RunningEngine, end: str) -> None:
    code = f"import ctypes, faulthandler, os, signal, time\n{FLOOD}time.sleep(0.05)\n{end}"
    assert lines(engine, code, "Failed") == LINES


def test_a_print_is_seen_soon_amid_many_and_after_them(engine: RunningEngine) -> None:
    code = f"import time\n{FLOOD}print('dots', end='')\ntime.sleep(1)\nprint(time.time())\n{FLOOD}"
    job = engine.submit(code)["id"]
    eventually(lambda: "dots" in engine.log(job))
    seen = time.time()
    engine.wait(job)
    told = float(engine.log(job).partition("dots")[2].partition("\n")[0])
    assert told - seen > 0.5


def test_a_print_by_itself_is_written_before_the_next_statement(engine: RunningEngine) -> None:
    code = f"""
        import os, time
        print("one")
        print(os.fstat(1).st_size)
        {FLOOD.replace(chr(10), chr(10) + " " * 8).strip()}
        time.sleep(1.5)
        before = os.fstat(1).st_size
        print("x" * 9)
        print(os.fstat(1).st_size - before)
    """
    found = lines(engine, code)
    assert found[1] == "4"
    assert found[-1] == "10"


def test_a_stream_that_the_code_closes_ends_it_quietly(engine: RunningEngine) -> None:
    code = f"import sys, time\n{FLOOD}sys.stdout.close()\ntime.sleep(0.6)\ndone = open('done', 'w')"
    assert lines(engine, code) == LINES
    assert (engine.repository / "done").exists()
