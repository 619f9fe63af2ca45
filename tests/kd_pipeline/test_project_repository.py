"""Paths of the project repository: three ways to write one place, and no way out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_pipeline.errors import PathNotFound, UnsafePath
from kd_pipeline.project_repository import ProjectRepository


@pytest.fixture
def repository(tmp_path: Path) -> ProjectRepository:
    return ProjectRepository(tmp_path / "repo").create()


def test_three_ways_to_write_one_place(repository: ProjectRepository) -> None:
    expected = repository.root / "models" / "taxi" / "1"
    for path in (
        "repo://project_repo/models/taxi/1",
        "/bd-fs-mnt/project_repo/models/taxi/1",
        "/bd-fs-mnt/TenantShare/models/taxi/1",
        "models/taxi/1",
        str(expected),
    ):
        assert repository.resolve(path) == expected
    assert repository.uri(expected) == "repo://project_repo/models/taxi/1"


@pytest.mark.parametrize(
    "path",
    [
        "../outside",
        "models/../../outside",
        "repo://project_repo/../x",
        "/etc/passwd",
        "/bd-fs-mnt/project_repo_other/x",
        "models/%2e%2e/x",
        "models\\x",
        "models;x",
        "models#x",
        "models/\0x",
        "models/\nx",
        "",
        "x" * 2000,
    ],
)
def test_what_could_lead_out_is_refused(repository: ProjectRepository, path: str) -> None:
    with pytest.raises(UnsafePath):
        repository.resolve(path)


def test_a_link_out_is_refused(repository: ProjectRepository, tmp_path: Path) -> None:
    (repository.root / "models" / "link").symlink_to(tmp_path)
    with pytest.raises(UnsafePath, match="leads out of the project repository"):
        repository.resolve("models/link/secret")


def test_links_in_a_circle_are_refused(repository: ProjectRepository) -> None:
    (repository.root / "models" / "a").symlink_to("b")
    (repository.root / "models" / "b").symlink_to("a")
    with pytest.raises(UnsafePath, match="leads to itself"):
        repository.existing("models/a/x")


@pytest.mark.parametrize("path", ["models/" + "x" * 300, "\ud800"])
def test_what_no_file_can_be_called_is_one_sentence(
    repository: ProjectRepository, path: str
) -> None:
    with pytest.raises((PathNotFound, UnsafePath)):
        repository.existing(path)


def test_what_is_missing_is_named(repository: ProjectRepository) -> None:
    with pytest.raises(PathNotFound, match="'models/none' does not exist"):
        repository.existing("models/none")


@given(st.text(max_size=40))
def test_no_text_leads_out(text: str) -> None:
    repository = ProjectRepository("/srv/repo")
    try:
        resolved = repository.resolve(text)
    except UnsafePath:
        return
    assert resolved == repository.root or repository.root in resolved.parents


def test_the_environment_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KD_PROJECT_REPO", str(tmp_path))
    assert ProjectRepository.default().root == tmp_path
    monkeypatch.setenv("KD_PROJECT_REPO", str(tmp_path / "none"))
    with pytest.raises(PathNotFound, match="KD_PROJECT_REPO names"):
        ProjectRepository.default()
