"""The registry as the routes see it: kept open, and read anew only where something has changed.

Opening one costs a reading of all manifests, or a Kubernetes API server's discovery. It is opened
again when what it was opened by has changed, such as a kubeconfig, and when its credentials are
refused: newer ones may be there.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kd_pipeline.clusters import App, Cluster
from kd_pipeline.errors import ModelNotFound, Unauthorized
from kd_pipeline.model_aliases import ModelAliases
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import FolderRegistry, Registry
from kd_pipeline.registry.surroundings import open_registry, surroundings_stamp

# Some of what is told as problems is in no generation: ConfigMaps without a label.
FRESH_S = 60.0
# To look whether something has changed costs a look at each manifest. Who asks again and again is
# given what was seen a moment ago, so that looking takes at most that share of the time.
LOOK_SHARE = 0.02
LONGEST_UNSEEN_S = 1.0
Key = tuple[str, str]


@dataclass(frozen=True)
class Snapshot:
    """All that a registry held at one moment; ``problems`` are what was left out, and why."""

    models: list[ModelConfig]
    clusters: list[Cluster]
    apps: list[App]
    aliases: Mapping[str, ModelAliases]
    problems: list[str]
    place: str
    generation: str
    read: float  # time.monotonic()

    def resolve(self, name: str, version_or_alias: str) -> ModelConfig:
        """Return a model by its version or an alias; raises ModelNotFound, which lists some."""
        versions = self.aliases[name].versions if name in self.aliases else {}
        version = versions.get(version_or_alias, version_or_alias)
        for model in self.models:
            if model.key == (name, version):
                return model
        known = [model.version for model in self.models if model.name == name]
        words = f"registered are: {', '.join(known[-20:])}" if known else "no version is"
        raise ModelNotFound(f"No model {name[:80]}/{version[:80]} is registered ({words}).")

    def alias_words(self) -> dict[Key, list[str]]:
        """Return the aliases of each version that has any."""
        found: dict[Key, list[str]] = {}
        for name, aliases in self.aliases.items():
            for alias, version in sorted(aliases.versions.items()):
                found.setdefault((name, version), []).append(alias)
        return found


class KeptRegistry:
    """The registry of the surroundings; its methods may block, and may be called in any thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._registry: Registry | None = None
        self._stamp: tuple[object, ...] = ()
        self._snapshot: Snapshot | None = None
        self._unseen_until = 0.0

    def open(self) -> Registry:
        """Return the registry; raises InvalidInput for a broken kubeconfig."""
        with self._lock:
            stamp = surroundings_stamp()
            if self._registry is None or stamp != self._stamp:
                self._registry = self._same_or(open_registry())
                self._stamp = stamp
            return self._registry

    @contextmanager
    def used(self) -> Iterator[Registry]:
        """Give the registry for some calls; where it refuses the credentials, the next is new."""
        registry = self.open()
        try:
            yield registry
        except Unauthorized:
            with self._lock:
                if self._registry is registry:
                    self._registry = None
            raise
        finally:
            self._unseen_until = 0.0  # it may have been changed

    def glance(self) -> Snapshot:
        """Return the same as `snapshot`, or where looking takes long what it was a moment ago."""
        held, now = self._snapshot, time.monotonic()
        if held and now < self._unseen_until and self.open().place == held.place:
            return held
        return self.snapshot()

    def snapshot(self) -> Snapshot:
        """Return what is in the registry now; it is read again only where it has changed."""
        began = time.monotonic()
        found = self._looked_at()
        spent = time.monotonic() - began
        self._unseen_until = began + spent + min(LONGEST_UNSEEN_S, spent / LOOK_SHARE)
        return found

    def _looked_at(self) -> Snapshot:
        with self.used() as registry:
            generation = registry.generation()
            found = self._snapshot
            if found is None or not _is_fresh(found, registry, generation):
                with self._lock:
                    found = self._snapshot
                    if found is None or not _is_fresh(found, registry, generation):
                        found = self._snapshot = _read(registry, generation)
            return found

    def _same_or(self, opened: Registry) -> Registry:
        """Return the folder that is open already, which has read its files, where it is that."""
        held = self._registry
        if isinstance(held, FolderRegistry) and isinstance(opened, FolderRegistry):
            return held if held.path == opened.path else opened
        return opened


def _is_fresh(found: Snapshot, registry: Registry, generation: str) -> bool:
    is_same = (found.generation, found.place) == (generation, registry.place)
    return is_same and time.monotonic() - found.read < FRESH_S


def _read(registry: Registry, generation: str) -> Snapshot:
    """Read a registry; what changes meanwhile has another generation, so it is read again."""
    read = time.monotonic()
    models = registry.models()
    problems = dict(registry.problems)
    aliases = registry.aliases()
    problems |= registry.problems
    clusters, apps = registry.clusters(), registry.apps()
    problems |= registry.problems
    told = list(dict.fromkeys(problems.values()))
    return Snapshot(models, clusters, apps, aliases, told, registry.place, generation, read)
