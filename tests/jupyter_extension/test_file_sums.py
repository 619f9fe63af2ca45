"""Files are summed up once, as long as nothing about them changes."""

import os
from pathlib import Path

import pytest

from jupyter_extension import file_sums
from jupyter_extension.file_sums import FileSums, signature
from kd_pipeline.fingerprints import fingerprint


class Counted(FileSums):
    """Sums that keep a list of the paths that are read."""

    def __init__(self) -> None:
        super().__init__(self._read)
        self.read: list[Path] = []

    def _read(self, path: Path) -> tuple[str, int]:
        self.read.append(path)
        return fingerprint(path)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_sum_is_taken_once(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    file = folder / "a.bin"
    file.write_text("one")
    path, sums = (file if kind == "file" else folder), Counted()
    assert sums.of(path) == sums.of(path) == fingerprint(path)
    assert sums.read == [path]
    before = file.stat()
    file.write_text("two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sums.of(path) == fingerprint(path)
    assert len(sums.read) == 2


def test_a_new_or_renamed_file_is_another_signature(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    seen = [signature(tmp_path)]
    (tmp_path / "b").write_text("")
    seen.append(signature(tmp_path))
    (tmp_path / "b").rename(tmp_path / "c")
    seen.append(signature(tmp_path))
    assert len({one.digest for one in seen if one}) == 3
    assert seen[0]
    assert seen[0].size_bytes == 1


def test_a_folder_of_too_many_files_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_sums, "MOST_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_text("x")
    assert signature(tmp_path) is None
    assert FileSums().of(tmp_path) == fingerprint(tmp_path)


def test_few_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_sums, "MOST_KEPT", 2)
    sums, paths = Counted(), [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_text(path.name)
        sums.of(path)
    sums.of(paths[2])
    assert len(sums.read) == 3
    sums.of(paths[0])
    assert len(sums.read) == 4
