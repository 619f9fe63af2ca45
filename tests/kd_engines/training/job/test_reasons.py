"""Whoever looks at a job that failed reads the exception and its line, not an exit code."""

import base64
import itertools

import pytest

from tests.kd_engines.training.running_engine import RunningEngine

FAILS = {
    "row = {}\nrow['tenur']": "KeyError: 'tenur' (line 3).",
    "def f(x):\n    return 1 / x\nf(0)": "ZeroDivisionError: division by zero (line 3).",
    "import json\njson.loads('{')": "JSONDecodeError: Expecting property name enclosed in double "
    "quotes: line 1 column 2 (char 1) (line 3).",
    "raise ValueError('first\\nsecond')": "ValueError: first (line 2).",
    "assert []": "AssertionError (line 2).",
    "a = = 1": "SyntaxError: invalid syntax (line 2).",
    "import sys\nsys.exit(3)": "The code called sys.exit(3) (line 3).",
    "raise SystemExit('no rows for 2009')": "SystemExit: no rows for 2009 (line 2).",
    "import os\nos._exit(5)": "The job's process ended with exit code 5.",
    "import os\nraise OSError(os.environ['MY_TOKEN'])": "OSError: [hidden] (line 3).",
    "raise OSError('https://a.example/v1?api_key=ab12cd34ef')": "OSError: "
    "https://a.example/v1?api_key=[hidden] (line 2).",
    "raise SyntaxError": "SyntaxError (line 2).",
    "raise SyntaxError('odd', ('x.py', 'three', 1, ''))": "SyntaxError: odd (line 2).",
    "import sys\nsys.exit('')": "SystemExit (line 3).",
    "import asyncio\nasync def f():\n    {}['tenur']\nasync with asyncio.TaskGroup() as group:\n"
    "    group.create_task(f())": "ExceptionGroup: unhandled errors in a TaskGroup (1 "
    "sub-exception): KeyError: 'tenur' (line 4).",
    "class E(Exception):\n    def __str__(self):\n        raise SystemExit(0)\nraise E": "E: its "
    "text cannot be shown (SystemExit) (line 5).",
    "raise type('E\\x1b[2J\\nfoo', (Exception,), {})('x')": "E [2J foo: x (line 2).",
    "err = None\nfor i in range(1500):\n    try:\n        raise ValueError(i) from err\n"
    "    except ValueError as error:\n        err = error\nraise err": "ValueError: 1499 (line 5).",
}
STREAMS = ["with open('/dev/null', 'w') as sys.stderr:\n    pass", "sys.stderr = None\npass"]
WITHIN_THREAD = """
import threading

def train(rate):
    raise ValueError(f"rate {rate} is too high")

for rate in (1, 2):
    thread = threading.Thread(target=train, args=(rate,), name=f"trial {rate}")
    thread.start()
    thread.join()
"""


@pytest.mark.parametrize("code", FAILS)
def test_an_exception_is_the_reason(engine: RunningEngine, code: str) -> None:
    job, log = engine.run(code, first_line=2, env={"MY_TOKEN": "abcdef-123456"})
    assert job["status"] == "Failed", log
    assert job["reason"].startswith(FAILS[code])
    [listed] = [one for one in engine.get("/jobs")["jobs"] if one["id"] == job["id"]]
    assert listed["reason"] == job["reason"]


@pytest.mark.parametrize("gone", STREAMS)
def test_code_that_took_stderr_away_hides_nothing(engine: RunningEngine, gone: str) -> None:
    job, log = engine.run(f"import sys\n{gone}\nraise ValueError('real cause')")
    assert (job["status"], job["reason"]) == ("Failed", "ValueError: real cause (line 4).")
    assert log.endswith("    raise ValueError('real cause')\nValueError: real cause\n")
    [output] = engine.get(f"/jobs/{job['id']}/outputs")["outputs"]
    assert output["output"]["evalue"] == "real cause"
    job, log = engine.run(f"import sys\n{gone}\n{WITHIN_THREAD}")
    assert job["reason"] == "Thread trial 1 failed: ValueError: rate 1 is too high (line 8)."
    assert log.count("ValueError: rate") == 2


def test_an_exit_status_of_0_is_a_good_end(engine: RunningEngine) -> None:
    job, _ = engine.run("import sys\nsys.exit(256)")
    assert (job["status"], job["exit_code"], job["reason"]) == ("Finished", 0, None)


def test_a_module_of_the_project_repository_is_the_users_own(engine: RunningEngine) -> None:
    names = "abcde"
    calls = [f"def {a}():\n    {b}()\n" for a, b in itertools.pairwise(names)]
    module = "".join(calls) + "def e():\n    raise RuntimeError('deep')\n"
    (engine.repository / "mymod.py").write_text(module)
    job, log = engine.run("import sys\nsys.path.insert(0, '.')\nimport mymod\nmymod.a()")
    assert job["reason"] == "RuntimeError: deep (mymod.py, line 10)."
    assert "left out" not in log


def test_of_threads_that_fail_at_once_the_first_one_counts(engine: RunningEngine) -> None:
    code = (
        "import threading\n"
        "def f():\n    raise ValueError(threading.current_thread().name)\n"
        "threads = [threading.Thread(target=f, name=f'n{n}') for n in range(100)]\n"
        "for thread in threads: thread.start()\n"
    )
    job, log = engine.run(code)
    first = log.partition("Exception in thread ")[2].partition(":")[0]
    assert job["reason"].startswith(f"Thread {first} failed: ValueError: {first} ")


def test_a_threads_name_moves_no_cursor_and_hides_no_reason(engine: RunningEngine) -> None:
    job, log = engine.run(WITHIN_THREAD.replace("trial", "\\x1b[2J\\nfoo" + "o" * 70_000))
    assert job["reason"].startswith("Thread [2J fooo")
    assert len(job["reason"]) < 300
    assert "\x1b" not in log


def test_a_file_that_was_sent_is_named(engine: RunningEngine) -> None:
    files = {"util.py": base64.b64encode(b'def f():\n    raise RuntimeError("no")\n').decode()}
    job, _ = engine.run("import util\nutil.f()", files=files)
    assert job["reason"] == "RuntimeError: no (util.py, line 2)."


def test_a_thread_that_failed_is_told_though_the_job_ended_well(engine: RunningEngine) -> None:
    job, log = engine.run(WITHIN_THREAD)
    assert (job["status"], job["reason"]) == (
        "Finished",
        "Thread trial 1 failed: ValueError: rate 1 is too high (line 5).",
    )
    assert log.count("Exception in thread trial ") == 2
    assert log.count("ValueError: rate") == 2
    assert f'  File "job {job["id"]}", line 5, in train\n' in log


def test_a_failing_thread_does_not_hide_why_the_job_failed(engine: RunningEngine) -> None:
    job, _ = engine.run(WITHIN_THREAD + "{}['a']")
    assert job["reason"] == "KeyError: 'a' (line 11)."


def test_a_thread_does_not_hide_the_exit_code(engine: RunningEngine) -> None:
    job, _ = engine.run(WITHIN_THREAD + "import os\nos._exit(5)")
    assert job["reason"] == (
        "The job's process ended with exit code 5. "
        "Thread trial 1 failed: ValueError: rate 1 is too high (line 5)."
    )


def test_a_thread_does_not_hide_the_signal(engine: RunningEngine) -> None:
    job, _ = engine.run(WITHIN_THREAD + "import os\nos.kill(os.getpid(), 11)")
    assert job["reason"] == (
        "The job's process was killed by SIGSEGV. "
        "Thread trial 1 failed: ValueError: rate 1 is too high (line 5)."
    )


def test_text_that_utf_8_cannot_carry_loses_no_job(engine: RunningEngine) -> None:
    job, _ = engine.run(WITHIN_THREAD.replace("trial", "\\udc80"))
    assert job["status"] == "Finished"
    assert job["reason"].startswith("Thread 1 failed: ")
    job, _ = engine.run("raise ValueError('\\ud800 no')")
    assert (job["status"], "no (line 1)." in job["reason"]) == ("Failed", True)


def test_the_threads_of_a_helper_are_not_the_jobs(engine: RunningEngine) -> None:
    helper = "import os\nif os.fork() == 0:\n    " + "\n    ".join(WITHIN_THREAD.splitlines())
    job, _ = engine.run(helper + "\n    import sys\n    sys.exit(4)\nos.wait()")
    assert (job["status"], job["reason"]) == ("Finished", None)


def test_nobody_answers_input_and_the_reason_says_what_to_do(engine: RunningEngine) -> None:
    job, log = engine.run("name = input('Which borough? ')")
    assert job["reason"] == (
        "EOFError: nobody can answer input() in a job; send the value with --param NAME=VALUE "
        "(line 1)."
    )
    assert "Which borough? \n" in log


def test_input_reads_what_the_code_has_put_there(engine: RunningEngine) -> None:
    code = "import io, sys\nsys.stdin = io.StringIO('Queens\\n')\nprint(input('?') + '!')"
    job, log = engine.run(code)
    assert (job["status"], log) == ("Finished", "?Queens!\n")


def test_packages_that_cannot_be_installed_are_the_reason(engine: RunningEngine) -> None:
    asked = {"requirements": ["kd_no_such_package"], "env": {"PIP_NO_INDEX": "1"}}
    job, _ = engine.run("1", **asked)
    assert job["reason"] == (
        "The requirement kd_no_such_package could not be installed; pip's reason is above."
    )
