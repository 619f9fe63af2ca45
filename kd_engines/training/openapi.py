"""The training engine's OpenAPI document, made from its routes and its messages."""

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

from kd_pipeline import messages

REF = "#/components/schemas/{name}"
QUERY: dict[str, dict[str, tuple[str, str]]] = {
    "list_jobs": {
        "status": ("string", "only jobs of this status"),
        "user": ("string", "only jobs of this user"),
        "limit": ("integer", "at most so many jobs (1 to 1000, else 50)"),
        "before": ("integer", "only jobs with a lower id: `next` of the page before"),
    },
    "get_job": {
        "wait": ("number", "seconds to wait for a change (at most 60)"),
        "known": ("string", "the status that is known: wait until it is another"),
    },
    "get_log": {
        "offset": ("integer", "first byte"),
        "limit": ("integer", "at most so many bytes"),
        "follow": ("integer", "1: go on until the job has ended and all was sent"),
    },
    "get_outputs": {"after": ("integer", "`next` of the answer before")},
}
BODIES: dict[str, type] = {"submit_job": messages.SubmitJob, "train": messages.TrainRequest}
ANSWERS: dict[str, type] = {
    "submit_job": messages.Job,
    "get_job": messages.Job,
    "cancel_job": messages.Job,
    "list_jobs": messages.JobList,
    "get_outputs": messages.JobOutputs,
    "get_environment": messages.Environment,
}
OPEN = frozenset({"live", "ready"})


def document(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of ``routes``."""
    kinds = {messages.ErrorBody, *BODIES.values(), *ANSWERS.values()}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template=REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, Route):
            method = "post" if "POST" in (route.methods or ()) else "get"
            paths.setdefault(route.path, {})[method] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "kd-magics training engine", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}
            },
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    name = route.endpoint.__name__
    summary = (route.endpoint.__doc__ or "").split(": ", 1)[-1].strip()
    parameters: list[dict[str, Any]] = [
        {"name": key, "in": "query", "description": text, "schema": {"type": kind}}
        for key, (kind, text) in QUERY.get(name, {}).items()
    ]
    if "{id}" in route.path:
        schema = {"type": "integer", "minimum": 1}
        parameters.append({"name": "id", "in": "path", "required": True, "schema": schema})
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": _answer(name), "default": _content("an error", messages.ErrorBody)},
    }
    if name == "submit_job":
        operation["responses"]["201"] = _answer(name)
    if name in BODIES:
        operation["requestBody"] = {**_content("", BODIES[name]), "required": True}
    if name not in OPEN:
        operation["security"] = [{"token": []}]
    return operation


def _answer(name: str) -> dict[str, Any]:
    if name == "get_log":
        text = {"text/plain": {"schema": {"type": "string"}}}
        return {"description": "bytes of the log", "content": text}
    if name in ANSWERS:
        return _content("the answer", ANSWERS[name])
    return {"description": "the answer", "content": {"application/json": {"schema": {}}}}


def _content(description: str, kind: type) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=kind.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
