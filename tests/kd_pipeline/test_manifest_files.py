"""A folder of manifests is read as it is now, though each content is parsed once."""

import os
from pathlib import Path

from kd_pipeline.registry.manifest_files import ManifestFiles


def test_a_change_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    path, files = tmp_path / "a.yaml", ManifestFiles(tmp_path)
    path.write_text("kind: A")
    os.utime(path, (1, 1))
    assert [d.kind for d in files.documents()[0]] == ["A"]
    path.write_text("kind: B")
    os.utime(path, (1, 1))
    assert [d.kind for d in files.documents()[0]] == ["B"]


def test_what_stays_is_not_parsed_again(tmp_path: Path) -> None:
    files = ManifestFiles(tmp_path)
    (tmp_path / "a.yaml").write_text("kind: A")
    (tmp_path / "b.yaml").write_text("kind: B")
    first = files.documents()[0]
    (tmp_path / "b.yaml").write_text("kind: C")
    second = files.documents()[0]
    assert second[0].manifest is first[0].manifest
    assert second[1].kind == "C"


def test_a_file_that_goes_is_forgotten(tmp_path: Path) -> None:
    path, files = tmp_path / "a.yaml", ManifestFiles(tmp_path)
    path.write_text("kind: A")
    assert len(files.documents()[0]) == 1
    path.unlink()
    assert files.documents() == ([], {})


def test_what_cannot_be_read_is_told_each_time(tmp_path: Path) -> None:
    files = ManifestFiles(tmp_path)
    (tmp_path / "bad.yaml").write_text("a: [")
    (tmp_path / "bytes.yaml").write_bytes(b"a: \xff")
    (tmp_path / "list.yaml").write_text("- 1")
    for _ in range(2):
        found, problems = files.documents()
        assert found == []
        assert sorted(problems) == ["bad.yaml", "bytes.yaml", "list.yaml"]
        assert "not readable YAML" in problems["bad.yaml"]
        assert "is not a manifest" in problems["list.yaml"]
