"""configmeta.json as KubeDirector writes it, for a member on this machine.

The shape is that of KubeDirector v0.11 (``pkg/catalog``): what a reader finds by reference there
(``bdvlibrefkey``) it finds by reference here. Roles without members on this machine have no
services, so nobody is sent to an endpoint that does not answer.
"""

import base64
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kd_engines.local.member import HOST, Member
from kd_pipeline.clusters import App, Cluster
from kd_pipeline.quantities import quantity

VERSION = "7"


@dataclass(frozen=True)
class Running:
    """A kdcluster with its app and the members that it has here, by role.

    ``urls`` says by service where one answers that runs elsewhere; ``left_out`` are those that
    nothing answers for.
    """

    cluster: Cluster
    app: App
    members: dict[str, list[Member]]
    urls: Mapping[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


def configmeta(
    member: Member,
    own: Running,
    connected: Sequence[Running],
    configmaps: Sequence[Mapping[str, Any]],
    secrets: Sequence[Mapping[str, Any]],
    types: Mapping[str, str],
) -> dict[str, Any]:
    """Return the whole file for ``member``; ``types`` are the label keys of the two kinds."""
    return {
        **_cluster(own, node=_node(member, own)),
        "connections": {
            "clusters": {
                running.cluster.name: {
                    **_cluster(
                        running,
                        node=None,
                        prefix=("connections", "clusters", running.cluster.name),
                    ),
                    "connections": {"clusters": None, "configmaps": None, "secrets": None},
                }
                for running in connected
            },
            "configmaps": _by_type(configmaps, types["configmaps"], str, _texts),
            "secrets": _by_type(secrets, types["secrets"], _base64, _secret_data),
        },
    }


def _cluster(
    running: Running, node: dict[str, Any] | None, prefix: Sequence[str] = ()
) -> dict[str, Any]:
    app, group = running.app, [*prefix, "nodegroups", "1"]
    roles = {role: _role(running, role, group) for role in running.members}
    services: dict[str, Any] = {}
    for role, content in roles.items():
        for service in content["services"]:
            key = [*group, "roles", role, "services", service]
            services.setdefault(service, {"1": {}})["1"][role] = {"bdvlibrefkey": key}
    return {
        "version": VERSION,
        "services": services,
        "nodegroups": {
            "1": {
                "roles": roles,
                "distro_id": app.distro_id,
                "catalog_entry_version": app.version,
                "config_metadata": app.config_metadata or None,
            }
        },
        "distros": {app.distro_id: {"1": {"bdvlibrefkey": group}}},
        "cluster": {
            "name": running.cluster.name,
            "isolated": False,
            "id": _uid(running),
            "config_metadata": {"1": {"bdvlibrefkey": [*group, "config_metadata"]}},
        },
        "node": node,
    }


def _role(running: Running, role: str, group: Sequence[str]) -> dict[str, Any]:
    members = running.members[role]
    names = [HOST for _ in members]
    key = [*group, "roles", role]
    services = {}
    for service in running.app.role_services(role):
        elsewhere = running.urls.get(service.id)
        urls = [elsewhere] if elsewhere else [member.url for member in members]
        if not urls or service.port is None or not service.url_scheme:
            continue
        if service.id in running.left_out:
            continue
        services[service.id] = {
            "qualifiers": [],
            "name": service.name,
            "id": service.id,
            "hostnames": {"bdvlibrefkey": [*key, "hostnames"]},
            "fqdns": {"bdvlibrefkey": [*key, "fqdns"]},
            "global_id": f"1_{role}_{service.id}",
            "exported_service": "",
            "endpoints": urls,
            # As in KubeDirector one member's token stands for the role. The first's, because it
            # stays the same when members are added.
            "authToken": members[0].token if members and service.has_auth_token else "",
        }
    return {
        "services": services,
        "node_ids": [member.node_id for member in members],
        "hostnames": names,
        "fqdns": names,
        "fqdn_mappings": {
            name: member.node_id for name, member in zip(names, members, strict=True)
        },
        "flavor": _flavor(running.cluster, role),
    }


def _flavor(cluster: Cluster, role: str) -> dict[str, str]:
    """Return a role's limits: memory in MiB, processors rounded up, 0 where there is none."""
    limits = {one.id: one.limits for one in cluster.roles}.get(role, {})
    memory, cores = (quantity(limits.get(key)) for key in ("memory", "cpu"))
    unknown = dict.fromkeys(("storage", "name", "description"), "n/a")
    return {**unknown, "memory": str(int(memory // 1024**2)), "cores": str(math.ceil(cores))}


def _uid(running: Running) -> str:
    """Return what stands for a kdcluster's UID, which stays while its folder does."""
    folder = next((m.folder.parent for some in running.members.values() for m in some), None)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{folder}/{running.cluster.name}"))


def _node(member: Member, own: Running) -> dict[str, Any]:
    return {
        "role_id": member.role,
        "nodegroup_id": "1",
        "id": member.node_id,
        "hostname": HOST,
        "fqdn": HOST,
        "domain": "",
        "distro_id": own.app.distro_id,
        "depends_on": {},
    }


def _by_type(
    manifests: Sequence[Mapping[str, Any]],
    label: str,
    encode: Callable[[str], str],
    data: Callable[[Mapping[str, Any]], dict[str, str]],
) -> dict[str, list[dict[str, Any]]]:
    """Group manifests by the label that says their type."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        labels = metadata.get("labels") or {}
        entry = {
            "metadata": {"name": encode(metadata["name"])},
            "data": data(manifest),
            "labels": {key: encode(value) for key, value in labels.items()},
            "annotations": {
                key: encode(value) for key, value in (metadata.get("annotations") or {}).items()
            },
        }
        grouped.setdefault(labels[label], []).append(entry)
    return grouped


def _texts(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in (manifest.get("data") or {}).items()}


def _secret_data(manifest: Mapping[str, Any]) -> dict[str, str]:
    """A Secret's data is base64 in its manifest already, its stringData is not."""
    plain = {key: _base64(str(value)) for key, value in (manifest.get("stringData") or {}).items()}
    return {**_texts(manifest), **plain}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
