"""What the manifests ask for: which members there should be, and what each is connected to."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from kd_engines.balancer.settings import find_haproxy
from kd_engines.local.configmeta import Running, configmeta
from kd_engines.local.home import Home
from kd_engines.local.member import Member
from kd_pipeline.clusters import ENDPOINT_PREFIX, App, Cluster
from kd_pipeline.connections import (
    BALANCER_ROLE,
    DEPLOYMENT_DISTROS,
    NOTEBOOK_DISTRO,
    STATISTICS_SERVICE,
    TRAINING_DISTRO,
)
from kd_pipeline.errors import InvalidInput, InvalidManifest, KdError
from kd_pipeline.model_config import CM_TYPE_LABEL
from kd_pipeline.registry.folder import FolderRegistry
from kd_pipeline.registry.manifest_files import Document

SECRET_TYPE_LABEL = "kubedirector.hpe.com/secretType"  # noqa: S105 - a label's key
TYPE_LABELS = {"configmaps": CM_TYPE_LABEL, "secrets": SECRET_TYPE_LABEL}
KINDS = {"configmaps": "ConfigMap", "secrets": "Secret"}
MOST_MEMBERS = 64


@dataclass
class World:
    """The kdclusters with their members here, and ``notes`` on what was left out, and why."""

    running: dict[str, Running] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    documents: Sequence[Document] = ()

    def members(self) -> list[Member]:
        """Return every member."""
        return [
            member
            for running in self.running.values()
            for members in running.members.values()
            for member in members
        ]

    def configmeta(self, member: Member) -> dict[str, Any]:
        """Return a member's configmeta; what it is connected to but does not exist is left out."""
        own = self.running[member.cluster]
        names = own.cluster.connections("clusters")
        return configmeta(
            member,
            own,
            [self.running[name] for name in names if name in self.running],
            [d.manifest for d in self._connected(own.cluster, "configmaps")],
            [d.manifest for d in self._connected(own.cluster, "secrets")],
            TYPE_LABELS,
        )

    def _connected(self, cluster: Cluster, kind: str) -> Iterable[Document]:
        for name in cluster.connections(kind):
            document = self.find(kind, name)
            if document and _type(document, kind):
                yield document

    def find(self, kind: str, name: str) -> Document | None:
        """Return the ConfigMap or Secret of that name."""
        for document in self.documents:
            if document.kind == KINDS[kind] and document.name == name:
                return document
        return None


def read_world(home: Home, registry: FolderRegistry) -> World:
    """Read the manifests; what is wrong in one of them is noted.

    Raises OSError where the folder cannot be read, or a new member's record cannot be written.
    """
    world = World(documents=registry.documents())
    problems: dict[str, str] = {}  # each reading begins with none
    for read in (registry.models, registry.apps, registry.clusters):
        read()
        problems |= registry.problems
    world.notes += problems.values()
    apps = {app.name: app for app in registry.apps()}
    for cluster in registry.clusters():
        app = apps.get(cluster.app)
        if app is None:
            world.notes.append(
                f"{cluster.name}: its kdapp {cluster.app!r} is not among the manifests; add it."
            )
            continue
        try:
            world.running[cluster.name] = _running(home, cluster, app, world.notes)
        except KdError as error:
            world.notes.append(f"{cluster.name}: {error}")
    for running in world.running.values():
        world.notes += _missing(world, running.cluster)
    return world


def module_of(app: App) -> str | None:
    """Return the module that is a member's engine: ``training``, ``deployment``, ``lab``."""
    if app.distro_id.endswith(TRAINING_DISTRO):
        return "training"
    if app.distro_id.endswith(DEPLOYMENT_DISTROS):
        return "deployment"
    return "lab" if app.distro_id.endswith(NOTEBOOK_DISTRO) else None


def _running(home: Home, cluster: Cluster, app: App, notes: list[str]) -> Running:
    module = module_of(app)
    members: dict[str, list[Member]] = {}
    engines = sum(role.members for role in cluster.roles if role.id != BALANCER_ROLE)
    if cluster.urls:  # it runs elsewhere
        _check_urls(cluster, app)
        return Running(cluster, app, {role.id: [] for role in cluster.roles}, cluster.urls)
    node = 0
    for role in cluster.roles:
        if role.id == BALANCER_ROLE:
            balancer = Member.load(home, cluster.name, role.id, 1, str(node + 1))
            if why := _why_no_balancer(engines, balancer):
                notes.append(f"{cluster.name}: no {role.id}: {why}.")
                continue
        if module is None:
            notes.append(
                f"{cluster.name}: {app.distro_id} is an app that cannot run on one machine; "
                "training engines, deployment engines and notebooks can. One that runs elsewhere "
                "and wants no token is connected by its URL: an annotation "
                f"{ENDPOINT_PREFIX}<service>."
            )
            break
        count = min(role.members, MOST_MEMBERS)
        members[role.id] = [
            Member.load(home, cluster.name, role.id, number, str(node + number))
            for number in range(1, count + 1)
        ]
        node += count
    return Running(cluster, app, members, left_out=frozenset({STATISTICS_SERVICE}))


def _why_no_balancer(engines: int, balancer: Member) -> str:
    """Return why a kdcluster with so many engines has no load balancer here, "" where it has.

    One that runs, or is to be started again, stays, also for a single engine: clients know its
    address.
    """
    if balancer.alive() or balancer.retry_at is not None:
        return ""
    if engines < 2:
        return "it has one engine on this machine, which clients ask"
    try:
        find_haproxy()
    except InvalidInput as error:
        return f"clients ask its first engine alone. {error}".rstrip(".")
    return ""


def _check_urls(cluster: Cluster, app: App) -> None:
    """Raise InvalidManifest where an annotation names no URL, or none of the kdapp's services."""
    known = {
        service.id: service
        for role in cluster.roles
        for service in app.role_services(role.id)
        if service.port is not None and service.url_scheme
    }
    for name, url in cluster.urls.items():
        annotation = f"its annotation {ENDPOINT_PREFIX}{name}"
        if not _is_url(url):
            raise InvalidManifest(
                f"{annotation} is {url[:200]!r}; it must be a URL such as http://127.0.0.1:5000."
            )
        if name not in known:
            raise InvalidManifest(
                f"{annotation} names a service that its roles do not have with a port in kdapp "
                f"{app.name}; they have: {', '.join(sorted(known)) or 'none'}."
            )
        if known[name].has_auth_token:
            raise InvalidManifest(
                f"{annotation} names a service that wants a token (hasAuthToken), which only "
                "KubeDirector can hand on."
            )


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and bool(parts.hostname)
        return known and parts.port != 0 and not re.search(r"[\s\x00-\x1f]", text)
    except ValueError:
        return False


def _missing(world: World, cluster: Cluster) -> list[str]:
    """Say what is connected but will not arrive, which KubeDirector leaves out without a word."""
    notes = [
        f"{cluster.name}: the connected cluster {name!r} does not exist."
        for name in cluster.connections("clusters")
        if name not in world.running
    ]
    for kind, label in TYPE_LABELS.items():
        for name in cluster.connections(kind):
            document = world.find(kind, name)
            if document is None:
                notes.append(f"{cluster.name}: the connected {KINDS[kind]} {name!r} is missing.")
            elif not _type(document, kind):
                notes.append(
                    f"{cluster.name}: {KINDS[kind]} {name!r} lacks the label {label}, so it is "
                    "not connected; add it."
                )
    return notes


def _type(document: Document, kind: str) -> str:
    labels = (document.manifest.get("metadata") or {}).get("labels") or {}
    return str(labels.get(TYPE_LABELS[kind]) or "")
