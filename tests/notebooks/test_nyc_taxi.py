"""The notebook as it is committed: clean, without secrets, and told as the tutorial tells it."""

import re

import nbformat
import pytest

from tests.notebooks.conftest import NOTEBOOKS

TEXT = (NOTEBOOKS / "nyc_taxi.ipynb").read_text()
NOTEBOOK = nbformat.reads(TEXT, as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]


def test_it_is_valid_and_has_no_outputs() -> None:
    nbformat.validate(NOTEBOOK)
    assert all(not cell.outputs and cell.execution_count is None for cell in CODE)
    assert NOTEBOOK.metadata.kernelspec.name == "python3"


def test_it_has_no_secret_and_no_machine_in_it() -> None:
    assert not re.search(r"\b[0-9a-f]{32}\b", TEXT)
    assert not re.search(r"(?i)token|password|https?://|/home/|/work/|/root/|/Users/", TEXT)


def test_it_goes_the_tutorials_way() -> None:
    magics = [
        line.split()[0]
        for cell in CODE
        for line in cell.source.splitlines()
        if line.startswith("%")
    ]
    first = ["%load_ext", "%attachments", "%%trainingengineinstance", "%register"]
    first += ["%models", "%deploy", "%predict"]
    then = ["%%trainingengineinstance", "%register", "%deploy", "%undeploy"]
    assert magics == first + then


def test_the_second_training_differs_in_one_line(training_cells: list[str]) -> None:
    first, second = (cell.splitlines() for cell in training_cells)
    assert first[0] != second[0]
    assert first[1:] == second[1:]


@pytest.mark.parametrize("cell", CODE, ids=lambda cell: cell.id)
def test_a_cell_can_be_read_at_once(cell: nbformat.NotebookNode) -> None:
    assert len(cell.source.splitlines()) <= 45
