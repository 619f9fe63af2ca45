"""`make demo` and `pytest --nbval-lax`, each run for real in a fresh folder."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from tests.notebooks.conftest import NOTEBOOKS, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Return an environment with a fresh KD_HOME, in which nothing may run at the end."""
    home = tmp_path / "kd"
    ours = {k: v for k, v in os.environ.items() if not k.startswith("KD_")}
    yield {**ours, "KD_HOME": str(home), "KD_TAXI_DOWNLOAD": "no"}
    subprocess.run([kd(), "down"], env={**ours, "KD_HOME": str(home)}, check=False, timeout=60)
    assert processes_of(home) == []


def kd() -> str:
    return str(Path(sys.executable).with_name("kd"))


def processes_of(home: Path) -> list[list[str]]:
    """Return the command lines of the processes whose environment names this KD_HOME."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("KD_HOME") == str(home) and process.is_running():
                found.append(process.cmdline())
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def demo(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(NOTEBOOKS / "demo.py"), *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_demo_twice_on_the_same_engines(environment: dict[str, str]) -> None:
    for run in ("first", "second"):
        done = demo(environment, "--keep")
        assert done.returncode == 0, f"{run} run: {done.stdout[-2000:]} {done.stderr}"
        assert "Job Status: Finished" in done.stdout
        assert re.search(
            r"^Your ride will take \d+ minutes? and \d+ seconds?\.$", done.stdout, re.M
        )
        swapped = re.search(r"During the swap: ([\d,]+) requests answered, 0 failed", done.stdout)
        assert swapped
        assert int(swapped[1].replace(",", "")) >= 600
    home = Path(environment["KD_HOME"])
    notebook = nbformat.read(home / "nyc_taxi.ipynb", as_version=4)
    charts = [
        o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})
    ]
    assert len(charts) == 2
    assert not re.search(r"\b[0-9a-f]{32}\b", json.dumps(text_outputs(notebook)))


def text_outputs(notebook: nbformat.NotebookNode) -> list[str]:
    """Return every output but the pictures."""
    texts = []
    for output in (o for c in notebook.cells for o in c.get("outputs", [])):
        texts.append(output.get("text", ""))
        texts += [v for k, v in output.get("data", {}).items() if not k.startswith("image/")]
    return texts


def test_a_demo_that_fails_says_at_which_step_and_stops(environment: dict[str, str]) -> None:
    done = demo({**environment, "KD_TAXI_TRIPS": "/nowhere/trips.csv"})
    assert done.returncode == 1
    missing = "KD_TAXI_TRIPS names '/nowhere/trips.csv', which is not a file."
    assert done.stderr.strip() == f"A cell failed. PathNotFound: {missing}"
    assert processes_of(Path(environment["KD_HOME"])) == []


def test_a_failed_job_makes_nbval_fail(environment: dict[str, str], tmp_path: Path) -> None:
    """A notebook that trains in vain must not pass, though the kernel itself did nothing wrong."""
    cells = [
        "%load_ext kd_magics",
        "%%trainingengineinstance\nprint('begun')\nraise ValueError('no such luck')",
        "%logs -f",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(notebook, folder / "fails.ipynb")
    for name in ("conftest.py", "demo.py"):
        (folder / name).write_bytes((NOTEBOOKS / name).read_bytes())
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stdout
    assert "1 failed, 2 passed" in done.stdout
    assert "no such luck" in done.stdout
