"""A cell that is sent: what goes with it, what comes back, and what its options do."""

import json
import re
from pathlib import Path

import pytest

from kd_magics.errors import BadOptions, NoResult, PreflightFailed, RemoteJobError
from kd_pipeline.errors import InvalidInput, TooLarge
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_engines.training.test_requirements import write_wheel
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"
WAIT = f"{CELL} --wait"


@pytest.fixture
def folder(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the kernel works."""
    monkeypatch.chdir(surroundings)
    return surroundings


def history(engine: RunningEngine) -> list[int]:
    """Return the numbers of all jobs of an engine."""
    return [job["id"] for job in engine.get("/history")]


def test_a_table_and_a_dict_go_with_it_and_come_back(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.good(
        "import pandas as pd\n"
        "df = pd.DataFrame({'miles': [1.5, 2.5], 'zone': ['a', 'b']})\n"
        "settings = {'depth': 3, 'names': ['x', None]}"
    )
    shown = notebook.good(
        f"{WAIT} --in df,settings --out longer,told\n"
        "longer = df.assign(miles=df['miles'] * settings['depth'])\n"
        "told = {'settings': settings, 'kind': type(df).__name__}"
    )
    first, second = shown.text.splitlines()[:2]
    number = engine.get("/jobs?limit=1")["jobs"][0]["id"]
    assert first == f"History URL: {engine.url}/history/{number}"
    assert re.fullmatch(
        r"Sent: df \(DataFrame 2 × 2, Arrow, [\d,]+ k?B\), "  # noqa: RUF001
        r"settings \(dict, JSON, 34 B\)\.",
        second,
    )
    assert shown.text.endswith(f"Set from job {number}: longer, told.\n")
    variables = notebook.shell.user_ns
    assert variables["longer"].to_dict("list") == {"miles": [4.5, 7.5], "zone": ["a", "b"]}
    assert variables["told"] == {"settings": variables["settings"], "kind": "DataFrame"}
    result = notebook.good("_job.result").value
    assert set(result) == {"longer", "told"}
    assert result["longer"].equals(variables["longer"])


def test_without_waiting_the_result_is_in_the_job(notebook: Notebook) -> None:
    notebook.good(f"{CELL} --out score -o mine\nscore = 0.5")
    assert "score" not in notebook.shell.user_ns
    assert notebook.good("mine is _job").value
    assert notebook.good("_job.wait().result").value == 0.5
    notebook.good(f"{CELL}\nscore = 0.5")
    notebook.good("_job.wait()")
    assert "--out NAME" in notebook.fails("_job.result", NoResult)


def test_an_output_that_the_cell_does_not_make_is_told_and_the_others_are_kept(
    notebook: Notebook,
) -> None:
    sentence = notebook.fails(f"{WAIT} --out score,rate\nscore = 1", NoResult)
    assert "rate" in sentence
    assert notebook.shell.user_ns["score"] == 1


def test_a_tuple_is_refused_with_what_to_do(notebook: Notebook, engine: RunningEngine) -> None:
    before = history(engine)
    notebook.good("pair = (1, 2)")
    sentence = notebook.fails(f"{CELL} --in pair\nprint(pair)", InvalidInput)
    assert "pair" in sentence
    assert "tuple" in sentence
    assert "list" in sentence
    assert history(engine) == before


def test_with_pickle_whatever_is_sent_comes_back_as_it_was(notebook: Notebook) -> None:
    notebook.good("pair = (1, {2, 3})")
    shown = notebook.good(f"{WAIT} --pickle --in pair --out again\nagain = (*pair, 4j)")
    assert "Sent: pair (tuple, a pickle, " in shown.text
    assert notebook.shell.user_ns["again"] == (1, {2, 3}, 4j)
    assert notebook.good("_job.result").value == (1, {2, 3}, 4j)


def test_a_value_that_is_too_large_is_told_with_the_limit(
    notebook: Notebook, engine: RunningEngine
) -> None:
    before = history(engine)
    notebook.good("text = 'x' * 17_000_000")
    assert "16 MiB are the limit" in notebook.fails(f"{CELL} --in text\nprint(text)", TooLarge)
    notebook.good("import numpy as np\narray = np.zeros(3_000_000)")
    sentence = notebook.fails(f"{CELL} --in array\nprint(array)", TooLarge)
    assert "16 MiB as Arrow are the limit" in sentence
    assert "numpy.save(" in sentence
    assert history(engine) == before


def test_modules_and_packages_go_with_it(notebook: Notebook, folder: Path) -> None:
    (folder / "rates.py").write_text("def rate(n):\n    return n * 2\n")
    (folder / "pkg").mkdir()
    (folder / "pkg" / "__init__.py").write_text("from pkg.deep import name\n")
    (folder / "pkg" / "deep.py").write_text("name = 'deep'\n")
    shown = notebook.good(
        f"{WAIT} --files rates.py,pkg --out found\n"
        "from rates import rate\nimport pkg\nfound = [rate(4), pkg.name]"
    )
    assert "\nSent: rates.py (30 B), pkg/__init__.py (26 B), pkg/deep.py (14 B).\n" in shown.text
    assert notebook.shell.user_ns["found"] == [8, "deep"]
    assert notebook.good("_job.last.files").value == ["pkg/__init__.py", "pkg/deep.py", "rates.py"]


def test_params_are_variables_of_the_cell(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good("n = 7")
    notebook.good(
        f"{WAIT} --param lr=0.1 --param kind=big --param 'sizes=[1, 2]' --param n={{n}} --out got\n"
        "got = [lr, kind, sizes, n]"
    )
    assert notebook.shell.user_ns["got"] == [0.1, "big", [1, 2], 7]
    params = {"lr": 0.1, "kind": "big", "sizes": [1, 2], "n": 7}
    assert engine.get("/jobs?limit=1")["jobs"][0]["params"] == params
    assert notebook.good("_job.params").value == params


def test_a_param_that_the_cell_replaces_is_told_below_the_first_line(notebook: Notebook) -> None:
    shown = notebook.good(f"{WAIT} --param lr=0.5\nimport math\nlr = 0.1\nprint(lr)")
    first, second, *rest = shown.text.splitlines()
    assert first.startswith("History URL: ")
    assert second == "lr is set in line 3 of the cell, which replaces the param."
    assert "0.1" in rest
    notebook.good("x = 1")
    words = "x is given by --in and by --param"
    assert words in notebook.fails(f"{CELL} --in x --param x=2\nprint(x)", BadOptions)


def test_variables_of_the_environment(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good(f"{WAIT} --env MODE=fast\nimport os\nprint(os.environ['MODE'])")
    assert notebook.good("_job.log()").value == "fast\n"
    before = history(engine)
    sentence = notebook.fails(f"{CELL} --env DB_PASSWORD=hunter2\nprint(1)", BadOptions)
    assert "looks like a secret" in sentence
    assert "hunter2" not in sentence
    assert history(engine) == before


def test_requirements_that_are_there_and_that_are_installed(
    notebook: Notebook, tmp_path: Path
) -> None:
    write_wheel(tmp_path / "wheels", "kd_small", "1.0", "answer = 42")
    notebook.good(
        f"{WAIT} --env PIP_NO_INDEX=1 --requirements 'pytest>=7' --out found\n"
        "import pytest\nfound = pytest.__name__"
    )
    assert notebook.shell.user_ns["found"] == "pytest"
    links = f"--env PIP_NO_INDEX=1 --env PIP_FIND_LINKS={tmp_path / 'wheels'}"
    shown = notebook.good(
        f"{WAIT} {links} --requirements kd_small --out answer\nfrom kd_small import answer"
    )
    assert shown.text.startswith("History URL: ")
    assert notebook.shell.user_ns["answer"] == 42
    sentence = notebook.fails(f"{CELL} --requirements './local'\nprint(1)", PreflightFailed)
    assert "./local" in sentence


def test_a_clean_job_has_a_python_of_its_own(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good(f"{WAIT} --clean --out frozen\nimport gc; frozen = gc.get_freeze_count()")
    assert notebook.shell.user_ns["frozen"] == 0
    job = notebook.shell.user_ns["_job"]
    assert engine.get(f"/jobs/{job.id}")["clean"] is True
    again = engine.call("POST", f"/jobs/{job.id}/rerun", json={}).json()
    assert again["clean"] is True


def test_a_timeout_ends_the_job(notebook: Notebook) -> None:
    cell = f"{WAIT} --timeout 1s\nimport time\nprint('begun', flush=True)\ntime.sleep(60)"
    shown = notebook.run(cell)
    assert isinstance(shown.error, RemoteJobError)
    assert shown.error.status == "TimedOut"
    assert "1 s" in str(shown.error)
    assert "--timeout 2h gives more time." in shown.error.in_notebook()
    assert "begun\n" in shown.text


def test_a_memory_limit_ends_the_job(notebook: Notebook) -> None:
    cell = (
        f"{WAIT} --memory 100m\nimport time\nheld = bytearray(b'1') * (150 << 20)\ntime.sleep(60)"
    )
    shown = notebook.run(cell)
    assert isinstance(shown.error, RemoteJobError)
    assert shown.error.status == "OutOfMemory"
    assert re.search(
        r"OutOfMemory\. It used 1\d\d MiB of its limit of 100 MiB\. --memory 200MiB asks for more",
        shown.error.in_notebook(),
    )


def test_more_than_the_engine_has_is_refused_before_it_is_sent(
    notebook: Notebook, engine: RunningEngine
) -> None:
    before = history(engine)
    for flags in ("", "--no-preflight "):
        shown = notebook.run(f"{CELL} {flags}--cpus 5000\nprint(1)")
        assert isinstance(shown.error, InvalidInput)
        assert "--cpus" in str(shown.error)
    assert history(engine) == before


def test_no_raise_prints_why_and_goes_on(notebook: Notebook) -> None:
    shown = notebook.good(f"{WAIT} --no-raise --out x\nx = 1 / 0")
    number = notebook.good("_job.id").value
    assert shown.text.splitlines()[-1] == (
        f"Job {number} on {CLUSTER}: Failed. ZeroDivisionError: division by zero (line 2)."
    )
    assert "x" not in notebook.shell.user_ns


def test_a_dry_run_sends_nothing(notebook: Notebook, engine: RunningEngine, folder: Path) -> None:
    (folder / "util.py").write_text("x = 1")
    before = history(engine)
    notebook.good("n = 3")
    told = notebook.good(
        f"{CELL} --dry-run --wait --in n --files util.py --param lr=0.1\nimport util\nprint(n, lr)"
    )
    assert told.text == (
        f"Nothing was sent. It would be 1 job on {CLUSTER}, 2 lines of code each.\n"
        "It would take along: n (int, JSON, 1 B), util.py (5 B).\n"
        "Params: lr=0.1\n"
    )
    told = notebook.good(f"{CELL} --dry-run --grid lr=1,2\nprint(lr)")
    assert told.text == (
        f"Nothing was sent. It would be 2 jobs on {CLUSTER}, 1 line of code each.\n"
        "Params: lr=1\nParams: lr=2\n"
    )
    assert "nowhere" in str(notebook.run(f"{CELL} --dry-run\nprint(nowhere)").error)
    assert history(engine) == before
    assert "_job" not in notebook.shell.user_ns


def test_the_last_error_of_a_waiting_cell_leaves_its_job_in_the_variable(
    notebook: Notebook,
) -> None:
    notebook.fails(f"{WAIT} -o mine\nraise SystemExit(3)", RemoteJobError)
    assert notebook.good("mine.status").value == "Failed"
    assert notebook.good("_job is mine").value


def test_what_was_sent_is_told_to_a_saved_notebook_without_a_token(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.good("rows = [1]")
    shown = notebook.good(f"{CELL} --in rows --name x\nprint(rows)")
    assert shown.text.splitlines()[1:] == ["Sent: rows (list, JSON, 3 B)."]
    assert TOKEN not in json.dumps(engine.get("/jobs?limit=1"))
