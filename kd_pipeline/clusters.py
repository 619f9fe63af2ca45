"""kdclusters and kdapps: what runs, of which roles, and what is connected to it.

The shapes are those of KubeDirector's custom resources (``kubedirector.hpe.com/v1beta1``).
Manifests are kept as they were read, so that fields this project knows nothing of survive an edit.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kd_pipeline.errors import InvalidManifest

API_VERSION = "kubedirector.hpe.com/v1beta1"
CLUSTER_KIND = "KubeDirectorCluster"
APP_KIND = "KubeDirectorApp"
ENDPOINT_PREFIX = "kd-magics/endpoint."  # and a service's id: an annotation
CONNECTION_KINDS = ("clusters", "configmaps", "secrets")


@dataclass(frozen=True)
class Role:
    """A role of a kdcluster: how many members it has, their environment and their limits."""

    id: str
    members: int
    env: Mapping[str, str]
    limits: Mapping[str, str]


@dataclass(frozen=True)
class Service:
    """A service of a kdapp; ``port`` is None where it has no endpoint."""

    id: str
    name: str
    port: int | None
    url_scheme: str
    path: str
    has_auth_token: bool


class Cluster:
    """A kdcluster; ``connect`` and ``disconnect`` return an edited copy."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.manifest = copy.deepcopy(dict(manifest))
        self.name = _name(manifest, CLUSTER_KIND)
        self._spec = _object(manifest, "spec", self.name)
        self.app = str(self._spec.get("app") or "")
        if not self.app:
            raise InvalidManifest(f"kdcluster {self.name!r} has no spec.app; name its kdapp there.")
        self.roles = tuple(self._role(role) for role in self._spec.get("roles") or [])

    @property
    def urls(self) -> dict[str, str]:
        """Return by service where a cluster answers that runs elsewhere, as its annotations say.

        Raises InvalidManifest for annotations that are none.
        """
        annotations = (self.manifest.get("metadata") or {}).get("annotations") or {}
        if not isinstance(annotations, dict):
            raise InvalidManifest(
                f"kdcluster {self.name!r} has annotations that are a list or text; they must be "
                "names with values."
            )
        return {
            str(key).removeprefix(ENDPOINT_PREFIX): str(url)
            for key, url in annotations.items()
            if str(key).startswith(ENDPOINT_PREFIX)
        }

    def connections(self, kind: str) -> list[str]:
        """Return the connected names of ``kind``: "clusters", "configmaps" or "secrets"."""
        _check_kind(kind)
        return [str(name) for name in (self._spec.get("connections") or {}).get(kind) or []]

    def connect(self, kind: str, name: str) -> "Cluster":
        """Return a copy to which ``name`` is connected; the same where it was already."""
        names = self.connections(kind)
        return self if name in names else self._with(kind, [*names, name])

    def disconnect(self, kind: str, name: str) -> "Cluster":
        """Return a copy to which ``name`` is not connected."""
        names = self.connections(kind)
        return self if name not in names else self._with(kind, [n for n in names if n != name])

    def with_members(self, role: str, members: int) -> "Cluster":
        """Return a copy whose ``role`` has so many members; raises InvalidManifest without it."""
        manifest = copy.deepcopy(self.manifest)
        found = [one for one in manifest["spec"].get("roles") or [] if one.get("id") == role]
        if not found:
            has = ", ".join(one.id for one in self.roles) or "none"
            raise InvalidManifest(f"kdcluster {self.name!r} has no role {role!r}; it has: {has}.")
        found[0]["members"] = members
        return Cluster(manifest)

    def _with(self, kind: str, names: list[str]) -> "Cluster":
        manifest = copy.deepcopy(self.manifest)
        connections = dict(manifest["spec"].get("connections") or {})
        connections[kind] = names
        if not names:
            del connections[kind]
        manifest["spec"]["connections"] = connections
        return Cluster(manifest)

    def _role(self, role: Mapping[str, Any]) -> Role:
        members = role.get("members", 1)
        if not role.get("id") or not isinstance(members, int) or members < 0:
            raise InvalidManifest(
                f"kdcluster {self.name!r}: a role needs an id and members ≥ 0, "
                f"found id={role.get('id')!r} members={members!r}."
            )
        env = {str(e["name"]): str(e.get("value", "")) for e in role.get("env") or []}
        limits = (role.get("resources") or {}).get("limits") or {}
        return Role(str(role["id"]), members, env, {k: str(v) for k, v in limits.items()})


class App:
    """A kdapp: the services of its roles, its distro id and its metadata."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.manifest = copy.deepcopy(dict(manifest))
        self.name = _name(manifest, APP_KIND)
        spec = _object(manifest, "spec", self.name)
        self.distro_id = str(spec.get("distroID") or "")
        self.version = str(spec.get("version") or "")
        if not self.distro_id or not self.version:
            raise InvalidManifest(f"kdapp {self.name!r} needs spec.distroID and spec.version.")
        config = spec.get("config") or {}
        self.config_metadata: dict[str, str] = dict(config.get("configMeta") or {})
        self.roles = tuple(str(role["id"]) for role in spec.get("roles") or [])
        self._services = {s["id"]: self._service(s) for s in spec.get("services") or []}
        self._role_services = {
            str(entry["roleID"]): tuple(entry.get("serviceIDs") or [])
            for entry in config.get("roleServices") or []
        }

    def role_services(self, role_id: str) -> tuple[Service, ...]:
        """Return the services that each member of a role offers."""
        return tuple(
            self._services[service_id]
            for service_id in self._role_services.get(role_id, ())
            if service_id in self._services
        )

    def _service(self, service: Mapping[str, Any]) -> Service:
        endpoint = service.get("endpoint") or {}
        return Service(
            id=str(service["id"]),
            name=str((service.get("label") or {}).get("name") or service["id"]),
            port=endpoint.get("port"),
            url_scheme=str(endpoint.get("urlScheme") or ""),
            path=str(endpoint.get("path") or ""),
            has_auth_token=bool(endpoint.get("hasAuthToken")),
        )


def _name(manifest: Mapping[str, Any], kind: str) -> str:
    name = (manifest.get("metadata") or {}).get("name")
    if manifest.get("kind") != kind or not isinstance(name, str) or not name:
        raise InvalidManifest(
            f"Not a {kind}: kind is {manifest.get('kind')!r} and metadata.name is {name!r}."
        )
    return name


def _object(manifest: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    value = manifest.get(key)
    if not isinstance(value, dict):
        raise InvalidManifest(f"{manifest.get('kind')} {name!r} has no {key}.")
    return value


def _check_kind(kind: str) -> None:
    if kind not in CONNECTION_KINDS:
        raise InvalidManifest(
            f"{kind!r} cannot be connected; use one of {', '.join(CONNECTION_KINDS)}."
        )
