"""The example that a training leaves beside its model."""

import os
from pathlib import Path
from typing import Any

import pytest

from kd_client.models.input_example import LARGEST_BYTES, example_beside
from kd_pipeline.project_repository import ProjectRepository


@pytest.fixture
def repository(tmp_path: Path) -> ProjectRepository:
    (tmp_path / "models/taxi/1").mkdir(parents=True)
    (tmp_path / "models/taxi/1/model.ubj").write_text("a model")
    return ProjectRepository(tmp_path)


def beside(repository: ProjectRepository, text: str | bytes, path: str = "models/taxi/1") -> Any:
    content = text.encode() if isinstance(text, str) else text
    (repository.root / "models/taxi/1/input_example.json").write_bytes(content)
    return example_beside(path, repository)


@pytest.mark.parametrize(
    ("text", "example"),
    [
        ('{"miles": 2.5}', {"miles": 2.5}),
        ('[{"miles": 2.5}]', [{"miles": 2.5}]),
        ('"--miles 2"', "--miles 2"),
        ('{"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}', {"a": 1, "b": "x"}),
        ('{"index": [0], "columns": [0], "data": [[1.5]]}', {"0": 1.5}),
        ('{"columns": ["a"], "data": []}', {"columns": ["a"], "data": []}),
        ('{"columns": 3}', {"columns": 3}),
    ],
)
def test_it_is_read_as_the_training_or_mlflow_wrote_it(
    repository: ProjectRepository, text: str, example: Any
) -> None:
    assert beside(repository, text) == example
    assert beside(repository, text, "models/taxi/1/model.ubj") == example


@pytest.mark.parametrize(
    "content", ["{", "", "5", "null", b"\xff", "[" * 5000, f'"{"x" * LARGEST_BYTES}"']
)
def test_what_is_no_example_is_none(repository: ProjectRepository, content: str | bytes) -> None:
    assert beside(repository, content) is None


def test_nothing_else_is_read(repository: ProjectRepository) -> None:
    assert example_beside("models/taxi/1", repository) is None
    assert example_beside("models/taxi/2", repository) is None
    assert example_beside("s3://bucket/taxi", repository) is None
    os.mkfifo(repository.root / "models/taxi/1/input_example.json")
    assert example_beside("models/taxi/1", repository) is None
