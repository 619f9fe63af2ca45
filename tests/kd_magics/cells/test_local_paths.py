"""Cells of the notebook itself find the places of a tenant."""

from pathlib import Path

import pytest

from tests.kd_magics.running_notebook import Notebook

TRIPS = "/bd-fs-mnt/trips/2020.csv"


@pytest.fixture
def trips(surroundings: Path) -> Path:
    """Return a file of another mount of a tenant."""
    file = surroundings / "project_repo" / "mnt" / "trips" / "2020.csv"
    file.parent.mkdir(parents=True)
    file.write_text("a trip")
    return file


@pytest.mark.parametrize(
    "cell",
    [
        f"open('{TRIPS}').read()",
        f"found = !cat {TRIPS}\nfound[0]",
        f"found = %sx cat {TRIPS}\nfound[0]",
        f"%time open('{TRIPS}').read()",
        f"%%time\nfound = open('{TRIPS}').read()\nfound",
        "%cd /bd-fs-mnt/trips\nopen('2020.csv').read()",
        f"%%writefile {TRIPS}\n{TRIPS}",
        f"%cp {TRIPS} here.csv\nopen('here.csv').read()",
    ],
)
def test_a_cell_finds_a_file_of_another_mount(
    empty_notebook: Notebook, trips: Path, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trips.parents[2])
    value = empty_notebook.good(cell).value
    if "writefile" in cell:
        assert trips.read_text() == f"{TRIPS}\n"
    else:
        assert value == "a trip"


def test_without_a_project_repository_a_text_stays(
    empty_notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_PROJECT_REPO", "/nowhere")
    assert empty_notebook.good(f"'{TRIPS}'").value == TRIPS


def test_odd_code_leaves_it_in_place(empty_notebook: Notebook, trips: Path) -> None:
    many = "x = 1\nif x == 0: pass\n" + "".join(f"elif x == {n}: pass\n" for n in range(2, 600))
    empty_notebook.good(many)
    empty_notebook.good(f"'s3://{300 * 'a'}/x'")
    assert empty_notebook.good(f"open('{TRIPS}').read()").value == "a trip"


def test_it_goes_with_the_magics(empty_notebook: Notebook, trips: Path) -> None:
    empty_notebook.shell.ast_transformers.clear()
    empty_notebook.good("%reload_ext kd_magics")
    assert empty_notebook.good(f"open('{TRIPS}').read()").value == "a trip"
    empty_notebook.good("%unload_ext kd_magics")
    assert empty_notebook.good(f"'{TRIPS}'").value == TRIPS
    empty_notebook.good("%load_ext kd_magics")
