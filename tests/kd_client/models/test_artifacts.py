"""What a job wrote is found by time, by its log, and by the model's name."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_client.models.artifacts import Artifacts, artifacts_of
from kd_magics.errors import BadOptions
from kd_pipeline.errors import NotFound
from kd_pipeline.project_repository import ProjectRepository
from tests.kd_magics.commands.test_jobs import message

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
END = START + timedelta(minutes=5)
JOB = message(status="Finished", started=START.isoformat(), ended=END.isoformat())


@pytest.fixture
def repository(tmp_path: Path) -> ProjectRepository:
    return ProjectRepository(tmp_path).create()


def write(repository: ProjectRepository, minutes: float, *paths: str) -> None:
    """Write files so many minutes after the job's start."""
    when = (START + timedelta(minutes=minutes)).timestamp()
    for path in paths:
        file = repository.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
        os.utime(file, (when, when))


def found(repository: ProjectRepository, log: str = "") -> Artifacts:
    return artifacts_of(JOB, log, repository)


@pytest.mark.parametrize(
    ("files", "models"),
    [
        (["models/taxi/2/model.ubj", "models/taxi/2/meta.json"], ["models/taxi/2"]),
        (["models/taxi/2/model.ubj"], ["models/taxi/2"]),
        (["models/taxi/2/a/b/c.bin"], ["models/taxi/2"]),
        (["models/taxi/model.ubj"], ["models/taxi/model.ubj"]),
        (["models/net/weights.bin", "models/net/config.json"], ["models/net"]),
        (["models/halves/1"], ["models/halves/1"]),
        (["models/halves/1", "models/halves/2"], ["models/halves/1", "models/halves/2"]),
        (["models/model.bin"], ["models/model.bin"]),
        (["models/a/v1.2/m", "models/b/m"], ["models/a/v1.2", "models/b/m"]),
    ],
)
def test_a_folder_that_the_job_filled_is_one_model(
    repository: ProjectRepository, files: list[str], models: list[str]
) -> None:
    write(repository, 1, *files)
    assert found(repository).models == models


def test_what_was_there_before_or_came_after_is_not_the_job_s(
    repository: ProjectRepository,
) -> None:
    write(repository, -10, "models/taxi/1/model.bin", "models/net/old.bin", "code/old.py")
    write(repository, 60, "models/taxi/3/model.bin")
    write(repository, 4, "models/taxi/2/model.bin", "models/net/new.bin", "code/score.py")
    write(repository, 4, "code/notes.txt")
    assert found(repository).models == ["models/net/new.bin", "models/taxi/2"]
    assert found(repository).scripts == ["code/score.py"]
    assert found(repository).script("taxi") == "code/score.py"


def test_the_name_and_then_the_log_decide_between_several(repository: ProjectRepository) -> None:
    write(repository, 1, "models/taxi/2/m", "models/taxi/10/m", "models/other/1/m")
    artifacts = found(repository, "Written: models/taxi/10.\n")
    assert artifacts.models[0] == "models/taxi/10"
    assert artifacts.model("taxi") == "models/taxi/10"
    assert artifacts.model("other") == "models/other/1"
    with pytest.raises(BadOptions, match="models/taxi/10, models/taxi/2") as caught:
        found(repository, "models/taxi/1 models/taxi/22").model("taxi")
    assert "--path models/taxi/10" in caught.value.in_terminal()


def test_nothing_written_says_what_to_name(repository: ProjectRepository) -> None:
    with pytest.raises(NotFound, match="name what to register"):
        found(repository).model("taxi")
    assert found(repository).script("taxi") is None


def test_a_job_that_runs_is_not_looked_at(repository: ProjectRepository) -> None:
    with pytest.raises(BadOptions, match="is Running"):
        artifacts_of(message(started=START.isoformat()), "", repository)


@given(st.lists(st.sampled_from("ab12v."), min_size=1, max_size=6).map("".join), st.text())
def test_a_path_is_mentioned_only_as_a_whole(name: str, log: str) -> None:
    from kd_client.models.artifacts import _mentions

    path = f"models/{name}"
    assert _mentions(f"{log} {path}", path)
    assert _mentions(f"wrote {path}/model.bin", path)
    assert not _mentions(f"wrote {path}0", path)
    assert not _mentions(f"wrote {path}.bak", path)
