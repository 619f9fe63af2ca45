"""%put, %get and `kd cp`: files into the project repository, and out of it."""

import hashlib
import json
from pathlib import Path

import pytest

from kd_magics.errors import BadOptions
from kd_pipeline.errors import Conflict, InvalidInput, PathNotFound, UnsafePath
from tests.kd_magics.running_command import fails, good
from tests.kd_magics.running_notebook import Notebook

TRIPS = "miles\n1\n"
SHA256 = hashlib.sha256(TRIPS.encode()).hexdigest()


@pytest.fixture
def here(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with a file."""
    folder = surroundings / "here"
    folder.mkdir()
    (folder / "trips.csv").write_text(TRIPS)
    monkeypatch.chdir(folder)
    return folder


def test_a_file_goes_in_and_comes_back(
    empty_notebook: Notebook, here: Path, surroundings: Path
) -> None:
    told = f"repo://project_repo/data/trips.csv  8 B  sha256 {SHA256[:12]}…"
    assert empty_notebook.good("%put trips.csv").text == f"{told}\n"
    assert (surroundings / "project_repo" / "data" / "trips.csv").read_text() == TRIPS
    assert empty_notebook.good("%put trips.csv").text == f"{told}, as it was\n"
    (here / "trips.csv").unlink()
    empty_notebook.good("%get data/trips.csv")
    assert (here / "trips.csv").read_text() == TRIPS
    empty_notebook.good("%get repo://project_repo/data --to all/")
    assert (here / "all" / "data" / "trips.csv").read_text() == TRIPS


def test_a_folder_that_is_not_there_is_made(
    empty_notebook: Notebook, here: Path, surroundings: Path
) -> None:
    assert empty_notebook.good("%put trips.csv --to data/2020/").text.startswith(
        "repo://project_repo/data/2020/trips.csv  "
    )
    assert (surroundings / "project_repo" / "data" / "2020" / "trips.csv").read_text() == TRIPS


def test_what_is_wrong_is_told(empty_notebook: Notebook, here: Path) -> None:
    assert "There is no file or folder" in empty_notebook.fails("%put none.csv", PathNotFound)
    assert "leads out" in empty_notebook.fails("%put trips.csv --to /etc/", UnsafePath)
    assert "no path here may have" in empty_notebook.fails("%get ../trips.csv", UnsafePath)
    empty_notebook.good("%put trips.csv")
    (here / "trips.csv").write_text("other")
    assert "--replace" in empty_notebook.fails("%put trips.csv", Conflict)
    empty_notebook.good("%put trips.csv --replace")
    empty_notebook.fails("%put", BadOptions)
    (here / "100%.csv").write_text("x")
    empty_notebook.fails("%put 100%.csv", UnsafePath)
    assert "is a file" in empty_notebook.fails("%put 100%.csv --to data/trips.csv/", InvalidInput)
    assert "home folder" in empty_notebook.fails("%put ~nobody-here/x", BadOptions)
    empty_notebook.good("%get data/trips.csv --to results/")
    assert (here / "results" / "trips.csv").is_file()
    (here / "results" / "trips.csv").write_text("mine")
    told = empty_notebook.fails("%get data/trips.csv --to results/", Conflict)
    assert "%get --replace" in told
    empty_notebook.good("%put results")
    empty_notebook.good("%get data/results data/trips.csv --to both --replace")
    assert sorted(path.name for path in (here / "both").iterdir()) == ["results", "trips.csv"]


@pytest.mark.slow
def test_in_a_terminal(here: Path, surroundings: Path) -> None:
    told = json.loads(good("cp", "trips.csv", "repo://project_repo/data/", "--json"))
    assert told == [
        {
            "path": "repo://project_repo/data/trips.csv",
            "bytes": len(TRIPS),
            "sha256": SHA256,
            "was_there": False,
            "resumed": 0,
        }
    ]
    good("cp", "repo://project_repo/data/trips.csv", "back.csv")
    assert (here / "back.csv").read_text() == TRIPS
    assert "None of the paths is in the project repository" in fails("cp", "trips.csv", "b.csv")
    assert "Name what is to be copied" in fails("cp", "trips.csv")
    assert "no project repository" in fails("cp", "trips.csv", "repo://data/")
