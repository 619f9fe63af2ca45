"""An engine's OpenAPI document, made from its routes, their docstrings and its messages."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

from kd_engines.web.guard import HEALTH_PATHS
from kd_pipeline.messages import ErrorBody

REF = "#/components/schemas/{name}"
SECURITY = {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}}


@dataclass(frozen=True)
class Api:
    """What the routes alone do not tell; each mapping goes by the name of a route's function.

    ``query`` has for each parameter its JSON type and its description; ``created`` are the routes
    that may answer 201, ``texts`` those that answer plain text, ``data`` those that answer bytes.
    """

    title: str
    bodies: Mapping[str, type]
    answers: Mapping[str, type]
    query: Mapping[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)
    created: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()

    def document(self, routes: Sequence[BaseRoute]) -> dict[str, Any]:
        """Return the OpenAPI 3.1 document of ``routes``."""
        kinds = {ErrorBody, *self.bodies.values(), *self.answers.values()}
        ordered = sorted(kinds, key=lambda kind: kind.__name__)
        _, components = msgspec.json.schema_components(ordered, ref_template=REF)
        paths: dict[str, dict[str, Any]] = {}
        for route in routes:
            if isinstance(route, Route):
                method = "post" if "POST" in (route.methods or ()) else "get"
                paths.setdefault(route.path, {})[method] = self._operation(route)
        return {
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": "1"},
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": SECURITY},
        }

    def _operation(self, route: Route) -> dict[str, Any]:
        name = route.name
        operation: dict[str, Any] = {
            "operationId": name,
            "summary": inspect.cleandoc(route.endpoint.__doc__ or "").split(": ", 1)[-1],
            "parameters": [*self._query(name), *_in_path(route)],
            "responses": {
                "200": self._answer(name),
                "default": _content("an error", ErrorBody),
            },
        }
        if name in self.created:
            operation["responses"]["201"] = self._answer(name)
        if name in self.bodies:
            operation["requestBody"] = {**_content("", self.bodies[name]), "required": True}
        if route.path not in HEALTH_PATHS:
            operation["security"] = [{"token": []}]
        return operation

    def _query(self, name: str) -> Iterator[dict[str, Any]]:
        for key, (kind, text) in self.query.get(name, {}).items():
            yield {"name": key, "in": "query", "description": text, "schema": {"type": kind}}

    def _answer(self, name: str) -> dict[str, Any]:
        if name in self.texts:
            text = {"text/plain": {"schema": {"type": "string"}}}
            return {"description": "the text", "content": text}
        if name in self.data:
            data = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
            return {"description": "the bytes", "content": data}
        if name in self.answers:
            return _content("the answer", self.answers[name])
        return {"description": "the answer", "content": {"application/json": {"schema": {}}}}


def _in_path(route: Route) -> Iterator[dict[str, Any]]:
    for name in sorted(route.param_convertors):
        number = {"type": "integer", "minimum": 1}
        schema: dict[str, Any] = number if name == "id" else {"type": "string"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _content(description: str, kind: type) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=kind.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
