"""The ``kubernetes`` registry: ConfigMaps, kdclusters and kdapps of a namespace.

What is written goes through the API server's own checks: creating a model is one exclusive POST,
editing a kdcluster is a PATCH of the version that was read, tried again where somebody was faster.
It holds only what changes: KubeDirector refuses a whole object without its status.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from kubernetes.client import ApiClient
from kubernetes.dynamic import DynamicClient, Resource

from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND, App, Cluster
from kd_pipeline.errors import (
    Conflict,
    InvalidManifest,
    InvalidModel,
    KdError,
    NotFound,
)
from kd_pipeline.model_aliases import ALIASES_TYPE, ModelAliases, aliases_name
from kd_pipeline.model_config import CM_TYPE_LABEL, ModelConfig, check_label
from kd_pipeline.registry.api_access import missing_permissions, token_words
from kd_pipeline.registry.api_edits import again_after_conflicts, who_changes
from kd_pipeline.registry.api_errors import told
from kd_pipeline.registry.api_objects import (
    ALIASES,
    API_VERSIONS,
    FIELD_MANAGER,
    MERGE_PATCH,
    METADATA_ONLY,
    MODELS,
    NAMES,
    UNLABELLED,
    merge_patch,
    selector_of,
    writable,
)
from kd_pipeline.registry.api_watch import Watched, watch
from kd_pipeline.registry.base import (
    Registry,
    check_same,
    cluster_taken,
    name_taken,
    natural,
)

PAGE = 500
CONNECT_S, READ_S = 5.0, 30.0
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
            args = (lambda kind=kind: self._begin(kind), changed, stop)
            threading.Thread(target=watch, args=args, daemon=True).start()
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
        self._patch("ConfigMap", model.configmap_name, {"data": {"description": description}})

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
        before: dict[str, Any] = {}

        def attempt() -> None:
            nonlocal changed, before
            before = self.cluster(name).manifest
            if "deletionTimestamp" in before["metadata"]:  # and may be made anew
                raise Conflict(f"kdcluster {name!r} is being deleted; it takes no changes.")
            patch = merge_patch(before, edit(Cluster(before)).manifest)
            changed = bool(patch)
            if changed:
                version = {"resourceVersion": before["metadata"]["resourceVersion"]}
                patch["metadata"] = {**patch.get("metadata", {}), **version}
                self._patch(CLUSTER_KIND, name, patch)

        again_after_conflicts(attempt, f"kdcluster {name!r}", lambda: who_changes(before))
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

    def _begin(self, kind: str) -> tuple[Watched, str]:
        """Return what is watched of a kind, and the resource version from which on."""
        selector = selector_of(kind)
        version = self._list(kind, selector)[1]
        return Watched(self._resource(kind), self.namespace, selector or None), version

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

    def _patch(self, kind: str, name: str, patch: dict[str, Any]) -> None:
        given = {"content_type": MERGE_PATCH, "field_manager": FIELD_MANAGER}
        self._call("patch", kind, name=name, body=patch, **given)

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
