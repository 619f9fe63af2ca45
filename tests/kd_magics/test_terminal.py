"""The real command `kd` with a real engine: the magics' words, and exit statuses."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_magics import face
from kd_magics.catalogue import COMMANDS
from kd_magics.options import split_line
from tests.kd_engines.local.running_home import RunningHome
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine
from tests.kd_magics.running_command import fails, good, kd

HALVES = """
import pathlib
model = pathlib.Path("models/halves/1")
model.parent.mkdir(parents=True, exist_ok=True)
model.write_text("0.5")
script = "def load(path):\\n    return float(open(path).read())\\n"
script += "def predict(model, args):\\n    return model * args['miles']\\n"
pathlib.Path("code/halves.py").write_text(script)
"""


@pytest.mark.slow
def test_a_file_becomes_a_job_that_the_other_commands_know(
    attached: Path, engine: RunningEngine
) -> None:
    file = attached / "it is.py"
    file.write_text("print('{braces} $HOME')\n")
    name = "a name; with {signs} $HOME"
    told = good("train", str(file), "--cluster", CLUSTER, "--wait", "--name", name)
    history, *log = told.splitlines()
    job = int(history.rpartition("/")[2])
    assert history == f"History URL: {engine.url}/history/{job}"
    assert "{braces} $HOME" in log
    message = engine.get(f"/jobs/{job}")
    assert message["name"] == name
    assert message["user"] == "ada"
    assert message["origin"]["file"] == str(file)
    assert "{braces} $HOME" in good("logs", str(job))
    listed = good("jobs", "--mine", "--limit", "1")
    assert listed.splitlines()[2].startswith(f"{CLUSTER}/{job}  {name}")
    assert f"kd logs {CLUSTER}/{job} shows a log" in listed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "printed"),
    [
        (b"\xef\xbb\xbfprint('a mark')\r\n", "a mark"),
        (b"# coding: latin-1\nprint('dur\xe9e')", "durée"),
        (b"# coding: cp1252\nprint('\x80')", "€"),
    ],
)
def test_a_file_is_decoded_as_python_does(attached: Path, source: bytes, printed: str) -> None:
    file = attached / "train.py"
    file.write_bytes(source)
    assert printed in good("train", str(file), "--cluster", CLUSTER, "--wait")


def test_a_file_that_python_cannot_decode_is_told(attached: Path) -> None:
    for source in (b"print('dur\xe9e')", b"# coding: klingon\nprint(1)"):
        file = attached / "train.py"
        file.write_bytes(source)
        told = kd("train", str(file), "--cluster", CLUSTER).stderr
        assert "train.py is not a Python file: it is neither UTF-8 text nor what its" in told


@pytest.mark.slow
def test_standard_input_and_the_only_cluster_do(attached: Path) -> None:
    assert "from a pipe" in good("train", "-", "--wait", stdin="print('from a pipe')")


@pytest.mark.slow
def test_a_job_is_cancelled_and_explained(attached: Path, engine: RunningEngine) -> None:
    code = "import time\nprint('loss=0.25', flush=True)\ntime.sleep(300)"
    told = good("train", "-", "--param", "lr=0.1", stdin=code)
    job = int(told.splitlines()[0].rpartition("/")[2])
    eventually(lambda: (engine.get(f"/jobs/{job}")["progress"] or {}).get("metrics"))
    compared = good("jobs", "--compare", "loss", "--limit", "1")
    assert compared.splitlines()[2].split()[-2:] == ["0.1", "0.25"]
    assert "Cancelled" in good("cancel", f"{CLUSTER}/{job}")
    assert "Cancelled" in good("why", str(job))


@pytest.mark.slow
def test_a_failed_job_that_was_waited_for_is_status_1(attached: Path) -> None:
    done = kd("train", "-", "--wait", "--cluster=trainingengineinstance", stdin="1/0")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout + done.stderr
    assert done.stderr.startswith("kd train: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train"], "arguments are required: FILE"),
        (["train", "--wait"], "arguments are required: FILE"),
        (["train", "no.py"], "no.py cannot be read"),
        (["train", "-", "--cluster"], "--cluster: expected one argument"),
        (["train", "-", "--cluster", "nowhere"], "nowhere"),
        (["train", "-"], "no code"),
        (["logs", "nine"], "kd logs: 'nine' is not a job number"),
        (["jobs", "--status", "done"], "See kd jobs --help"),
        (["jobs", "--token", "x"], "takes no token"),
        (["register", "taxi"], "kd register NAME --job CLUSTER/9 takes it from a job"),
        (["predict", "taxi/1", "ride"], """'ride'. Write it like {"distance": 1.5}.\n"""),
        (["register", "taxi", "--metrics", "good"], """'good'. Write it like"""),
        (["predict", "taxi/1", "{}"], "No deployment cluster"),
        (["deploy", "taxi/1"], "No model taxi/1"),
    ],
)
def test_errors_are_one_line(attached: Path, words: list[str], told: str) -> None:
    assert told in fails(*words)


@pytest.mark.slow
def test_models_are_registered_and_named(attached: Path) -> None:
    repository = attached / "project_repo"
    for path in ("models/taxi/1", "code/score.py"):
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text("print(1)")
    assert good("models").startswith("No model is registered yet. kd register --help shows how")
    told = good(
        "register", "taxi", "--path", "models/taxi/1", "--scoring", "code/score.py",
        "--metrics", '{"mae": 2}', "--description", "it's new",
    )  # fmt: skip
    assert told == "Registered taxi/1 as ConfigMap taxi-1.\n"
    good("alias", "taxi/1", "champion")
    row = good("models").splitlines()[2]
    cells = [cell.strip() for cell in row.split("  ") if cell]
    assert cells == ["taxi", "1", "champion", "it's new", "mae 2", "Not deployed"]
    assert "is not deployed" not in good("describe", "taxi/1", "older")
    good("alias", "taxi", "champion", "--delete")
    good("unregister", "taxi/1")


@pytest.mark.parametrize(
    "words", [["attachments"], ["logs", "--tail", "100000"], ["jobs", "--json"]]
)
def test_who_reads_the_first_line_only_sees_no_traceback(
    attached: Path, engine: RunningEngine, words: list[str]
) -> None:
    engine.run("for number in range(100_000): print(number)")
    command = [sys.executable, "-m", "kd_engines", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode in (0, 141)


@pytest.mark.slow
def test_attachments_and_deployments_without_a_notebook(attached: Path) -> None:
    lines = good("attachments").splitlines()
    assert lines[:3] == [
        "Training Cluster        ML Engine",
        "----------------------  -----------",
        "trainingengineinstance  python",
    ]
    assert "  answers  " in "\n".join(lines)
    assert "See kd attachments." in good("deployments")


@pytest.mark.slow
def test_with_kd_up_nothing_has_to_be_named(tmp_path: Path) -> None:
    home = RunningHome(tmp_path / "home", deployment=True)
    home.up()
    try:
        file = tmp_path / "train.py"
        file.write_text(HALVES)
        for words in (
            ["train", str(file), "--wait"],
            ["register", "halves", "--job", "1"],
            ["deploy", "halves/1"],
            ["predict", "halves/1", '{"miles": 7}'],
            ["deployments"],
            ["undeploy", "halves/1"],
        ):
            done = home.kd(*words)
            assert done.returncode == 0, done.stderr
            if words[0] == "predict":
                assert done.stdout == "3.5\n"
            if words[0] == "deployments":
                assert "halves/1  yes     Ready" in done.stdout
    finally:
        home.kd("down")


@pytest.mark.slow
def test_help_lists_the_commands_and_each_has_its_own(attached: Path) -> None:
    told = good("--help")
    assert "Jobs and models" in told
    for name, command in COMMANDS.items():
        assert (f" {name} " in told) == command.in_terminal
    assert good("jobs", "--help").startswith("Show the jobs of all training clusters")
    assert "kd jobs --status running" in good("jobs", "--help")
    assert "--timeout" in good("train", "--help")


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=12), max_size=6))
def test_words_arrive_as_a_shell_gave_them(words: list[str]) -> None:
    assert split_line(shlex.join(words), {"v": 1}, "%magic") == words


@pytest.mark.parametrize("name", [name for name in COMMANDS if COMMANDS[name].in_terminal])
def test_help_speaks_to_who_reads(name: str) -> None:
    with face.terminal():
        told = COMMANDS[name].help()
    assert f"    kd {name}" in told
    for other in ("%", "notebook is", "this notebook", "of the cell", "_job"):
        assert other not in told.replace("notebook are kept", "")
    in_notebook = COMMANDS[name].help()
    assert "kd " not in in_notebook.replace("kd up", "")
    assert "{" not in told.replace('{"', "").replace("{, which", "")


@pytest.mark.slow
def test_output_is_seen_as_it_comes(attached: Path, engine: RunningEngine) -> None:
    code = "import time\nprint('early', flush=True)\ntime.sleep(600)"
    job = engine.submit(code)["id"]
    with subprocess.Popen(
        [sys.executable, "-m", "kd_engines", "logs", "-f", str(job)],
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        try:
            assert watching.stdout is not None
            assert "early\n" in iter(watching.stdout.readline, "")
            watching.send_signal(signal.SIGINT)
            assert "kd cancel" in watching.stdout.read()
        finally:
            watching.kill()
    engine.call("POST", f"/jobs/{job}/cancel")
