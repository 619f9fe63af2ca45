"""The file pickers see the project repository, and nothing else."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_extension import repository
from kd_pipeline.errors import KdError, PathNotFound, UnsafePath
from tests.jupyter_extension.surroundings import Surroundings


def names(path: str = "") -> list[str]:
    return [entry.name for entry in repository.folder(path).entries]


def test_folders_come_first_by_name(here: Surroundings) -> None:
    here.write("b.txt", "four")
    here.write("a.txt")
    here.write("data/x/1")
    found = repository.folder("")
    assert [e.name for e in found.entries] == ["code", "data", "models", "a.txt", "b.txt"]
    last = found.entries[-1]
    assert (last.path, last.is_folder, last.size_bytes) == ("b.txt", False, 4)
    assert last.modified.endswith("Z")
    assert repository.folder("data").entries[0].path == "data/x"
    assert repository.folder("repo://project_repo/data/x/").path == "data/x"


def test_links_are_followed_inside_only(here: Surroundings, tmp_path: Path) -> None:
    here.write("data/x/1")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("key")
    models = here.repository / "models"
    for name, target in {
        "in": "../data/x",
        "out": secret,
        "file": secret / "key",
        "l": "l",
    }.items():
        (models / name).symlink_to(target)
    assert names("models") == ["in"]
    assert names("models/in") == ["1"]
    for path in ("models/out", "models/file", "models/l"):
        with pytest.raises(UnsafePath):
            repository.folder(path)


def test_what_no_path_may_have_is_left_out(here: Surroundings) -> None:
    for name in ("%2e", "a;b", ".hidden", "c#d", "größer", "with space"):
        here.write(f"models/{name}")
    (here.repository / "models").joinpath("un\udcffknown").write_text("")
    found = repository.folder("models")
    assert [entry.name for entry in found.entries] == ["größer", "with space"]
    assert msgspec.json.encode(found)


def test_a_large_folder_is_shown_in_part(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_ENTRIES", 3)
    for number in range(5):
        here.write(f"models/{number}")
    found = repository.folder("models")
    assert ([entry.name for entry in found.entries], found.left_out) == (["0", "1", "2"], 2)


def test_a_file_and_nothing_are_no_folders(here: Surroundings) -> None:
    here.write("models/a")
    with pytest.raises(PathNotFound, match="'models/a' is a file"):
        repository.folder("models/a")
    with pytest.raises(PathNotFound, match="does not exist"):
        repository.folder("models/none")


PARTS = st.sampled_from(["..", ".", "models", "out", "in", "~", "/", "//", "\0", "etc", "%2e", ""])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=30), st.lists(PARTS, max_size=6).map("/".join)))
def test_no_path_leads_out(here: Surroundings, path: str) -> None:
    outside = here.path / "outside"
    if not outside.exists():
        outside.mkdir()
        (outside / "secret.txt").write_text("")
        (here.repository / "models/out").symlink_to(outside)
        (here.repository / "models/in").symlink_to("../code")
    try:
        found = repository.folder(path)
    except KdError:
        return
    assert (here.repository / found.path).resolve().is_relative_to(here.repository)
    assert all(entry.name not in ("secret.txt", "out", "passwd") for entry in found.entries)
