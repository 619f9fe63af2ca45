"""Bodies of the Open Inference Protocol, REST, version 2.

Source: https://github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md.
"""

from typing import Any

import msgspec


class Tensor(msgspec.Struct, omit_defaults=True):
    """A tensor: its elements in row-major order, flat or nested."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class WantedOutput(msgspec.Struct):
    """An output that is asked for; without any, all are given."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct):
    """Body of ``POST /v2/models/<model>/infer``.

    One tensor of two dimensions are rows in the order of columns; else each tensor is a column.
    """

    inputs: list[Tensor]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[WantedOutput] = []


class InferAnswer(msgspec.Struct, omit_defaults=True):
    """Its answer: the output ``predict``, or one for each key where predictions are objects."""

    model_name: str
    model_version: str
    outputs: list[Tensor]
    id: str = ""


class TensorShape(msgspec.Struct):
    """What is known of an input or output; -1 is any number."""

    name: str
    datatype: str
    shape: list[int]


class InferModel(msgspec.Struct):
    """Answer of ``GET /v2/models/<model>``: a model's versions, and what it takes."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorShape]
    outputs: list[TensorShape]
