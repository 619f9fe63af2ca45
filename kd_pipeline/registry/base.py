"""The interface of a registry: where model ConfigMaps, kdclusters and kdapps are kept."""

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kd_pipeline.clusters import App, Cluster
from kd_pipeline.errors import (
    Conflict,
    InvalidModel,
    ModelNotFound,
    NotFound,
    UnknownCluster,
    VersionTaken,
)
from kd_pipeline.hints import Hint
from kd_pipeline.model_aliases import ModelAliases
from kd_pipeline.model_config import ModelConfig

# Keys that say when, by whom and in which job a model was made, not what it is: registering the
# same content again at another time changes nothing.
CIRCUMSTANCE_KEYS = frozenset(
    {
        *("created", "author", "job-id", "job-cluster", "code-sha256", "params"),
        *("notebook", "cell-id", "file", "git-commit", "git-dirty"),
    }
)


class Registry(ABC):
    """Models, kdclusters and kdapps; one implementation per place where they can be kept."""

    backend: str
    problems: dict[str, str]  # what the last reading had to leave out, and why

    @property
    @abstractmethod
    def place(self) -> str:
        """Return where the registry is, for people."""

    @abstractmethod
    def missing_permissions(self) -> list[str]:
        """Return what the magics need and this user may not do, each as "verb resource"."""

    def credentials(self) -> str | None:
        """Return until when the credentials are good, where there are some that tell it."""
        return None

    @abstractmethod
    def models(self) -> list[ModelConfig]:
        """Return the registered models, by name and version."""

    @abstractmethod
    def clusters(self) -> list[Cluster]:
        """Return the kdclusters, by name."""

    @abstractmethod
    def apps(self) -> list[App]:
        """Return the kdapps, by name."""

    @abstractmethod
    def generation(self) -> str:
        """Return a word that changes whenever anything in the registry changes."""

    @abstractmethod
    def changes(self, stop: threading.Event) -> Iterator[str]:
        """Yield the generation at once, then after each change, until ``stop`` is set."""

    @abstractmethod
    def register(self, model: ModelConfig) -> bool:
        """Write a model version; return False where the same content was there already.

        Raises VersionTaken where the version, or its ConfigMap's name, holds other content, and
        InvalidModel where the model breaks a limit.
        """

    @abstractmethod
    def delete_model(self, name: str, version: str) -> None:
        """Delete a model version's ConfigMap; raises ModelNotFound, Conflict for an alias's."""

    @abstractmethod
    def describe(self, name: str, version: str, description: str) -> None:
        """Change a model version's description, which alone of it may change; ModelNotFound."""

    @abstractmethod
    def aliases(self) -> dict[str, ModelAliases]:
        """Return the aliases of each model that has any."""

    @abstractmethod
    def edit_aliases(self, model: str, edit: Callable[[ModelAliases], ModelAliases]) -> None:
        """Read, edit and write a model's aliases as one step; without any, they are deleted."""

    @abstractmethod
    def apply(self, manifests: Iterable[dict[str, Any]]) -> None:
        """Write manifests of ConfigMaps, kdapps and kdclusters, new or changed.

        Their names must be checked before.
        """

    def apply_cluster(self, cluster: Cluster) -> None:
        """Write a kdcluster, new or changed."""
        self.apply([cluster.manifest])

    @abstractmethod
    def create_cluster(self, cluster: Cluster) -> None:
        """Write a new kdcluster; raises Conflict where there is one of that name."""

    @abstractmethod
    def edit_cluster(self, name: str, edit: Callable[[Cluster], Cluster]) -> bool:
        """Read, edit and write a kdcluster as one step; return False where nothing changed.

        Raises UnknownCluster.
        """

    def model(self, name: str, version: str) -> ModelConfig:
        """Return one model version.

        Raises ModelNotFound, which lists the versions there are, and Conflict where several
        ConfigMaps say that they are it.
        """
        models = self.models()
        found = [model for model in models if model.key == (name, version)]
        if len(found) > 1:
            raise Conflict(registered_twice(found)[f"{name}/{version}"])
        if found:
            return found[0]
        versions = [m.version for m in models if m.name == name]
        names = sorted({m.name for m in models})
        known = (
            f"versions of {name}: {', '.join(versions)}"
            if versions
            else f"registered: {', '.join(names) or 'none'}"
        )
        raise ModelNotFound(
            f"No model {name}/{version} is registered ({known}).", hint=Hint("models")
        )

    def set_alias(self, model: str, alias: str, version: str) -> str | None:
        """Make ``alias`` that of a registered version; return the one it was of before, or None.

        Raises ModelNotFound, and InvalidModel where the alias cannot be one or is a version.
        """
        self.model(model, version)
        if any(m.key == (model, alias) for m in self.models()):
            raise InvalidModel(
                f"{model}/{alias} is a registered version, so {alias!r} cannot be an alias; "
                "choose another word."
            )
        before: list[str | None] = []

        def edit(aliases: ModelAliases) -> ModelAliases:
            before.append(aliases.versions.get(alias))
            return aliases.with_alias(alias, version)

        self.edit_aliases(model, edit)
        return before[-1]

    def delete_alias(self, model: str, alias: str) -> bool:
        """Delete an alias; return False where there was none."""
        if alias not in self.aliases_of(model).versions:
            return False
        self.edit_aliases(model, lambda aliases: aliases.without(alias))
        return True

    def aliases_of(self, model: str) -> ModelAliases:
        """Return a model's aliases, which may be none."""
        return self.aliases().get(model, ModelAliases(model))

    def resolve(self, model: str, version_or_alias: str) -> ModelConfig:
        """Return a registered version, by its version or by an alias; raises ModelNotFound."""
        version = self.aliases_of(model).versions.get(version_or_alias, version_or_alias)
        return self.model(model, version)

    def _check_no_alias(self, model: str, version: str) -> None:
        """Raise Conflict where an alias is that of this version."""
        held = [a for a, v in sorted(self.aliases_of(model).versions.items()) if v == version]
        if held:
            raise Conflict(
                f"{model}/{version} has the alias {', '.join(held)}; move it to another version "
                "or delete it first."
            )

    def cluster(self, name: str) -> Cluster:
        """Return one kdcluster; raises UnknownCluster."""
        clusters = self.clusters()
        for cluster in clusters:
            if cluster.name == name:
                return cluster
        names = ", ".join(c.name for c in clusters) or "none"
        raise UnknownCluster(f"No kdcluster {name!r} in the registry; there are: {names}.")

    def app(self, name: str) -> App:
        """Return one kdapp; raises NotFound."""
        apps = self.apps()
        for app in apps:
            if app.name == name:
                return app
        names = ", ".join(a.name for a in apps) or "none"
        raise NotFound(f"No kdapp {name!r} in the registry; there are: {names}.")

    def connect(self, cluster: str, kind: str, name: str) -> bool:
        """Connect a cluster, ConfigMap or Secret to a kdcluster; False where it was already."""
        return self.edit_cluster(cluster, lambda c: c.connect(kind, name))

    def disconnect(self, cluster: str, kind: str, name: str) -> bool:
        """Take a connection from a kdcluster; False where there was none."""
        return self.edit_cluster(cluster, lambda c: c.disconnect(kind, name))


def registered_twice(models: Iterable[ModelConfig]) -> dict[str, str]:
    """Return by "name/version" what to do where several ConfigMaps say that they are it."""
    by_key: dict[str, list[str]] = {}
    for model in models:
        by_key.setdefault("/".join(model.key), []).append(model.configmap_name)
    return {
        label: f"{label} is registered by the ConfigMaps {' and '.join(sorted(names))}; delete one "
        "(with kubectl, or its manifest), as it is unclear which of them is meant."
        for label, names in by_key.items()
        if len(names) > 1
    }


def same_content(one: ModelConfig, other: ModelConfig) -> bool:
    """Tell whether two registrations of a version are the same model."""
    return _essence(one) == _essence(other)


def check_same(model: ModelConfig, holder: ModelConfig, models: list[ModelConfig]) -> None:
    """Raise VersionTaken, which says what differs and which version is free, for other content."""
    if same_content(holder, model):
        return
    changed = sorted(
        key
        for key in {*model.data(), *holder.data()} - CIRCUMSTANCE_KEYS
        if model.data().get(key) != holder.data().get(key)
    )
    raise VersionTaken(
        f"{model.name}/{model.version} is registered already, as ConfigMap "
        f"{holder.configmap_name}, with other content ({', '.join(changed[:6])}). Versions do not "
        f"change; register this one as version {free_version(model.name, models)}."
    )


def name_taken(configmap: str) -> InvalidModel:
    """Build the error that says that a ConfigMap of that name is something else."""
    return InvalidModel(
        f"A ConfigMap {configmap!r} that is not a model exists already; choose another model "
        "name or version."
    )


def cluster_taken(name: str) -> Conflict:
    """Build the error that says that a kdcluster of that name is there."""
    return Conflict(f"There is a kdcluster {name!r} already; choose another name.")


def free_version(name: str, models: list[ModelConfig]) -> str:
    """Return the version after the highest one of ``name``: 3 after 2, 1.10 after 1.9."""
    versions = sorted((m.version for m in models if m.name == name), key=natural)
    numbers = [int(version) for version in versions if version.isdecimal()]
    last = re.fullmatch(r"(.*?)(\d+)", versions[-1]) if versions and not numbers else None
    return last[1] + str(int(last[2]) + 1) if last else str(max(numbers, default=0) + 1)


def natural(version: str) -> tuple[tuple[int, str], ...]:
    """Order versions as people do: 2 before 10."""
    parts = re.findall(r"\d+|[^-_.\d]+", version)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _essence(model: ModelConfig) -> tuple[str, dict[str, str]]:
    data = {k: v for k, v in model.data().items() if k not in CIRCUMSTANCE_KEYS}
    return model.configmap_name, data
