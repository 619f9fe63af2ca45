"""The ``kubernetes`` registry: ConfigMaps, kdclusters and kdapps of a namespace.

What is written goes through the API server's own checks: creating a model is one exclusive POST,
editing a kdcluster is a PATCH of the version that was read, tried again where somebody was faster.
It holds only what changes: KubeDirector refuses a whole object without its status.
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from kubernetes.client import ApiClient

from kd_pipeline.cluster_status import state_of
from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND, App, Cluster
from kd_pipeline.errors import (
    Conflict,
    InvalidManifest,
    InvalidModel,
    KdError,
    NotFound,
    UnknownCluster,
)
from kd_pipeline.model_aliases import ALIASES_TYPE, ModelAliases, aliases_name
from kd_pipeline.model_config import CM_TYPE_LABEL, ModelConfig, check_label
from kd_pipeline.registry.api_edits import again_after_conflicts, who_changes
from kd_pipeline.registry.api_namespace import ApiNamespace
from kd_pipeline.registry.api_objects import (
    ALIASES,
    API_VERSIONS,
    FIELD_MANAGER,
    METADATA_ONLY,
    MODELS,
    NO_MODELS,
    data_keys,
    merge_patch,
    selector_of,
    writable,
)
from kd_pipeline.registry.api_watch import watch
from kd_pipeline.registry.base import (
    Registry,
    check_same,
    cluster_taken,
    name_taken,
    natural,
    registered_twice,
)

RETRY_S = 1.0


class ApiServerRegistry(Registry):
    """The registry of one namespace; ``api`` has the server and the credentials."""

    backend = "kubernetes"

    def __init__(self, api: ApiClient, namespace: str) -> None:
        self.objects = ApiNamespace(api, namespace)
        self.namespace = namespace
        self.problems: dict[str, str] = {}
        self._problems: dict[tuple[str, str], dict[str, str]] = {}  # by what was listed

    @property
    def place(self) -> str:
        """Return where the registry is, for people."""
        return f"namespace {self.namespace} of {self.objects.server}"

    def missing_permissions(self) -> list[str]:
        """Return what the API server says this user may not do, of what the magics need."""
        return self.objects.missing_permissions()

    def credentials(self) -> str | None:
        """Return until when the credentials are good, where they tell it."""
        return self.objects.credentials()

    def models(self) -> list[ModelConfig]:
        """Return the ConfigMaps of type model, by name and version."""
        self._build("ConfigMap", _check_other, NO_MODELS, METADATA_ONLY)  # for `problems`
        found = self._build("ConfigMap", ModelConfig.from_manifest, MODELS)
        self._note(("ConfigMap", "twice"), registered_twice(found))
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
            return Cluster(self.objects.get(CLUSTER_KIND, name))
        except NotFound:
            return super().cluster(name)

    def generation(self) -> str:
        """Return the sha256 of all objects' names and resource versions."""
        digest = hashlib.sha256()
        for kind in API_VERSIONS:
            for item in self.objects.list(kind, selector_of(kind), METADATA_ONLY)[0]:
                metadata = item["metadata"]
                digest.update(f"{kind} {metadata['name']} {metadata['resourceVersion']}\n".encode())
        return digest.hexdigest()

    def changes(self, stop: threading.Event) -> Iterator[str]:
        """Yield the generation at once, then after each change, until ``stop`` is set.

        Watches that break, or whose history is over (410), are begun anew.
        """
        changed = threading.Event()
        for kind in API_VERSIONS:
            args = (lambda kind=kind: self.objects.begin_watch(kind), changed, stop)
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
            self.objects.create("ConfigMap", model.to_manifest())
        except Conflict:  # somebody else's, at the same moment or under another name
            try:
                held = ModelConfig.from_manifest(
                    self.objects.get("ConfigMap", model.configmap_name)
                )
            except InvalidModel:
                raise name_taken(model.configmap_name) from None
            check_same(model, held, self.models())
            return False
        return True

    def delete_model(self, name: str, version: str) -> None:
        """Delete a model version's ConfigMap (see :meth:`Registry.delete_model`)."""
        self._check_no_alias(name, version)
        self.objects.call("delete", "ConfigMap", name=self.model(name, version).configmap_name)

    def describe(self, name: str, version: str, description: str) -> None:
        """Change a model version's description (see :meth:`Registry.describe`)."""
        model = replace(self.model(name, version), description=description).validate()
        self.objects.patch(
            "ConfigMap", model.configmap_name, {"data": {"description": description}}
        )

    def aliases(self) -> dict[str, ModelAliases]:
        """Return the aliases of each model that has any."""
        found = self._build("ConfigMap", ModelAliases.from_manifest, ALIASES)
        return {aliases.model: aliases for aliases in found if aliases.versions}

    def edit_aliases(self, model: str, edit: Callable[[ModelAliases], ModelAliases]) -> None:
        """Read, edit and write a model's aliases; where somebody was faster, again."""
        name = aliases_name(model)

        def attempt() -> None:
            try:
                held: dict[str, Any] = self.objects.get("ConfigMap", name)
            except NotFound:
                self.objects.create("ConfigMap", edit(ModelAliases(model)).to_manifest())
                return
            if (held["metadata"].get("labels") or {}).get(CM_TYPE_LABEL) != ALIASES_TYPE:
                raise name_taken(name)
            after = edit(ModelAliases.from_manifest(held)).to_manifest()
            body = {**writable(held, keep_version=True), "data": after["data"]}
            self.objects.call("replace", "ConfigMap", body=body, field_manager=FIELD_MANAGER)

        again_after_conflicts(attempt, f"The aliases of {model!r}")

    def apply(self, manifests: Iterable[dict[str, Any]]) -> None:
        """Write manifests, new or changed, by server-side apply."""
        for manifest in manifests:
            attempt = partial(self.objects.apply, manifest["kind"], manifest)
            what = f"{manifest['kind']} {manifest['metadata']['name']!r}"
            again_after_conflicts(attempt, what)

    def create_cluster(self, cluster: Cluster) -> None:
        """Write a new kdcluster (see :meth:`Registry.create_cluster`)."""
        try:
            self.objects.create(CLUSTER_KIND, cluster.manifest)
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
            after = edit(Cluster(before))
            self._check_seen(Cluster(before), after)
            patch = merge_patch(before, after.manifest)
            changed = bool(patch)
            if changed:
                version = {"resourceVersion": before["metadata"]["resourceVersion"]}
                patch["metadata"] = {**patch.get("metadata", {}), **version}
                self.objects.patch(CLUSTER_KIND, name, patch)

        again_after_conflicts(attempt, f"kdcluster {name!r}", lambda: who_changes(before))
        return changed

    def _check_seen(self, before: Cluster, after: Cluster) -> None:
        """Raise Conflict where KubeDirector has not seen a kdcluster yet that is connected anew.

        It panics at one without a status. A name that nothing has is let through, as it does.
        """
        for name in {*after.connections("clusters")} - {*before.connections("clusters")}:
            with suppress(UnknownCluster):
                if not state_of(self.cluster(name).manifest):
                    raise Conflict(f"KubeDirector has not seen the new kdcluster {name!r} yet.")

    def _build(
        self,
        kind: str,
        build: Callable[[dict[str, Any]], Any],
        selector: str = "",
        accept: str = "",
    ) -> Any:
        found, problems = [], {}
        for item in self.objects.list(kind, selector, accept)[0]:
            try:
                found.append(build({"apiVersion": API_VERSIONS[kind], "kind": kind, **item}))
            except (InvalidManifest, InvalidModel) as error:
                problems[f"{kind} {item['metadata']['name']}"] = str(error)
        self._note((kind, selector), problems)
        return found

    def _note(self, read: tuple[str, str], problems: dict[str, str]) -> None:
        """Tell of what was read now; problems of before may be deleted or mended."""
        self._problems[read] = problems
        self.problems = {k: v for some in [*self._problems.values()] for k, v in some.items()}


def _check_other(manifest: dict[str, Any]) -> None:
    check_label(manifest["metadata"], data_keys(manifest["metadata"]))
