"""The deployment engine's OpenAPI document, made from its routes and its messages."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.routing import Route

from kd_pipeline import messages

REF = "#/components/schemas/{name}"
ANSWERS: dict[str, type] = {"list_models": messages.ModelList, "get_model": messages.ModelStatus}
OPEN = frozenset({"live", "ready"})
PREDICT = "/{name}/{version}/predict"
ANSWER_OF_PREDICT = {
    "type": "object",
    "required": ["id", "input", "log_url", "node", "output", "pid", "request_url", "status"],
    "properties": {
        "id": {"type": "integer"},
        "input": {},
        "log_url": {"type": "string"},
        "node": {"type": "string"},
        "output": {"type": "string", "description": "what the script printed"},
        "pid": {"type": "integer"},
        "request_url": {"type": "string"},
        "status": {"enum": ["Finished", "Failed"]},
        "model": {"type": "string"},
        "version": {"type": "string"},
        "result": {"description": "the prediction as JSON"},
        "error": {"$ref": REF.format(name="ErrorDetail")},
    },
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of ``routes`` and of the predictions."""
    kinds = [messages.ErrorBody, messages.ModelList, messages.ModelStatus, messages.PredictRequest]
    _, components = msgspec.json.schema_components(kinds, ref_template=REF)
    paths = {route.path: {"get": _operation(route)} for route in routes}
    asked = {"$ref": REF.format(name="PredictRequest")}
    return {
        "openapi": "3.1.0",
        "info": {"title": "kd-magics deployment engine", "version": "1"},
        "paths": {
            **paths,
            PREDICT: {
                "post": {
                    "operationId": "predict",
                    "summary": "Ask a model version.",
                    "parameters": _parameters(PREDICT),
                    "requestBody": {"required": True, "content": _json(asked)},
                    "responses": _responses(ANSWER_OF_PREDICT),
                    "security": [{"token": []}],
                }
            },
        },
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    name = route.endpoint.__name__
    kind = ANSWERS.get(name)
    operation = {
        "operationId": name,
        "summary": (route.endpoint.__doc__ or "").split(": ", 1)[-1].strip(),
        "parameters": _parameters(route.path),
        "responses": _responses({"$ref": REF.format(name=kind.__name__)} if kind else {}),
    }
    if name not in OPEN:
        operation["security"] = [{"token": []}]
    return operation


def _parameters(path: str) -> list[dict[str, Any]]:
    names = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in names
    ]


def _responses(schema: dict[str, Any]) -> dict[str, Any]:
    error = {"$ref": REF.format(name="ErrorBody")}
    return {
        "200": {"description": "the answer", "content": _json(schema)},
        "default": {"description": "an error", "content": _json(error)},
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
