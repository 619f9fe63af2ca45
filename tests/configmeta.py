"""Build configmeta.json files of KubeDirector's shape for the tests."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Endpoint = tuple[str, str]  # url, token


def configmeta(
    cluster_name: str = "jupyter-notebook",
    tokens: Iterable[str] = (),
    clusters: Mapping[str, Sequence[Endpoint]] | None = None,
    models: Iterable[Mapping[str, Any]] = (),
    secrets: Mapping[str, Any] | None = None,
    distros: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a member's configmeta: its own tokens, and what is connected to it.

    ``clusters`` maps a name to its RESTServers' endpoints; a name that has "deploy" in it gets a
    deployment engine's distro id unless ``distros`` says otherwise. ``models`` are ConfigMap
    manifests.
    """
    own = [("://", token) for token in tokens]
    return {
        "version": "7",
        **_nodegroups(own, "hpecp/own-app", None),
        "cluster": {"name": cluster_name, "isolated": False, "id": "uid-1"},
        "node": {"role_id": "RESTServer", "nodegroup_id": "1", "id": "1", "hostname": "localhost"},
        "connections": {
            "clusters": {
                name: _connected(name, endpoints, (distros or {}).get(name))
                for name, endpoints in (clusters or {}).items()
            }
            or None,
            "configmaps": {"model": [_entry(model) for model in models]},
            "secrets": dict(secrets) if secrets else None,
        },
    }


def _connected(name: str, endpoints: Sequence[Endpoint], distro: str | None) -> dict[str, Any]:
    deploys = "deploy" in name
    distro = distro or ("hpecp/deploymt-engine" if deploys else "hpecp/training-engine")
    return {
        "version": "7",
        **_nodegroups(endpoints, distro, None if deploys else {"ml_engine": "python"}),
        "cluster": {"name": name},
        "node": None,
        "connections": {"clusters": None, "configmaps": None, "secrets": None},
    }


def _nodegroups(
    endpoints: Sequence[Endpoint], distro: str, metadata: Mapping[str, str] | None
) -> dict[str, Any]:
    """Give each endpoint a role of its own, as a role's service shows one member's token only."""
    roles = {
        "RESTServer" if number == 0 else f"RESTServer{number}": {
            "services": {"gunicorn": {"id": "gunicorn", "endpoints": [url], "authToken": token}},
            "node_ids": [str(number + 1)],
        }
        for number, (url, token) in enumerate(endpoints)
    }
    return {
        "nodegroups": {"1": {"roles": roles, "distro_id": distro, "config_metadata": metadata}},
        "distros": {distro: {"1": {"bdvlibrefkey": ["nodegroups", "1"]}}},
    }


def _entry(manifest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = manifest["metadata"]
    return {
        "metadata": {"name": metadata["name"]},
        "data": dict(manifest["data"]),
        "labels": dict(metadata.get("labels") or {}),
        "annotations": {},
    }
