"""A notebook that is run by others' tools: a job that fails must fail the run."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.kd_magics.running_notebook import Notebook

ROOT = Path(__file__).parents[2]


def nbval(folder: Path, *cells: str) -> subprocess.CompletedProcess[str]:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, folder / "made.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-p", "no:cacheprovider", "-q"]
    return subprocess.run(
        [*command, "--rootdir", str(folder), "made.ipynb"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=110,
    )


@pytest.mark.slow
def test_a_job_that_fails_fails_the_notebook(notebook: Notebook, surroundings: Path) -> None:
    load, cell = "%load_ext kd_magics\n%attachments", "%%trainingengineinstance\n"
    well = nbval(surroundings, load, cell + "print('fine')", "%logs -f", "assert _job.id")
    assert well.returncode == 0, well.stdout
    assert "4 passed" in well.stdout
    badly = nbval(surroundings, load, cell + "raise ValueError('the reason')", "%logs -f")
    assert badly.returncode == 1, badly.stdout
    assert "1 failed, 2 passed" in badly.stdout
    assert "RemoteJobError" in badly.stdout
    refused = nbval(surroundings, load, "%logs --bad", cell)
    assert "2 failed, 1 passed" in refused.stdout
