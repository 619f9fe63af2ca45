"""Params as they are meant: JSON has neither NaN nor infinities, so these travel as values."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from kd_pipeline import values
from kd_pipeline.errors import InvalidInput
from kd_pipeline.messages import SubmitJob


def with_exact_params(wanted: SubmitJob) -> SubmitJob:
    """Return a submission whose params JSON can carry; what it cannot is among its inputs."""
    moved = {name: value for name, value in wanted.params.items() if not _is_exact(value)}
    if not moved:
        return wanted
    return msgspec.structs.replace(
        wanted,
        params={name: value for name, value in wanted.params.items() if name not in moved},
        inputs=wanted.inputs | {n: values.encode(value, name=n) for n, value in moved.items()},
    )


def check_exact(params: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a param that cannot replace another: JSON would make it null."""
    for name, value in params.items():
        if not _is_exact(value):
            raise InvalidInput(
                f"{name} is {value!r}, which cannot replace a param of a job that is run again; "
                "send its code again."
            )


def _is_exact(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_exact, value.values()))
    return all(map(_is_exact, value)) if isinstance(value, list | tuple) else True
