"""The ``folder`` registry: YAML manifests in a folder, the same that ``kubectl apply -f`` takes.

One lock file orders the writers, every write is a rename, and each object we write has a file of
its own. Files with several documents are read, and written back whole when one of them is edited.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from kd_pipeline import manifest_text
from kd_pipeline.atomic import fsync_folder, write_atomic
from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND, App, Cluster
from kd_pipeline.connections_file import COMPARE_EVERY_S, wait_for_change
from kd_pipeline.errors import InvalidManifest, InvalidModel
from kd_pipeline.model_aliases import ALIASES_TYPE, ModelAliases, aliases_name
from kd_pipeline.model_config import CM_TYPE_LABEL, MODEL_TYPE, ModelConfig, check_label
from kd_pipeline.registry.base import (
    Registry,
    check_same,
    cluster_taken,
    name_taken,
    natural,
    registered_twice,
)
from kd_pipeline.registry.manifest_files import Document, ManifestFiles

T = TypeVar("T")
LOCK_TIMEOUT_S = 30.0
PREFIXES = {CLUSTER_KIND: "kdcluster", APP_KIND: "kdapp", "ConfigMap": "configmap"}


class FolderRegistry(Registry):
    """Manifests in the folder ``path``, which the first writing creates (0700).

    ``problems`` names the files that the last reading had to leave out, and why.
    """

    backend = "folder"

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).expanduser()
        self.problems: dict[str, str] = {}
        self._files = ManifestFiles(self.path)
        self._lock = FileLock(self.path / ".lock", timeout=LOCK_TIMEOUT_S, mode=0o600)

    @property
    def place(self) -> str:
        """Return where the registry is, for people."""
        return str(self.path)

    def missing_permissions(self) -> list[str]:
        """Return "write" where the folder cannot be written."""
        existing = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        return [] if os.access(existing, os.W_OK) else [f"write {self.path}"]

    def documents(self) -> list[Document]:
        """Return every readable manifest; what cannot be read is told in ``problems``."""
        found, self.problems = self._files.documents()
        return found

    def models(self) -> list[ModelConfig]:
        """Return the ConfigMaps of type model, by name and version."""
        found = []
        for document in self.documents():
            try:
                if _is_model(document):
                    found.append(ModelConfig.from_manifest(document.manifest))
                elif document.kind == "ConfigMap":
                    check_label(document.manifest["metadata"], document.manifest.get("data") or {})
            except InvalidModel as error:
                self.problems[document.path.name] = str(error)
        self.problems |= registered_twice(found)
        return sorted(found, key=lambda model: (model.name, natural(model.version)))

    def clusters(self) -> list[Cluster]:
        """Return the kdclusters, by name."""
        return sorted(self._typed(CLUSTER_KIND, Cluster), key=lambda cluster: cluster.name)

    def apps(self) -> list[App]:
        """Return the kdapps, by name."""
        return sorted(self._typed(APP_KIND, App), key=lambda app: app.name)

    def generation(self) -> str:
        """Return the sha256 of all manifests' names and contents."""
        digest = hashlib.sha256()
        for path in self._files.paths():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # deleted between listing and reading
            digest.update(f"{path.name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()

    def changes(self, stop: threading.Event) -> Iterator[str]:
        """Yield the generation at once, then after each change, until ``stop`` is set."""
        yielded = ""
        while not stop.is_set():
            generation = self.generation()
            if generation != yielded:
                yielded = generation
                yield generation
            else:
                wait_for_change(self.path, stop, COMPARE_EVERY_S)

    def register(self, model: ModelConfig) -> bool:
        """Write a model version (see :meth:`Registry.register`)."""
        model.validate()
        with self._writing():
            models = self.models()
            for held in models:
                if held.key == model.key or held.configmap_name == model.configmap_name:
                    check_same(model, held, models)
                    return False
            if self._find("ConfigMap", model.configmap_name):
                raise name_taken(model.configmap_name)
            self._write(model.to_manifest())
            return True

    def delete_model(self, name: str, version: str) -> None:
        """Delete a model version's ConfigMap (see :meth:`Registry.delete_model`)."""
        with self._writing():
            self._check_no_alias(name, version)
            found = self._find("ConfigMap", self.model(name, version).configmap_name)
            if found:
                self._rewrite(found, None)

    def describe(self, name: str, version: str, description: str) -> None:
        """Change a model version's description (see :meth:`Registry.describe`)."""
        with self._writing():
            model = replace(self.model(name, version), description=description).validate()
            found = self._find("ConfigMap", model.configmap_name)
            if found:
                self._rewrite(found, {**found.manifest, "data": model.data()})

    def aliases(self) -> dict[str, ModelAliases]:
        """Return the aliases of each model that has any."""
        found = {}
        for document in self.documents():
            if document.kind == "ConfigMap" and _cm_type(document) == ALIASES_TYPE:
                try:
                    aliases = ModelAliases.from_manifest(document.manifest)
                    found[aliases.model] = aliases
                except InvalidModel as error:
                    self.problems[document.path.name] = str(error)
        return found

    def edit_aliases(self, model: str, edit: Callable[[ModelAliases], ModelAliases]) -> None:
        """Read, edit and write a model's aliases under the lock."""
        with self._writing():
            found = self._find("ConfigMap", aliases_name(model))
            if found and _cm_type(found) != ALIASES_TYPE:
                raise name_taken(aliases_name(model))
            after = edit(self.aliases_of(model))
            if after.versions:
                self._write(after.to_manifest())
            elif found:
                self._rewrite(found, None)

    def create_cluster(self, cluster: Cluster) -> None:
        """Write a new kdcluster (see :meth:`Registry.create_cluster`)."""
        with self._writing():
            if self._find(CLUSTER_KIND, cluster.name):
                raise cluster_taken(cluster.name)
            self._write(cluster.manifest)

    def apply(self, manifests: Iterable[dict[str, Any]]) -> None:
        """Write manifests, new or changed (see :meth:`Registry.apply`)."""
        with self._writing():
            for manifest in manifests:
                self._write(manifest)

    def edit_cluster(self, name: str, edit: Callable[[Cluster], Cluster]) -> bool:
        """Read, edit and write a kdcluster under the lock; False where nothing changed."""
        with self._writing():
            before = self.cluster(name)
            after = edit(before)
            if after.manifest == before.manifest:
                return False
            self._write(after.manifest)
            return True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock, in the folder that is there from then on."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            yield

    def _typed(self, kind: str, build: Callable[[dict[str, Any]], T]) -> list[T]:
        found = []
        for document in self.documents():
            if document.kind == kind:
                try:
                    found.append(build(document.manifest))
                except (InvalidManifest, KeyError, TypeError, AttributeError) as error:
                    self.problems[document.path.name] = f"{document.path.name}: {error}"
        return found

    def _find(self, kind: str, name: str) -> Document | None:
        for document in self.documents():
            if (document.kind, document.name) == (kind, name):
                return document
        return None

    def _write(self, manifest: dict[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        found = self._find(manifest["kind"], name)
        if found:
            self._rewrite(found, manifest)
        else:
            prefix = PREFIXES.get(manifest["kind"], manifest["kind"].lower())
            write_atomic(self.path / f"{prefix}-{name}.yaml", manifest_text.write_all([manifest]))

    def _rewrite(self, found: Document, manifest: dict[str, Any] | None) -> None:
        """Replace one document of its file, or take it out; the others stay as they were."""
        documents: list[Any] = manifest_text.read_all(found.path.read_bytes())
        documents[found.index] = manifest
        rest = [document for document in documents if document is not None]
        if rest:
            write_atomic(found.path, manifest_text.write_all(rest))
        else:
            found.path.unlink()
            fsync_folder(self.path)


def _is_model(document: Document) -> bool:
    return document.kind == "ConfigMap" and _cm_type(document) == MODEL_TYPE


def _cm_type(document: Document) -> str | None:
    labels = (document.manifest.get("metadata") or {}).get("labels") or {}
    kind: str | None = labels.get(CM_TYPE_LABEL)
    return kind
