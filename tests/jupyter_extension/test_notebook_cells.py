"""A saved notebook's cell is compared with the code that a job was given."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_extension import notebook_cells
from jupyter_extension.notebook_cells import NotebookCells
from kd_pipeline.errors import NotFound
from kd_pipeline.messages.sidebar import NotebookPlace
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.conftest import empty_notebook, notebook, surroundings  # noqa: F401
from tests.kd_magics.running_notebook import Notebook


def save(path: Path, *cells: dict[str, Any]) -> None:
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": list(cells)}))


def cell(identity: str, source: object) -> dict[str, Any]:
    return {"cell_type": "code", "id": identity, "source": source}


def sha256(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


@pytest.fixture
def cells(tmp_path: Path) -> NotebookCells:
    return NotebookCells(tmp_path)


@pytest.mark.parametrize(
    "source",
    [
        "%%trainingengineinstance --name a\nprint('a')\nx = 1",
        "\n\n%%trainingengineinstance\nprint('b')\n",
        "# a comment\n\n%%trainingengineinstance\nprint('c')",
        "%%trainingengineinstance\n\n# only\n\nprint('d')\n\n",
        "%%trainingengineinstance\nprint('größer')",
    ],
)
def test_what_a_cell_sends_is_what_the_engine_sums_up(
    notebook: Notebook,  # noqa: F811
    engine: RunningEngine,
    cells: NotebookCells,
    tmp_path: Path,
    source: str,
) -> None:
    notebook.good(source)
    job = engine.get(f"/jobs/{notebook.shell.user_ns['_job'].id}")
    path = tmp_path / "taxi.ipynb"
    save(path, cell("c1", source), cell("c2", source.splitlines(keepends=True)))
    assert cells.changed(str(path), "c1", job["code_sha256"]) is False
    assert cells.changed("taxi.ipynb", "c2", job["code_sha256"]) is False
    save(path, cell("c1", source + "\nprint('more')"))
    assert cells.changed(str(path), "c1", job["code_sha256"]) is True


def test_a_cell_that_sends_nothing_any_more_has_changed(
    cells: NotebookCells, tmp_path: Path
) -> None:
    save(tmp_path / "a.ipynb", cell("c1", "print(1)"), cell("c2", ""))
    assert cells.changed("a.ipynb", "c1", sha256("print(1)\n")) is True
    assert cells.changed("a.ipynb", "c2", sha256("")) is True


def test_what_is_not_there_is_not_known(cells: NotebookCells, tmp_path: Path) -> None:
    save(tmp_path / "a.ipynb", cell("c1", "%%t\n1"), {"cell_type": "code", "source": "%%t\n1"})
    (tmp_path / "bad.ipynb").write_text("{")
    (tmp_path / "list.ipynb").write_text("[1]")
    (tmp_path / "deep.ipynb").write_text("[" * 100_000)
    for notebook_name in ("a.ipynb", "none.ipynb", "bad.ipynb", "list.ipynb", "deep.ipynb", ""):
        assert cells.changed(notebook_name, "c9", "0" * 64) is None
    assert cells.changed("a.ipynb", "", "0" * 64) is None
    assert cells.changed("a.ipynb", "c1", "") is None


def test_a_notebook_elsewhere_is_never_read(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.ipynb"
    root.mkdir()
    save(outside, cell("c1", "%%t\n1"))
    (root / "link.ipynb").symlink_to(outside)
    cells = NotebookCells(root)
    for name in (str(outside), "../outside.ipynb", "link.ipynb", "x/../../outside.ipynb"):
        assert cells.changed(name, "c1", "0" * 64) is None


def test_a_notebook_and_its_cell_are_found_below_the_root(
    cells: NotebookCells, tmp_path: Path
) -> None:
    (tmp_path / "Täxi rides").mkdir()
    path = tmp_path / "Täxi rides" / "a b.ipynb"
    save(path, cell("c1", "%%t\n1"))
    assert cells.place(str(path), "c1") == NotebookPlace("Täxi rides/a b.ipynb", has_cell=True)
    assert cells.place("Täxi rides/a b.ipynb", "c2").has_cell is False
    (tmp_path / "bad.ipynb").write_text("{")
    assert cells.place("bad.ipynb", "c1") == NotebookPlace("bad.ipynb", has_cell=False)


def test_a_notebook_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside.ipynb"
    (root / "folder.ipynb").mkdir(parents=True)
    (root / "model.json").touch()
    save(outside, cell("c1", "%%t\n1"))
    cells = NotebookCells(root)
    for name in ("gone.ipynb", str(root / "gone.ipynb"), "folder.ipynb", "model.json"):
        with pytest.raises(NotFound, match="is no longer where"):
            cells.place(name, "c1")
    for name in (str(outside), "../outside.ipynb", "", "\0.ipynb", "x" * 5_000 + ".ipynb"):
        with pytest.raises(NotFound, match="cannot be opened here") as raised:
            cells.place(name, "c1")
        assert len(str(raised.value)) < 200


@given(st.text(max_size=60))
def test_no_name_of_a_notebook_raises(name: str) -> None:
    assert NotebookCells(Path(__file__).parent).changed(name, "c1", "0" * 64) is None


def test_few_notebooks_are_kept(
    tmp_path: Path, cells: NotebookCells, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook_cells, "MOST_KEPT", 2)
    for number in range(5):
        save(tmp_path / f"{number}.ipynb", cell("c1", f"%%t\n{number}\n"))
        assert cells.changed(f"{number}.ipynb", "c1", sha256(f"{number}\n")) is False
    assert len(cells._kept) == 2
