"""Try a model: the form of its arguments, its answer, and how to ask the same from elsewhere."""

import json
import shlex
import time
from collections.abc import Mapping
from typing import Any, Literal

from jupyter_extension.pipeline import Pipeline
from kd_client.deployment_client import DeploymentClient
from kd_client.errors import PredictFailed
from kd_client.models.predictions import request
from kd_pipeline.errors import KdError
from kd_pipeline.messages import PredictAnswer
from kd_pipeline.messages.sidebar_models import PredictField, PredictForm, Prediction
from kd_pipeline.model_config import ModelConfig

FieldType = Literal["string", "number", "integer", "boolean", "json"]
# The Open Inference Protocol's data types, MLflow's, and those of JSON Schema.
TYPES: dict[str, FieldType] = {
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("int8", "int16", "int32", "int64", "int", "long", "integer"), "integer"),
    **dict.fromkeys(("uint8", "uint16", "uint32", "uint64"), "integer"),
    **dict.fromkeys(("fp16", "fp32", "fp64", "bf16", "float", "double", "number"), "number"),
    **dict.fromkeys(("bytes", "string", "str"), "string"),
}
MOST_FIELDS = 200


def form(pipeline: Pipeline, cluster: str, name: str, version: str) -> PredictForm:
    """Return the form of a registered version's (or alias's) arguments.

    Raises UnknownCluster, ModelNotFound.
    """
    pipeline.attached.deployment(cluster)
    return form_of(pipeline.kept.snapshot().resolve(name, version))


def predict(pipeline: Pipeline, cluster: str, name: str, version: str, args: Any) -> Prediction:
    """Return what a model on a connected cluster answers, be it that it failed.

    Raises BadOptions, UnknownCluster, ModelNotFound, EngineDown.
    """
    asked = request(pipeline.attached, name, version, args, cluster)
    client = pipeline.attached.deployment_client(asked.cluster)
    begin = time.perf_counter()
    try:
        answer = client.answer(name, version, args)
    except PredictFailed as error:
        if error.answer is None:
            raise
        answer = error.answer
    return Prediction(
        answer=answer,
        seconds=time.perf_counter() - begin,
        log=_log(client, answer),
        curl=asked.curl,
        python=asked.python,
        magic=magic_line(name, version, args, asked.cluster),
    )


def form_of(model: ModelConfig) -> PredictForm:
    """Return a model's form: of its signature, else of its example, else without fields."""
    example = _parsed(model.extra.get("example"))
    row = example[0] if isinstance(example, list) and example else example
    values = row if isinstance(row, dict) else {}
    fields = _of_signature(_parsed(model.extra.get("signature")), values)
    if fields:
        return PredictForm(fields, example, "signature")
    fields = [PredictField(key, _type_of(value), value) for key, value in values.items()]
    if fields and len(fields) <= MOST_FIELDS:
        return PredictForm(fields, example, "example")
    return PredictForm([], example, "none")


def magic_line(name: str, version: str, args: Any, cluster: str) -> str:
    """Return the line that asks a model from a notebook."""
    text = json.dumps(args)
    written = shlex.quote(text) if isinstance(args, str) else text
    return f"%predict {name}/{version} {written} --on {cluster}"


def _log(client: DeploymentClient, answer: PredictAnswer) -> str:
    """Return what the script said beside its answer; nothing where the engine does not tell it."""
    try:
        return client.log_of(answer)
    except KdError:
        return ""


def _of_signature(signature: Any, values: Mapping[str, Any]) -> list[PredictField]:
    """Return the fields of a list of inputs, or of an object that has one as ``inputs``."""
    if isinstance(signature, dict):
        signature = signature.get("inputs")
        if isinstance(signature, str):  # MLflow writes a text of JSON there
            signature = _parsed(signature)
    if not isinstance(signature, list) or len(signature) > MOST_FIELDS:
        return []
    fields = []
    for one in signature:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            return []
        name, described = one["name"], one.get("description")
        words = described if isinstance(described, str) else ""
        fields.append(PredictField(name, _declared(one), values.get(name), words))
    return fields


def _declared(one: Mapping[str, Any]) -> FieldType:
    """Return the type of an input; one that has several values is edited as JSON."""
    shape = one.get("shape")
    if isinstance(shape, list) and any(size not in (1, -1) for size in shape):
        return "json"
    kind = one.get("datatype") or one.get("type")
    return TYPES.get(kind.lower(), "json") if isinstance(kind, str) else "json"


def _type_of(value: Any) -> FieldType:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "string" if isinstance(value, str) else "json"


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
