import os
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from kd_engines.deployment.identity import TIMEOUT_KEY
from tests.kd_engines.deployment.running_deployment import RunningDeployment, sentence
from tests.kd_engines.running_server import eventually, runs

ECHO = """
import json
import sys
print(json.dumps(sys.argv[1:]))
"""


def test_an_object_is_one_argument_of_json(engine: RunningDeployment) -> None:
    label = engine.serve(
        "json",
        "1",
        """
        import json
        import sys
        ride = json.loads(sys.argv[1])
        predict = ride["miles"] * 100
        print("The ride duration prediction is", predict, "seconds.")
        """,
    )
    assert engine.state(label)["kind"] == "script"
    answer = engine.ask(label, {"miles": 3}).json()
    assert answer["output"] == "The ride duration prediction is 300 seconds.\n"
    assert answer["status"] == "Finished"
    assert answer["pid"] != engine.state(label)["pid"]


def test_an_object_is_passed_on_as_it_came(engine: RunningDeployment) -> None:
    label = engine.serve("as-it-came", "1", "import sys\nprint(sys.argv[1])")
    text = '{"a":1e400,"b" : 12345678901234567890123}'
    answer = engine.call("POST", f"/{label}/predict", data=f'{{"scoring_args":{text}}}')
    assert answer.json()["output"] == f"{text}\n"


def test_an_exit_with_a_text_and_no_standard_error_ends_well(engine: RunningDeployment) -> None:
    source = "import atexit, sys\natexit.register(print, 'done')\nsys.stderr = None\nsys.exit('no')"
    label = engine.serve("no-stderr", "1", source)
    answer = engine.ask(label, {})
    assert "exit code 1" in sentence(answer, 500)
    assert answer.json()["output"] == "done\n"


def test_a_text_is_the_command_line(engine: RunningDeployment) -> None:
    label = engine.serve("echo", "1", ECHO)
    answer = engine.ask(label, "--from 'Times Square' 3").json()
    assert answer["output"] == '["--from", "Times Square", "3"]\n'
    assert answer["result"] == ["--from", "Times Square", "3"]


def test_a_hard_coded_mount_point_is_the_repository(engine: RunningDeployment) -> None:
    (engine.repository / "models" / "weights.txt").write_text("7")
    label = engine.serve(
        "mounted",
        "1",
        """
        def project_repo(path):
            return "/bd-fs-mnt/project_repo" + "/" + path
        print(open(project_repo("models/weights.txt")).read())
        """,
    )
    assert engine.predict(label, {}) == 7


def test_each_run_is_a_process_of_its_own(engine: RunningDeployment) -> None:
    label = engine.serve(
        "fresh",
        "1",
        """
        import os, sys
        assert __name__ == "__main__" and sys.argv[0].endswith(".py")
        assert not hasattr(os, "seen")
        os.seen = True
        print(os.getcwd(), os.getpid())
        """,
    )
    with ThreadPoolExecutor(4) as pool:
        outputs = [a.json()["output"] for a in pool.map(lambda _: engine.ask(label, {}), range(8))]
    assert len({output.split()[1] for output in outputs}) == 8
    assert {output.split()[0] for output in outputs} == {str(engine.repository)}


def test_an_exception_of_several_lines_is_told_by_its_first(engine: RunningDeployment) -> None:
    text = "Check failed: 8 columns\\nStack trace:\\n  [bt] (0) /usr/lib/x.so"
    label = engine.serve("lines", "1", f"import sys\nprint(sys.argv)\nraise ValueError('{text}')")
    assert (
        f"The scoring script of {label} failed: ValueError: Check failed: 8 columns … "
        "[bt] (0) /usr/lib/x.so (exit code 1)."
    ) == sentence(engine.ask(label, {}), 500)


def test_a_script_that_raises_tells_its_last_words(engine: RunningDeployment) -> None:
    label = engine.serve("raises", "1", "print('before')\nraise ValueError('no such borough')")
    answer = engine.ask(label, {})
    assert "ValueError: no such borough (exit code 1)" in sentence(answer, 500)
    told = answer.json()
    assert told["output"] == "before\n"
    assert "Traceback" in engine.get(f"/logs/{told['id']}")["logs"]


def test_a_script_that_exits_or_dies_says_how(engine: RunningDeployment) -> None:
    leaves = engine.serve("leaves", "1", "import sys\nsys.exit('wrong arguments')")
    assert "wrong arguments (exit code 1)" in sentence(engine.ask(leaves, {}), 500)
    dies = engine.serve("dies", "1", "import os\nos.kill(os.getpid(), 11)")
    assert "signal SIGSEGV" in sentence(engine.ask(dies, {}), 500)
    fine = engine.serve("fine", "1", "import sys\nprint(1)\nsys.exit(0)")
    assert engine.predict(fine, {}) == 1


def test_a_script_that_prints_nothing_is_told_to(engine: RunningDeployment) -> None:
    label = engine.serve("silent", "1", "import sys\nrow = sys.argv[1]")
    assert "it printed nothing; print the prediction" in sentence(engine.ask(label, {}), 500)


@pytest.mark.slow
def test_a_script_that_prints_too_much_is_cut(engine: RunningDeployment) -> None:
    label = engine.serve(
        "floods", "1", "print('42')\nfor _ in range(100):\n    print('x' * (1 << 20))"
    )
    before = psutil.Process(engine.process.pid).memory_info().rss
    told = engine.ask(label, {}).json()
    assert told["output"].startswith("42\n")
    assert len(told["output"]) == 1 << 20
    assert "cut after 1,048,576 bytes" in engine.get(f"/logs/{told['id']}")["logs"]
    assert psutil.Process(engine.process.pid).memory_info().rss - before < 50 << 20


@pytest.mark.slow
def test_a_script_that_hangs_is_ended_with_its_children(engine: RunningDeployment) -> None:
    label = engine.serve(
        "sleeps",
        "1",
        """
        import subprocess, sys, time
        child = subprocess.Popen(["sleep", "300"])
        print(child.pid, flush=True)
        time.sleep(300)
        """,
        **{TIMEOUT_KEY: "2"},
    )
    answer = engine.ask(label, {})
    assert "it was not done within 2 s" in sentence(answer, 504)
    child = int(answer.json()["output"])
    eventually(lambda: not runs(child))


def test_a_list_of_rows_is_refused(engine: RunningDeployment) -> None:
    label = engine.serve("one", "1", ECHO)
    message = sentence(engine.ask(label, [{"a": 1}]), 422)
    assert "must be an object or a string of arguments" in message


def test_as_many_run_at_once_as_there_are_processors(engine: RunningDeployment) -> None:
    label = engine.serve("slow", "1", "import time\ntime.sleep(0.1)\nprint(1)")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: engine.ask(label, {}), range(3 * (os.cpu_count() or 1))))
    assert {answer.status_code for answer in answers} == {200}
