"""The design rules of cells that are sent and of their jobs, each by its number."""

import platform
import re
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from kd_magics.cells import provenance
from kd_magics.errors import BadOptions, InvalidCell, PreflightFailed, RemoteJobError
from kd_pipeline.errors import InvalidInput, TooLarge, Unauthorized, UnknownCluster
from kd_pipeline.registry import open_registry
from tests.kd_client.test_http_client import serving
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_kernel import RunningKernel, printed
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"
WAIT = f"{CELL} --wait"


def newest(engine: RunningEngine) -> dict[str, Any]:
    """Return the newest job of an engine."""
    return dict(engine.get("/jobs?limit=1")["jobs"][0])


def test_rule_02_the_job_is_in_a_variable_and_logs_needs_no_url(
    notebook: Notebook, engine: RunningEngine
) -> None:
    url = notebook.good(f"{CELL} -o mine --out n\nprint('one')\nn = 3").text.split()[-1]
    job = notebook.good("_job.wait()").value
    assert (job.status, job.log(), job.result, job.url) == ("Finished", "one\n", 3, url)
    assert job.wait() is job
    assert notebook.shell.user_ns["mine"] is job
    other = engine.submit("print('other')")["id"]
    engine.wait(other)
    for reference in ("", f"{job.id}", f"{CLUSTER}/{job.id}", f"--url {url}"):
        assert notebook.good(f"%logs {reference}").text == "Job Status: Finished\none\n"
    assert notebook.good(f"%logs {other}").text.endswith("\nother\n")
    notebook.good(f"{CELL}\nimport time\ntime.sleep(60)")
    notebook.good("_job.cancel()")
    assert notebook.good("_job.wait().status").value == "Cancelled"


@pytest.mark.parametrize(
    ("flags", "code", "status", "reason", "lines"),
    [
        ("", "def f(n):\n    return 1 / n\nf(0)", "Failed", "division by zero", ["4", "3"]),
        ("--no-preflight ", "\nimport not_there", "Failed", "--requirements not_there", ["3"]),
        (
            "",
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            "Failed",
            "killed by SIGKILL",
            [],
        ),
        (
            "--memory 100m ",
            "import time\nx = bytearray(b'1') * (150 << 20)\ntime.sleep(60)",
            "OutOfMemory",
            "of its limit of 100 MiB",
            [],
        ),
    ],
)
def test_rule_05_a_failed_job_is_a_short_error_with_the_lines_of_its_cell_and_its_reason(
    notebook: Notebook, flags: str, code: str, status: str, reason: str, lines: list[str]
) -> None:
    shown = notebook.run(f"{CELL} --wait {flags}\n{code}")
    error = shown.error
    assert type(error) is RemoteJobError
    assert error.status == status
    assert reason in error.in_notebook()
    assert "\n" not in str(error)
    places = [found[1] for text in error.remote if (found := re.match(r"  line (\d+)(,|$)", text))]
    assert places == lines
    assert "kd_magics" not in shown.text
    assert "kd_engines" not in shown.text


def test_rule_05_run_all_stops_at_a_failed_job(kernel: RunningKernel) -> None:
    fails, after = kernel.send(f"{WAIT}\n1 / 0"), kernel.send("print('went on')")
    (error,) = [m for m in kernel.finish(fails) if m["msg_type"] == "error"]
    assert error["content"]["ename"] == "RemoteJobError"
    assert "line 2" in error["content"]["evalue"]
    kernel.finish(after)
    assert printed(kernel.of(after)) == ""
    assert "went on" in kernel.good(f"{WAIT} --no-raise\n1 / 0\n") + kernel.good("print('went on')")


def test_rule_06_a_cell_whose_answer_was_lost_is_one_job_and_one_that_is_run_again_another(
    notebook: Notebook, engine: RunningEngine
) -> None:
    lost: list[str] = []

    def lose(handler: BaseHTTPRequestHandler) -> None:
        """Pass a submission on, but break the connection before its answer."""
        body = handler.rfile.read(int(handler.headers["Content-Length"] or 0))
        if handler.command == "POST" and handler.path == "/jobs":
            kind = {"Content-Type": "application/json"}
            lost.append(engine.call("POST", "/jobs", data=body, headers=kind).json()["id"])
        handler.connection.shutdown(2)
        handler.close_connection = True

    before = len(engine.get("/history"))
    with serving(lose) as url:
        notebook.attach({CLUSTER: [(url, TOKEN), (engine.url, TOKEN)]})
        notebook.good(f"{WAIT}\nprint(1)")
        assert [notebook.shell.user_ns["_job"].id] == lost
    assert len(engine.get("/history")) == before + 1
    notebook.attach({CLUSTER: [(engine.url, TOKEN)]})
    notebook.good(f"{WAIT}\nprint(1)")
    assert len(engine.get("/history")) == before + 2


def test_rule_08_progress_comes_from_ordinary_prints(
    notebook: Notebook, engine: RunningEngine
) -> None:
    code = (
        "import time\n"
        "for epoch in range(1, 5):\n"
        "    print(f'epoch {epoch}/8 loss={1 / epoch:.2f}', flush=True)\n"
        "    time.sleep(0.3)\n"
        "time.sleep(60)"
    )
    notebook.good(f"{CELL}\n{code}")
    job = notebook.shell.user_ns["_job"]

    def half() -> Any:
        told = job.progress
        return told if told and told.current == 4 and told.eta_s else None

    found = eventually(half)
    assert (found.fraction, found.total, found.unit) == (0.5, 8, "epoch")
    assert found.metrics == {"loss": 0.25}
    assert "50%" in repr(notebook.good("%jobs").value)
    job.cancel()


def test_rule_09_what_goes_and_comes_is_named_told_and_limited(
    notebook: Notebook,
    surroundings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(surroundings)
    (surroundings / "util.py").write_text("def twice(x):\n    return 2 * x\n")
    notebook.good("rows, hidden, odd, large = [1, 2], 3, (1, {2}), 'x' * 17_000_000")
    cell = f"{WAIT} --in rows --files util.py --param k=2 --out total"
    shown = notebook.good(f"{cell}\nfrom util import twice\ntotal = twice(sum(rows)) * k")
    assert shown.text.splitlines()[1] == ("Sent: rows (list, JSON, 6 B), util.py (31 B).")
    assert notebook.shell.user_ns["total"] == 12
    # Nothing goes along that is not named.
    assert "--in hidden" in notebook.fails(f"{CELL}\nprint(hidden)", PreflightFailed)
    assert "--pickle" in notebook.fails(f"{CELL} --in odd\nprint(odd)", InvalidInput)
    assert "16 MiB are the limit" in notebook.fails(f"{CELL} --in large\nprint(large)", TooLarge)
    shown = notebook.good(f"{WAIT} --pickle --in odd,rows --out odd\nodd = (*odd, *rows)")
    assert "odd (tuple, a pickle, " in shown.text
    assert "rows (list, JSON, 6 B)" in shown.text
    assert notebook.shell.user_ns["odd"] == (1, {2}, 1, 2)
    with monkeypatch.context() as other:
        other.setattr(platform, "python_version_tuple", lambda: ("3", "9", "1"))
        sentence = notebook.fails(f"{CELL} --pickle --in odd\nprint(odd)", PreflightFailed)
    assert "odd would be a pickle of Python 3.9" in sentence


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        (f"{CELL}\nx = (", InvalidCell, "line 1 below the cell's first line"),
        (f"{CELL}\nprint(nowhere)", PreflightFailed, "nowhere (line 2) is not defined"),
        (f"{CELL}\nimport cv2", PreflightFailed, "--requirements opencv-python"),
        (f"{CELL}\nopen('data/none.csv')", PreflightFailed, "data/none.csv (line 2) is not there"),
        (f"{CELL} --gpus 100\nprint(1)", PreflightFailed, "--gpus"),
        ("%%gone\nprint(1)", UnknownCluster, "There is no cell magic %%gone"),
    ],
)
def test_rule_10_what_would_fail_there_is_told_before_it_is_sent(
    notebook: Notebook, engine: RunningEngine, cell: str, error: type[Exception], words: str
) -> None:
    before = engine.get("/history")
    assert words in notebook.fails(cell, error)
    assert engine.get("/history") == before


def test_rule_10_a_missing_token_is_told_and_what_is_needed_is_found_where_it_is(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.good(f"{WAIT}\nimport json, pytest\nprint(json.dumps(1), __name__)")
    notebook.attach({CLUSTER: [(engine.url, "")]})
    sentence = notebook.fails(f"{CELL}\nprint(1)", PreflightFailed)
    assert f"configmeta.json has no token for cluster {CLUSTER}" in sentence


def test_rule_17_no_token_is_in_a_line_a_repr_a_traceback_or_a_log(
    notebook: Notebook, engine: RunningEngine
) -> None:
    assert "takes no token" in notebook.fails(f"{CELL} --token abc\nprint(1)", BadOptions)
    assert "secret" in notebook.fails(f"{CELL} --env API_KEY=k-123\nprint(1)", BadOptions)
    code = (
        "import json, os, sys\nprint(dict(os.environ), sys.argv)\n"
        "password = 'hunter' + str(2)\nraise OSError(json.dumps(1))"
    )
    shown = notebook.run(f"{WAIT}\n{code}")
    assert isinstance(shown.error, RemoteJobError)
    job = notebook.shell.user_ns["_job"]
    assert "KD_PROJECT_REPO" in job.log()
    why = notebook.good("%why").outputs[0]
    kept = engine.job_folder(job.id)
    files = [path.read_bytes() for path in kept.rglob("*") if path.is_file()]
    for text in (job.log(), repr(vars(job)), repr(job.client.__dict__), str(why), str(files)):
        assert TOKEN not in text
    for text in (shown.everything, "\n".join(shown.error.remote), str(why)):
        assert "hunter2" not in text
    notebook.attach({CLUSTER: [(engine.url, "f00d" * 8)]})
    assert "f00d" not in notebook.fails(f"{CELL}\nprint(1)", Unauthorized)


def test_rule_20_a_job_and_its_model_tell_where_they_come_from(
    notebook: Notebook, engine: RunningEngine, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = surroundings / "work"
    repository.mkdir()
    (repository / "taxi.ipynb").write_text("{}")
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", repository, *words], check=True)
    monkeypatch.setattr(provenance, "GIT_S", 5.0)  # a busy machine
    monkeypatch.setenv("JPY_SESSION_NAME", str(repository / "taxi.ipynb"))
    monkeypatch.setenv("KD_PROJECT_REPO", str(engine.repository))
    code = (
        "import pathlib\nfor folder in ('models', 'code'):\n"
        "    pathlib.Path(folder).mkdir(exist_ok=True)\n"
        "pathlib.Path('models/taxi.bin').write_text(str(depth))\n"
        "pathlib.Path('code/score.py').write_text('print(1)')"
    )
    notebook.good(f"{WAIT} --param depth=6\n{code}")
    told = newest(engine)
    assert told["params"] == {"depth": 6}
    assert len(told["code_sha256"]) == 64
    origin = told["origin"]
    assert origin["notebook"] == str(repository / "taxi.ipynb")
    assert (len(origin["git_commit"]), origin["git_dirty"]) == (40, "no")
    assert origin["python"] == platform.python_version()
    notebook.good("%register taxi --path models/taxi.bin --scoring code/score.py")
    (model,) = open_registry().models()
    for key in ("git_commit", "git_dirty", "notebook"):
        assert model.extra[key.replace("_", "-")] == origin[key]
    assert model.extra["job-id"] == str(told["id"])
    assert model.extra["code-sha256"] == told["code_sha256"]
    assert model.extra["params"] == '{"depth": 6}'


def test_rule_20_a_front_end_s_cell_is_told(kernel: RunningKernel, engine: RunningEngine) -> None:
    kernel.good(f"{CELL}\nprint(1)")
    assert newest(engine)["origin"]["notebook"] == "notebooks/try.ipynb"
