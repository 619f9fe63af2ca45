"""Files are there whole or not at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kd_pipeline.atomic import create_exclusive, write_atomic, write_json


def test_replaced_in_one_step_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    write_atomic(path, "new")
    write_json(tmp_path / "x.json", {"a": "ä"})
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "x.json").read_text() == '{\n "a": "ä"\n}\n'
    assert {p.name for p in tmp_path.iterdir()} == {"file", "x.json"}


def test_one_of_many_creators_wins(tmp_path: Path) -> None:
    def create(number: int) -> bool:
        try:
            create_exclusive(tmp_path / "file", str(number))
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(16)))
    assert sum(won) == 1
    assert (tmp_path / "file").read_text() == str(won.index(True))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "none" / "file", "x")
