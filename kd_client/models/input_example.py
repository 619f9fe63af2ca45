"""The example request that a training leaves beside its model, as MLflow's models have one."""

from collections.abc import Mapping
from typing import Any

import msgspec

from kd_pipeline.errors import KdError
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.regular_files import NotRegular, read_regular

NAME = "input_example.json"
LARGEST_BYTES = 64 * 1024


def example_beside(path: str, repository: ProjectRepository) -> Any:
    """Return what a model is asked by ``input_example.json`` in its folder; None without one.

    A DataFrame, which MLflow writes as ``{"columns": […], "data": [[…]]}``, is an object with its
    first row's values. What no model takes, what is no JSON, or over 64 KiB, is none.
    """
    try:
        model = repository.existing(path)
    except KdError:
        return None
    try:
        folder = model if model.is_dir() else model.parent
        content = read_regular(folder / NAME, 0, LARGEST_BYTES + 1)
        example = msgspec.json.decode(content) if len(content) <= LARGEST_BYTES else None
    except (OSError, NotRegular, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(example, dict):
        return _first_row(example)
    return example if isinstance(example, list | str) else None


def _first_row(example: Mapping[str, Any]) -> Any:
    columns, data = example.get("columns"), example.get("data")
    is_frame = set(example) <= {"columns", "data", "index"} and isinstance(columns, list)
    if not is_frame or not isinstance(data, list) or not data or not isinstance(data[0], list):
        return example
    return dict(zip(map(str, columns or []), data[0], strict=False))
