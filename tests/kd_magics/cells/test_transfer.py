"""What travels with a cell."""

from pathlib import Path

import pytest

from kd_magics.cells.transfer import MOST_FILES, collect_files, collect_values, sent_line
from kd_magics.errors import BadOptions
from kd_pipeline.errors import InvalidInput, TooLarge


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in {
        "notebook/util.py": "x = 1",
        "notebook/pkg/__init__.py": "",
        "notebook/pkg/deep/part.py": "y = 2",
        "notebook/pkg/__pycache__/part.pyc": "no",
        "notebook/pkg/.ipynb_checkpoints/part.py": "no",
        "notebook/pkg/.git/config": "no",
        "lib/shared.py": "z = 3",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "notebook"


def test_files_and_folders_keep_their_paths(folder: Path) -> None:
    assert collect_files(["util.py", "pkg/"], folder) == {
        "util.py": b"x = 1",
        "pkg/__init__.py": b"",
        "pkg/deep/part.py": b"y = 2",
    }


def test_what_is_elsewhere_has_its_own_name(folder: Path) -> None:
    assert collect_files(["../lib/shared.py"], folder) == {"shared.py": b"z = 3"}
    assert collect_files([str(folder.parent / "lib")], folder) == {"lib/shared.py": b"z = 3"}


def test_what_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(BadOptions, match=r"'gone\.py'.*gone\.py"):
        collect_files(["gone.py"], folder)


def test_too_many_files_are_refused(folder: Path) -> None:
    for number in range(MOST_FILES + 1):
        (folder / "pkg" / f"{number}.txt").touch()
    with pytest.raises(TooLarge, match="project repository"):
        collect_files(["pkg"], folder)


def test_values_are_those_of_the_notebook() -> None:
    found = collect_values(["n", "names"], {"n": 3, "names": ["a"]}, pickle=False)
    assert sent_line(found, {"util.py": b"x" * 1200}) == (
        "Sent: n (int, JSON, 1 B), names (list, JSON, 5 B), util.py (1 kB)."
    )
    with pytest.raises(BadOptions, match="no variable"):
        collect_values(["m"], {}, pickle=False)


def test_a_pickle_is_made_only_where_it_is_asked_for() -> None:
    with pytest.raises(InvalidInput):
        collect_values(["x"], {"x": range}, pickle=False)
    assert collect_values(["x"], {"x": range}, pickle=True)["x"].format == "pickle"


def test_where_nothing_was_sent_nothing_is_said() -> None:
    assert sent_line({}, {}) == ""


def test_a_long_list_is_cut() -> None:
    line = sent_line({}, {f"{n}.py": b"x" * 100 for n in range(30)})
    assert line.endswith("9.py (100 B), 20 more files (2 kB).")
