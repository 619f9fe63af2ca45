"""`kd train FILE` is a run of a script: its file, its arguments, the modules beside it."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_command import kd

pytestmark = pytest.mark.slow


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text))


def log_of(done: Any) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout).partition("\n")[2].removesuffix("Job Status: Finished\n")


WHERE = """
    import sys
    from pathlib import Path
    import util
    from pkg.inner import NAME
    print(Path(__file__).name, Path(__file__).resolve().parent.name, __name__)
    print(sys.argv[1:], Path(sys.argv[0]).name, util.twice(2), NAME)
    print(Path(__file__).with_name("rides.csv").read_text(), open("src/rides.csv").read())
    "not shown, as Python does not"
"""


def test_a_script_has_its_file_its_arguments_and_what_is_beside_it(
    attached: Path,
) -> None:
    write(
        attached,
        {
            "src/where.py": WHERE,
            "src/util.py": "from deeper import TWO\ndef twice(n): return TWO * n\n",
            "src/deeper.py": "TWO = 2\n",
            "src/pkg/__init__.py": "",
            "src/pkg/inner.py": "NAME = 'inner'\n",
            "src/unused.py": "1 / 0\n",
            "src/rides.csv": "miles",
        },
    )
    words = ["src/where.py", "--wait", "--files", "src/rides.csv", "--", "--lr", "0.1", "a b"]
    log = log_of(kd("train", *words, cwd=attached))
    sent, *lines = log.splitlines()
    assert "src/pkg/inner.py (" in sent
    assert "where.py" not in sent
    assert "unused" not in sent
    assert lines == [
        "where.py src __main__",
        "['--lr', '0.1', 'a b'] where.py 4 inner",
        "miles miles",
    ]


def test_a_script_from_elsewhere_has_its_own_folder(attached: Path, tmp_path: Path) -> None:
    write(tmp_path / "lib", {"main.py": "import side\nprint(side.X)\n", "side.py": "X = 5\n"})
    log = log_of(kd("train", str(tmp_path / "lib/main.py"), "--wait", cwd=attached))
    assert log.endswith("5\n")


def test_its_workers_may_be_spawned(attached: Path) -> None:
    code = """
        import multiprocessing as mp
        import sys
        TIMES = len(sys.argv)
        def square(x):
            return x * x * TIMES
        if __name__ == "__main__":
            for method in ("spawn", "forkserver", "fork"):
                with mp.get_context(method).Pool(1) as pool:
                    print(method, pool.map_async(square, [2]).get(timeout=30), flush=True)
    """
    write(attached, {"spawn.py": code})
    log = log_of(kd("train", "spawn.py", "--wait", "--", "again", cwd=attached))
    assert log == "spawn [8]\nforkserver [8]\nfork [8]\n"


def test_a_script_that_fails_is_told_by_its_name(attached: Path, engine: RunningEngine) -> None:
    write(attached, {"fails.py": "import side\nside.f()\n", "side.py": "def f():\n    1 / 0\n"})
    done = kd("train", "fails.py", "--wait", cwd=attached)
    assert done.returncode == 1
    assert 'File "fails.py", line 2, in <module>' in done.stdout
    assert 'File "side.py", line 2, in f' in done.stdout
    job = engine.get("/jobs?limit=1")["jobs"][0]["id"]
    assert [f["file"] for f in engine.get(f"/jobs/{job}/failure")["frames"]] == [
        *("fails.py", "side.py")
    ]


def test_a_script_is_run_again_as_it_was(attached: Path, engine: RunningEngine) -> None:
    write(attached, {"again.py": "import sys, side\nprint(sys.argv[1:], side.X, __file__[-8:])\n"})
    write(attached, {"side.py": "X = 1\n"})
    first = log_of(kd("train", "again.py", "--wait", "--", "once", cwd=attached))
    write(attached, {"side.py": "X = 2\n"})
    job = engine.get("/jobs?limit=1")["jobs"][0]["id"]
    new = engine.call("POST", f"/jobs/{job}/rerun", json={}).json()["id"]
    engine.wait(new)
    assert engine.log(new) == first.partition("\n")[2] == "['once'] 1 again.py\n"


def test_standard_input_takes_arguments_too(attached: Path) -> None:
    code = "import sys\nprint(sys.argv)"
    done = kd("train", "-", "--wait", "--", "x", cwd=attached, stdin=code)
    assert log_of(done) == "['-', 'x']\n"


NOTEBOOK = [
    ("markdown", "# Rides"),
    ("code", "%matplotlib inline\nfrom __future__ import annotations\nimport math\nmiles = 2"),
    ("code", "miles * 3"),
    ("code", "%%time\nhidden = 7;\nhidden;"),
    ("code", ""),
    ("code", "def f(x: Missing): return x\nf(math.pi > 3)"),
    (
        "code",
        'text = """\n%s of %d\n! %config\n"""\nprint("%d"\n      % 1)\n"a\u2028b"[:1]',
    ),
    ("code", "\n# first\n%%time\nif math:\n    %config x\n    late = 5\nlate"),
]


def test_each_cell_of_a_notebook_has_its_figures(attached: Path, engine: RunningEngine) -> None:
    plots = [("code", f"import matplotlib.pyplot as plt\nplt.plot([{n}, 2]);") for n in range(2)]
    lines = ("code", "len(plt.get_fignums())")
    write(attached, {"plots.ipynb": notebook([*plots, lines])})
    assert log_of(kd("train", "plots.ipynb", "--wait", cwd=attached)).endswith("0\n")
    job = engine.get("/jobs?limit=1")["jobs"][0]["id"]
    assert len(engine.get(f"/jobs/{job}/outputs")["outputs"]) == 2


def test_what_comes_after_two_dashes_is_the_script_s(attached: Path) -> None:
    write(attached, {"own.py": "import sys\nprint(sys.argv[1:])\n"})
    log = log_of(kd("train", "own.py", "--wait", "--", "--json", "--help", "--", cwd=attached))
    assert log == "['--json', '--help', '--']\n"


def test_of_a_package_beside_it_only_its_modules_are_sent(attached: Path) -> None:
    write(attached, {"uses.py": "from data import x\nprint(x.N)\n", "data/__init__.py": ""})
    write(attached, {"data/x.py": "N = 3\n", "data/large.bin": ""})
    with (attached / "data/large.bin").open("r+b") as file:
        file.truncate(300_000_000)
    assert log_of(kd("train", "uses.py", "--wait", cwd=attached)).endswith("3\n")


def test_a_script_is_what_it_was_decoded_to_though_it_is_among_the_files(attached: Path) -> None:
    source = "# coding: latin-1\nimport sys\nprint('dur\xe9e', len(open(__file__, 'rb').read()))\n"
    (attached / "lat.py").write_bytes(source.encode("latin-1"))
    log = log_of(kd("train", "lat.py", "--wait", "--files", "lat.py", cwd=attached))
    assert log == f"dur\xe9e {len(source.encode())}\n"


def notebook(cells: list[tuple[str, str]], **metadata: Any) -> str:
    made = [{"cell_type": kind, "source": text.splitlines(True)} for kind, text in cells]
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def test_a_notebook_shows_each_cells_value(attached: Path, engine: RunningEngine) -> None:
    write(attached, {"rides.ipynb": notebook(NOTEBOOK)})
    assert log_of(kd("train", "rides.ipynb", "--wait", cwd=attached)) == "6\nTrue\n1\n'a'\n5\n"
    job = engine.get("/jobs?limit=1")["jobs"][0]["id"]
    code = engine.get(f"/jobs/{job}/code")["code"]
    assert "# %% cell 3 of rides.ipynb\nmiles * 3\n" in code


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (notebook([("code", "x = 1\n!pip install pandas")]), "Cell 1 of n.ipynb, line 2, works in"),
        (notebook([("code", "%%trainingengineinstance\nprint(1)")]), "line 1, works in a notebook"),
        (notebook([("code", "1")], language_info={"name": "R"}), "is a notebook of R"),
        ('{"a": NaN}', "n.ipynb cannot be read as a notebook"),
        ("nothing", "n.ipynb cannot be read as a notebook"),
        (notebook([("markdown", "text")]), "There is no code in the file"),
    ],
)
def test_a_notebook_that_cannot_be_a_job_is_told(
    attached: Path,
    text: str,
    told: str,
) -> None:
    write(attached, {"n.ipynb": text})
    done = kd("train", "n.ipynb", cwd=attached)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
