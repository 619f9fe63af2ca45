"""Copies are whole or not there, go on where they were interrupted, and know their sums."""

import hashlib
import os
from pathlib import Path

import pytest

from kd_client import files
from kd_pipeline.errors import Conflict, InvalidInput, PathNotFound, Unavailable

CONTENT = os.urandom(3 * files.PIECE + 17)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "trips.csv"
    file.write_bytes(CONTENT)
    return file


def interrupted_at(size: int) -> files.Told:
    def told(so_far: int, whole: int) -> None:
        assert whole == len(CONTENT)
        if so_far >= size:
            raise KeyboardInterrupt

    return told


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_copy_is_the_same_and_says_so(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "2020" / "trips.csv"
    told: list[tuple[int, int]] = []
    copied = files.copy(source, target, told=lambda *amount: told.append(amount))
    assert (copied.size, copied.sha256, copied.resumed) == (len(CONTENT), SHA256, 0)
    assert target.read_bytes() == CONTENT
    assert left(target.parent) == ["trips.csv"]
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert files.copy(source, target).was_there


def test_an_interrupted_copy_goes_on(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "trips.csv"
    with pytest.raises(KeyboardInterrupt):
        files.copy(source, target, told=interrupted_at(2 * files.PIECE))
    assert not target.exists()
    copied = files.copy(source, target)
    assert copied.resumed == 2 * files.PIECE
    assert (copied.sha256, target.read_bytes()) == (SHA256, CONTENT)
    assert left(target.parent) == ["trips.csv"]


def test_what_is_damaged_of_it_is_copied_again(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "trips.csv"
    with pytest.raises(KeyboardInterrupt):
        files.copy(source, target, told=interrupted_at(2 * files.PIECE))
    (partial,) = target.parent.iterdir()
    with partial.open("r+b") as file:
        file.seek(files.PIECE + 5)
        file.write(b"damaged")
    copied = files.copy(source, target)
    assert (copied.resumed, copied.sha256) == (files.PIECE, SHA256)
    assert target.read_bytes() == CONTENT


def test_a_source_that_changes_meanwhile_is_told(source: Path, tmp_path: Path) -> None:
    def change(so_far: int, _whole: int) -> None:
        if so_far == files.PIECE:
            with source.open("ab") as file:
                file.write(b"more")

    with pytest.raises(InvalidInput, match="has changed while it was copied"):
        files.copy(source, tmp_path / "data" / "trips.csv", told=change)
    assert left(tmp_path / "data") == []


def test_another_content_is_overwritten_on_demand_only(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "there.csv"
    for content in (b"another", b"x" * len(CONTENT)):
        target.write_bytes(content)
        with pytest.raises(Conflict, match="is there with other content"):
            files.copy(source, target)
        assert target.read_bytes() == content
    assert files.copy(source, target, replace=True).sha256 == SHA256


def test_a_folder_is_copied_with_all_in_it(tmp_path: Path) -> None:
    for name in ("a/one.csv", "a/b/two.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "a" / "empty").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "data")
    (tmp_path / "a" / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "a" / "pipe")
    plan = files.Plan()
    plan.add(tmp_path / "a", tmp_path / "data")
    assert sorted(plan.files.values()) == [
        tmp_path / "data/a/b/two.csv",
        tmp_path / "data/a/one.csv",
    ]
    assert {path.name for path in plan.left_out} == {"link", "gone", "pipe"}
    assert tmp_path / "data/a/empty" in plan.folders


def test_what_no_copy_can_be_made_of_is_told(source: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PathNotFound):
        files.Plan().add(tmp_path / "none", tmp_path / "data")
    with pytest.raises(InvalidInput, match="neither a file nor a folder"):
        files.Plan().add(tmp_path / "pipe", tmp_path / "data")
    with pytest.raises(InvalidInput, match="lies within"):
        files.Plan().add(tmp_path, tmp_path / "data")
    with pytest.raises(InvalidInput, match="lies within"):
        files.Plan().add(tmp_path / "data" / "..", tmp_path / "data")
    plan = files.Plan()
    plan.add(source, tmp_path / "data")
    with pytest.raises(InvalidInput, match="Two of the files"):
        plan.add(source, tmp_path / "data")


def test_two_at_once_are_one_copy_and_a_refusal(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "trips.csv"
    refused = []

    def again(so_far: int, _whole: int) -> None:
        if so_far == files.PIECE:
            with pytest.raises(Conflict, match="by somebody else right now"):
                files.copy(source, target)
            refused.append(so_far)

    assert files.copy(source, target, told=again).sha256 == SHA256
    assert refused
    assert target.read_bytes() == CONTENT


def test_what_appears_meanwhile_is_not_overwritten(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / "trips.csv"

    def appear(so_far: int, whole: int) -> None:
        if so_far == whole:
            target.write_text("somebody else's")

    with pytest.raises(Conflict, match="other content"):
        files.copy(source, target, told=appear)
    assert target.read_text() == "somebody else's"


def test_modes_stay_and_older_attempts_go(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "data" / ("n" * 240)
    source.chmod(0o700)
    with pytest.raises(KeyboardInterrupt):
        files.copy(source, target, told=interrupted_at(files.PIECE))
    os.utime(source, (1, 1))  # another source now
    files.copy(source, target)
    assert left(target.parent) == [target.name]
    assert target.stat().st_mode & 0o777 == 0o700
    target.chmod(0o600)
    target.write_text("older")
    files.copy(source, target, replace=True)
    assert target.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_is_told(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(Unavailable, match="cannot be written"):
        files.copy(source, tmp_path / "file" / "trips.csv")
    with pytest.raises(InvalidInput, match="cannot be read"):
        files.copy(tmp_path / "none.csv", tmp_path / "data")
