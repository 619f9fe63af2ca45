"""Where a job's code came from."""

import platform
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from kd_magics.cells import provenance
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_notebook import Notebook


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git have the time it needs on a busy machine, and forget what it said before."""
    monkeypatch.setattr(provenance, "GIT_S", 5.0)
    provenance._git.cache_clear()


@pytest.fixture
def repository(surroundings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a commit, in which the kernel works."""
    folder = surroundings / "work"
    folder.mkdir()
    (folder / "util.py").write_text("x = 1")
    git(folder, "init", "--quiet")
    git(folder, "add", "util.py")
    git(folder, "commit", "--quiet", "-m", "one")
    monkeypatch.chdir(folder)
    return folder


def git(folder: Path, *words: str) -> str:
    """Run git as somebody."""
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(
        ["git", "-C", folder, *who, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def origin(notebook: Notebook, engine: RunningEngine) -> dict[str, str]:
    """Send a cell; return what its job tells of its origin."""
    provenance._git.cache_clear()  # an answer is good for some seconds
    notebook.good("%%trainingengineinstance\nprint(1)")
    return dict(engine.get("/jobs?limit=1")["jobs"][0]["origin"])


def test_the_commit_and_whether_anything_is_changed(
    notebook: Notebook, engine: RunningEngine, repository: Path
) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "untracked.txt").write_text("counts for nothing")
    found = origin(notebook, engine)
    assert (found["git_commit"], found["git_dirty"]) == (commit, "no")
    assert found["python"] == platform.python_version()
    assert found["kd_magics"]
    (repository / "util.py").write_text("x = 2")
    found = origin(notebook, engine)
    assert (found["git_commit"], found["git_dirty"]) == (commit, "yes")
    git(repository, "commit", "--quiet", "-am", "two")
    found = origin(notebook, engine)
    assert (found["git_commit"], found["git_dirty"]) == (git(repository, "rev-parse", "HEAD"), "no")
    assert found["git_commit"] != commit


def test_outside_a_repository_and_before_the_first_commit_nothing_is_told(
    notebook: Notebook, engine: RunningEngine, surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(surroundings)
    assert not {"git_commit", "git_dirty"} & {*origin(notebook, engine)}
    git(surroundings, "init", "--quiet")
    assert not {"git_commit", "git_dirty"} & {*origin(notebook, engine)}
    monkeypatch.setenv("PATH", str(surroundings))  # no git at all
    assert "git_commit" not in origin(notebook, engine)


def test_the_notebook_tells_its_path_and_its_folder_is_asked_for_git(
    notebook: Notebook,
    engine: RunningEngine,
    repository: Path,
    surroundings: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = repository / "try.ipynb"
    path.write_text("{}")
    monkeypatch.chdir(surroundings)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    found = origin(notebook, engine)
    assert found["notebook"] == str(path)
    assert found["git_commit"] == git(repository, "rev-parse", "HEAD")
    assert provenance.notebook_folder() == repository
    monkeypatch.setenv("JPY_SESSION_NAME", "try.ipynb")
    assert provenance.notebook_folder() == surroundings


def test_a_front_end_tells_the_cell_and_a_file_itself() -> None:
    class Shell:
        def __init__(self) -> None:
            self.origin = {"file": "train.py"}

        def get_parent(self) -> dict[str, object]:
            return {"metadata": {"cellId": "c-1" + "x" * 2000}}

    found = provenance.origin(Shell())
    assert found["cell_id"].startswith("c-1x")
    assert len(found["cell_id"]) == provenance.LONGEST
    assert found["file"] == "train.py"


def test_a_file_s_commit_is_that_of_its_own_folder(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(origin={"file": str(repository / "util.py")})
    monkeypatch.chdir(tmp_path)
    assert provenance.origin(shell)["git_commit"] == git(repository, "rev-parse", "HEAD")
    elsewhere = SimpleNamespace(origin={"file": str(tmp_path / "x.py")})
    monkeypatch.chdir(repository)
    assert "git_commit" not in provenance.origin(elsewhere)
