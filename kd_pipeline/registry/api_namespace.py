"""The objects of a namespace as its API server gives and takes them: plain JSON, page by page."""

import json
import threading
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.dynamic import DynamicClient, Resource

from kd_pipeline.registry.api_access import missing_permissions, token_words
from kd_pipeline.registry.api_errors import told
from kd_pipeline.registry.api_objects import (
    API_VERSIONS,
    FIELD_MANAGER,
    MERGE_PATCH,
    METADATA_ONLY,
    NAMES,
    selector_of,
    writable,
)
from kd_pipeline.registry.api_watch import Watched

PAGE = 500
CONNECT_S, READ_S = 5.0, 30.0


class ApiNamespace:
    """Calls of one namespace; ``api`` has the server and the credentials.

    Each raises what the server refuses as a KdError: NotFound, Conflict, Forbidden and others.
    """

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self.name = namespace
        self.server = str(api.configuration.host)
        self._api = api
        self._dynamic: DynamicClient | None = None
        self._resources: dict[str, Resource] = {}
        self._discovering = threading.Lock()  # the library's discovery bears one thread at a time

    def missing_permissions(self) -> list[str]:
        """Return what the API server says this user may not do, of what the magics need."""
        return missing_permissions(self._client, self.name, self.server, (CONNECT_S, READ_S))

    def credentials(self) -> str | None:
        """Return until when the credentials are good, where they tell it."""
        return token_words(self._api.configuration)

    def list(
        self, kind: str, selector: str = "", accept: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """Return all objects, page by page, and the resource version from which to watch."""
        items: list[dict[str, Any]] = []
        going_on: str | None = None
        while True:
            wanted = {"label_selector": selector, "_continue": going_on, "accept": accept}
            page = self.call("get", kind, limit=PAGE, **{k: v for k, v in wanted.items() if v})
            items += page.get("items") or []
            going_on = page["metadata"].get("continue")
            if not going_on:
                return items, str(page["metadata"]["resourceVersion"])

    def begin_watch(self, kind: str) -> tuple[Watched, str]:
        """Return what is watched of a kind, and the resource version from which on."""
        selector = selector_of(kind)
        page = self.call("get", kind, accept=METADATA_ONLY, label_selector=selector, limit=1)
        version = str(page["metadata"]["resourceVersion"])
        return Watched(self._resource(kind), self.name, selector or None), version

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return one object."""
        return self.call("get", kind, name=name)

    def create(self, kind: str, manifest: dict[str, Any]) -> None:
        """Write a new object."""
        body = writable(manifest, keep_version=False)
        self.call("create", kind, body=body, field_manager=FIELD_MANAGER)

    def apply(self, kind: str, manifest: dict[str, Any]) -> None:
        """Write an object, new or changed, by server-side apply."""
        self.call(
            "server_side_apply",
            kind,
            name=manifest["metadata"]["name"],
            body=writable(manifest, keep_version=False),
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
        )

    def patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        """Change an object by a merge patch (RFC 7386)."""
        given = {"content_type": MERGE_PATCH, "field_manager": FIELD_MANAGER}
        self.call("patch", kind, name=name, body=patch, **given)

    def call(self, verb: str, kind: str, accept: str = "", **given: Any) -> dict[str, Any]:
        """Send a request by the library's word for its verb, and return its JSON."""
        words = {"get": "get" if "name" in given else "list", "replace": "update"}
        word = words.get(verb, "patch" if verb == "server_side_apply" else verb)
        with told(word, NAMES[kind], self.name, self.server):
            call = getattr(self._resource(kind), verb)
            given |= {"header_params": {"Accept": accept}} if accept else {}
            # Plain JSON: the library's own objects take longer than the server's answer.
            given |= {"serialize": False, "_request_timeout": (CONNECT_S, READ_S)}
            answer: dict[str, Any] = json.loads(call(namespace=self.name, **given).data)
        return answer

    def _client(self) -> DynamicClient:
        if self._dynamic is None:
            self._dynamic = DynamicClient(self._api)
        return self._dynamic

    def _resource(self, kind: str) -> Resource:
        with self._discovering:
            if kind not in self._resources:
                found = self._client().resources.get(api_version=API_VERSIONS[kind], kind=kind)
                self._resources[kind] = found
            return self._resources[kind]
