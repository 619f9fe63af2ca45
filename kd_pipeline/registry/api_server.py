"""The ``kubernetes`` registry: ConfigMaps, kdclusters and kdapps of a namespace.

What is written goes through the API server's own checks: creating a model is one exclusive POST,
editing a kdcluster is a PUT of the version that was read, tried again where somebody was faster.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.dynamic import DynamicClient, Resource
from kubernetes.dynamic.exceptions import DynamicApiError
from urllib3.exceptions import HTTPError

from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND, App, Cluster
from kd_pipeline.errors import Conflict, InvalidManifest, InvalidModel, KdError, NotFound
from kd_pipeline.model_aliases import ALIASES_TYPE, ModelAliases, aliases_name
from kd_pipeline.model_config import CM_TYPE_LABEL, ModelConfig, check_label
from kd_pipeline.registry.api_access import missing_permissions, token_words
from kd_pipeline.registry.api_errors import again_after_conflicts, told
from kd_pipeline.registry.api_objects import (
    ALIASES,
    API_VERSIONS,
    FIELD_MANAGER,
    METADATA_ONLY,
    MODELS,
    NAMES,
    UNLABELLED,
    selector_of,
    writable,
)
from kd_pipeline.registry.api_watch import events
from kd_pipeline.registry.base import (
    Registry,
    check_same,
    cluster_taken,
    name_taken,
    natural,
)

PAGE = 500
CONNECT_S, READ_S = 5.0, 30.0
# A watch ends after WATCH_S by itself; one that says nothing for longer is a dead connection.
WATCH_S = 50
SILENCE_S = 60.0
RETRY_S = 1.0


class ApiServerRegistry(Registry):
    """The registry of one namespace; ``api`` has the server and the credentials."""

    backend = "kubernetes"

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self.namespace = namespace
        self._api = api
        self._server = str(api.configuration.host)
        self._dynamic: DynamicClient | None = None
        self._resources: dict[str, Resource] = {}
        self._discovering = threading.Lock()  # the library's discovery bears one thread at a time
        self.problems: dict[str, str] = {}
        self._problems: dict[tuple[str, str], dict[str, str]] = {}  # by what was listed

    @property
    def place(self) -> str:
        """Return where the registry is, for people."""
        return f"namespace {self.namespace} of {self._server}"

    def missing_permissions(self) -> list[str]:
        """Return what the API server says this user may not do, of what the magics need."""
        limits = (CONNECT_S, READ_S)
        return missing_permissions(self._client(), self.namespace, self._server, limits)

    def credentials(self) -> str | None:
        """Return until when the credentials are good, where they tell it."""
        return token_words(self._api.configuration)

    def models(self) -> list[ModelConfig]:
        """Return the ConfigMaps of type model, by name and version."""
        self._build("ConfigMap", check_label, UNLABELLED)  # for `problems`
        found = self._build("ConfigMap", ModelConfig.from_manifest, MODELS)
        return sorted(found, key=lambda model: (model.name, natural(model.version)))

    def clusters(self) -> list[Cluster]:
        """Return the kdclusters, by name."""
        return sorted(self._build(CLUSTER_KIND, Cluster), key=lambda cluster: cluster.name)

    def apps(self) -> list[App]:
        """Return the kdapps, by name."""
        return sorted(self._build(APP_KIND, App), key=lambda app: app.name)

    def cluster(self, name: str) -> Cluster:
        """Return one kdcluster; raises UnknownCluster."""
        try:
            return Cluster(self._get(CLUSTER_KIND, name))
        except NotFound:
            return super().cluster(name)

    def generation(self) -> str:
        """Return the sha256 of all objects' names and resource versions."""
        digest = hashlib.sha256()
        for kind in API_VERSIONS:
            for item in self._list(kind, selector_of(kind), METADATA_ONLY)[0]:
                metadata = item["metadata"]
                digest.update(f"{kind} {metadata['name']} {metadata['resourceVersion']}\n".encode())
        return digest.hexdigest()

    def changes(self, stop: threading.Event) -> Iterator[str]:
        """Yield the generation at once, then after each change, until ``stop`` is set.

        Watches that break, or whose history is over (410), are begun anew.
        """
        changed = threading.Event()
        for kind in API_VERSIONS:
            watcher = threading.Thread(target=self._watch, args=(kind, changed, stop), daemon=True)
            watcher.start()
        yielded = ""
        while not stop.is_set():
            try:
                generation = self.generation()
            except KdError:
                stop.wait(RETRY_S)
                continue
            if generation != yielded:
                yielded = generation
                yield generation
            while not stop.is_set() and not changed.wait(0.2):
                continue
            changed.clear()

    def register(self, model: ModelConfig) -> bool:
        """Write a model version (see :meth:`Registry.register`)."""
        model.validate()
        models = self.models()
        for held in models:
            if held.key == model.key:
                check_same(model, held, models)
                return False
        try:
            self._call("create", "ConfigMap", body=model.to_manifest(), field_manager=FIELD_MANAGER)
        except Conflict:  # somebody else's, at the same moment or under another name
            try:
                held = ModelConfig.from_manifest(self._get("ConfigMap", model.configmap_name))
            except InvalidModel:
                raise name_taken(model.configmap_name) from None
            check_same(model, held, self.models())
            return False
        return True

    def delete_model(self, name: str, version: str) -> None:
        """Delete a model version's ConfigMap (see :meth:`Registry.delete_model`)."""
        self._check_no_alias(name, version)
        self._call("delete", "ConfigMap", name=self.model(name, version).configmap_name)

    def describe(self, name: str, version: str, description: str) -> None:
        """Change a model version's description (see :meth:`Registry.describe`)."""
        model = replace(self.model(name, version), description=description).validate()
        body = {"metadata": {"name": model.configmap_name}, "data": {"description": description}}
        kind = "application/merge-patch+json"
        self._call("patch", "ConfigMap", body=body, content_type=kind, field_manager=FIELD_MANAGER)

    def aliases(self) -> dict[str, ModelAliases]:
        """Return the aliases of each model that has any."""
        found = self._build("ConfigMap", ModelAliases.from_manifest, ALIASES)
        return {aliases.model: aliases for aliases in found if aliases.versions}

    def edit_aliases(self, model: str, edit: Callable[[ModelAliases], ModelAliases]) -> None:
        """Read, edit and write a model's aliases; where somebody was faster, again."""
        name = aliases_name(model)

        def attempt() -> None:
            try:
                held: dict[str, Any] = self._get("ConfigMap", name)
            except NotFound:
                body = edit(ModelAliases(model)).to_manifest()
                self._call("create", "ConfigMap", body=body, field_manager=FIELD_MANAGER)
                return
            if (held["metadata"].get("labels") or {}).get(CM_TYPE_LABEL) != ALIASES_TYPE:
                raise name_taken(name)
            after = edit(ModelAliases.from_manifest(held)).to_manifest()
            body = {**writable(held, keep_version=True), "data": after["data"]}
            self._call("replace", "ConfigMap", body=body, field_manager=FIELD_MANAGER)

        again_after_conflicts(attempt, f"The aliases of {model!r}")

    def apply_cluster(self, cluster: Cluster) -> None:
        """Write a kdcluster, new or changed, by server-side apply."""
        self._call(
            "server_side_apply",
            CLUSTER_KIND,
            name=cluster.name,
            body=writable(cluster.manifest, keep_version=False),
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
        )

    def create_cluster(self, cluster: Cluster) -> None:
        """Write a new kdcluster (see :meth:`Registry.create_cluster`)."""
        body = writable(cluster.manifest, keep_version=False)
        try:
            self._call("create", CLUSTER_KIND, body=body, field_manager=FIELD_MANAGER)
        except Conflict:
            raise cluster_taken(cluster.name) from None

    def edit_cluster(self, name: str, edit: Callable[[Cluster], Cluster]) -> bool:
        """Read, edit and write a kdcluster; where somebody was faster, again from what is new."""
        changed = False

        def attempt() -> None:
            nonlocal changed
            before = self.cluster(name)
            after = edit(before)
            changed = after.manifest != before.manifest
            if changed:
                body = writable(after.manifest, keep_version=True)
                self._call("replace", CLUSTER_KIND, body=body, field_manager=FIELD_MANAGER)

        again_after_conflicts(attempt, f"kdcluster {name!r}")
        return changed

    def _build(self, kind: str, build: Callable[[dict[str, Any]], Any], selector: str = "") -> Any:
        found, problems = [], {}
        for item in self._list(kind, selector)[0]:
            try:
                found.append(build({"apiVersion": API_VERSIONS[kind], "kind": kind, **item}))
            except (InvalidManifest, InvalidModel) as error:
                problems[f"{kind} {item['metadata']['name']}"] = str(error)
        self._problems[kind, selector] = problems  # those of before may be deleted or mended
        self.problems = {k: v for some in [*self._problems.values()] for k, v in some.items()}
        return found

    def _list(
        self, kind: str, selector: str = "", accept: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """Return all objects, page by page, and the resource version from which to watch."""
        items: list[dict[str, Any]] = []
        going_on: str | None = None
        while True:
            wanted = {"label_selector": selector, "_continue": going_on, "accept": accept}
            page = self._call("get", kind, limit=PAGE, **{k: v for k, v in wanted.items() if v})
            items += page.get("items") or []
            going_on = page["metadata"].get("continue")
            if not going_on:
                return items, str(page["metadata"]["resourceVersion"])

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        return self._call("get", kind, name=name)

    def _call(self, verb: str, kind: str, accept: str = "", **given: Any) -> dict[str, Any]:
        words = {"get": "get" if "name" in given else "list", "replace": "update"}
        word = words.get(verb, "patch" if verb == "server_side_apply" else verb)
        with told(word, NAMES[kind], self.namespace, self._server):
            call = getattr(self._resource(kind), verb)
            given |= {"header_params": {"Accept": accept}} if accept else {}
            # Plain JSON: the library's own objects take longer than the server's answer.
            given |= {"serialize": False, "_request_timeout": (CONNECT_S, READ_S)}
            answer: dict[str, Any] = json.loads(call(namespace=self.namespace, **given).data)
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

    def _watch(self, kind: str, changed: threading.Event, stop: threading.Event) -> None:
        """Set ``changed`` whenever an object of a kind has changed, or might have."""
        while not stop.is_set():
            try:
                _, version = self._list(kind, selector_of(kind))
                changed.set()
                while version and not stop.is_set():
                    version = self._watch_once(kind, version, changed, stop)
            except (KdError, DynamicApiError, HTTPError, OSError):
                stop.wait(RETRY_S)

    def _watch_once(
        self, kind: str, version: str, changed: threading.Event, stop: threading.Event
    ) -> str:
        """Watch from a resource version on; return the one reached, "" where it is too old."""
        limits = (WATCH_S, (CONNECT_S, SILENCE_S))
        resource, selector = self._resource(kind), selector_of(kind) or None
        for event in events(resource, self.namespace, selector, version, limits):
            if event["type"] == "ERROR" or stop.is_set():
                return ""
            version = event["object"]["metadata"]["resourceVersion"]
            changed.set()
        return version
