"""What a cell would miss is told before it is sent, with what to do about it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_magics.errors import PreflightFailed, RemoteJobError
from tests.kd_client.test_legacy_engine import OldEngine, serving_old
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine
from tests.kd_magics.running_notebook import Notebook

CELL = "%%trainingengineinstance"


@pytest.fixture
def old_engine() -> Iterator[OldEngine]:
    """An engine of the 2020 product, which knows no /preflight."""
    with serving_old() as server:
        yield server


def findings(notebook: Notebook, cell: str) -> list[str]:
    """Return the lines of a cell that is not sent, without the first and the last one."""
    first, *lines, last = notebook.fails(cell, PreflightFailed).splitlines()
    assert first == "The cell was not sent, as it would fail there:"
    assert last == "--no-preflight sends it all the same."
    assert all(line.startswith("  - ") for line in lines)
    return [line.removeprefix("  - ") for line in lines]


def test_undefined_names_are_told_with_their_line_and_what_sends_them(
    notebook: Notebook, engine: RunningEngine
) -> None:
    before = engine.get("/history")
    notebook.good(
        "import json, numpy as np\nfrom pathlib import Path\ndf = [1]\nlr = 0.1\n"
        "def clean(x): return x\nclass Net: pass"
    )
    code = "print(lr, df)\nclean(1)\nNet()\nnp.zeros(1)\njson.dumps(1)\nPath()\nnowhere"
    assert findings(notebook, f"{CELL} --in lr\n{code}") == [
        "df (line 2) is a variable of the notebook: send it with --in lr,df",
        "clean (line 3) is a function of the notebook: define it in the cell, or send a module "
        "that has it with --files",
        "Net (line 4) is a class of the notebook: define it in the cell, or send a module that "
        "has it with --files",
        "np (line 5) is a module: write `import numpy as np` in the cell",
        "json (line 6) is a module: write `import json` in the cell",
        "Path (line 7): write `from pathlib import Path` in the cell",
        "nowhere (line 8) is not defined, neither in the cell nor in the notebook",
    ]
    assert findings(notebook, f"{CELL}\nget_ipython().run_line_magic('time', '1')") == [
        "get_ipython (line 2) is there in notebooks only, not in a job"
    ]
    assert engine.get("/history") == before


def test_what_it_says_to_do_helps(notebook: Notebook) -> None:
    notebook.good("df = [1]")
    (line,) = findings(notebook, f"{CELL}\nprint(df)")
    flags = line.partition("send it with ")[2]
    notebook.good(f"{CELL} --wait {flags}\nprint(df)")
    notebook.good(f"{CELL} --wait --param df=1\nprint(df)")


def test_comments_above_the_magic_move_no_line(notebook: Notebook) -> None:
    (line,) = findings(notebook, f"# note\n\n{CELL}\nx = 1\nprint(nowhere)")
    assert line.startswith("nowhere (line 5) ")


def test_missing_modules_are_told_with_what_installs_them(notebook: Notebook) -> None:
    engine_python = notebook.good("import platform; platform.python_version()").value
    code = "import os\nimport cv2\nfrom my_rates.deep import rate"
    assert findings(notebook, f"{CELL}\n{code}") == [
        f"module cv2 (line 3) is not installed on {CLUSTER} (Python {engine_python}): add "
        "--requirements opencv-python, or, where it is yours, --files cv2.py",
        f"module my_rates (line 4) is not installed on {CLUSTER} (Python {engine_python}): add "
        "--requirements my_rates, or, where it is yours, --files my_rates.py",
    ]


def test_modules_that_go_with_it_or_are_installed_are_not_missed(
    notebook: Notebook, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(surroundings)
    (surroundings / "my_rates.py").write_text("rate = 1")
    notebook.good(f"{CELL} --wait --files my_rates.py\nimport my_rates")
    told = notebook.good(f"{CELL} --dry-run --requirements opencv-python\nimport cv2").text
    assert told.startswith("Nothing was sent.")


def test_missing_files_are_told(notebook: Notebook, engine: RunningEngine) -> None:
    (engine.repository / "data").mkdir(exist_ok=True)
    (engine.repository / "data" / "there.csv").write_text("a,b")
    code = "open('data/there.csv')\nopen('repo://project_repo/data/gone.csv')\nopen('data/no.csv')"
    where = f"is not there in {CLUSTER}'s project repository"
    hint = "puts it there, or check the spelling"
    assert findings(notebook, f"{CELL}\n{code}") == [
        f"repo://project_repo/data/gone.csv (line 3) {where}: "
        f"%put gone.csv --to repo://project_repo/data/ {hint}",
        f"data/no.csv (line 4) {where}: %put no.csv --to data/ {hint}",
    ]
    notebook.good(f"{CELL} --wait\nopen('data/there.csv').close()")


def test_many_findings_are_cut(notebook: Notebook) -> None:
    lines = findings(notebook, f"{CELL}\n" + "\n".join(f"name_{n}" for n in range(20)))
    assert len(lines) == 9
    assert lines[-1] == "and 12 more"


def test_it_can_be_left_out_for_a_cell_and_for_a_notebook(notebook: Notebook) -> None:
    code = "print('begun', flush=True)\nnowhere"
    shown = notebook.run(f"{CELL} --wait --no-preflight\n{code}")
    assert isinstance(shown.error, RemoteJobError)
    assert "begun\n" in shown.text
    notebook.good("%config KdMagics.preflight = False")
    assert notebook.good(f"{CELL}\n{code}").text.startswith("History URL: ")
    # A dry run is there to tell it.
    findings(notebook, f"{CELL} --dry-run\n{code}")
    notebook.good("%config KdMagics.preflight = True")
    findings(notebook, f"{CELL}\n{code}")


def test_a_cluster_without_a_token_is_told(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.attach({CLUSTER: [(engine.url, "")]})
    (line,) = findings(notebook, f"{CELL}\nprint(1)")
    assert CLUSTER in line
    assert "has no token" in line


def test_an_engine_of_2020_cannot_be_asked_and_gets_the_cell(
    empty_notebook: Notebook, old_engine: OldEngine
) -> None:
    empty_notebook.attach({CLUSTER: [(old_engine.url, TOKEN)]})
    shown = empty_notebook.good(f"{CELL}\nimport cv2\nopen('data/none.csv')\n")
    assert shown.text == f"History URL: {old_engine.url}/history/1\n"
    (line,) = findings(empty_notebook, f"{CELL}\nnowhere")
    assert line.startswith("nowhere (line 2) ")
