"""Hypothesis strategies for whole configmeta.json files as KubeDirector's Go code writes them.

Each is drawn with what a reader must find in it, put together beside the file and not read from
it. Nil maps and slices come as null, as an empty one, or not at all.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

LABEL = "abcdefghijklmnopqrstuvwxyz0123456789"
names = st.text(LABEL, min_size=1, max_size=12)
texts = st.text(max_size=20)
distros = st.sampled_from(
    ["hpecp/training-engine", "hpecp/deploymt-engine", "hpecp/jupyter-notebook", "bluek8s/spark"]
)
services = st.sampled_from(["gunicorn", "haproxy", "haproxy-train", "haproxy-stats", "ssh", "web"])


@dataclass
class ClusterTruth:
    """What is in one cluster's part: its endpoints as (url, token, service), and its tokens."""

    endpoints: set[tuple[str, str, str]] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)


@dataclass
class Truth:
    """What a reader must find in a file."""

    own: ClusterTruth
    clusters: dict[str, ClusterTruth]
    configmaps: list[tuple[str, str, dict[str, str]]]
    secrets: list[tuple[str, str, dict[str, bytes]]]


def _nil(draw: Any, content: dict[str, Any], key: str, value: Any) -> None:
    """Put a map or slice into ``content``; an empty one in one of its three forms."""
    if value:
        content[key] = value
        return
    form = draw(st.sampled_from(["null", "empty", "absent"]))
    if form != "absent":
        content[key] = None if form == "null" else value


@st.composite
def cluster_parts(draw: Any) -> tuple[dict[str, Any], ClusterTruth]:
    """Draw the node groups and distros of a cluster, of one to three roles and up to 8 members."""
    truth, roles = ClusterTruth(), {}
    distro = draw(distros)
    for role in draw(st.lists(names, min_size=1, max_size=3, unique=True)):
        found: dict[str, Any] = {}
        for service in draw(st.lists(services, max_size=3, unique=True)):
            found[service] = draw(_services(role, service, truth))
        roles[role] = {"node_ids": ["1"], "hostnames": ["h"], "fqdn_mappings": None}
        _nil(draw, roles[role], "services", found)
    group: dict[str, Any] = {"roles": roles, "distro_id": distro}
    _nil(draw, group, "config_metadata", draw(st.dictionaries(names, texts, max_size=2)))
    part = {
        "version": "7",
        "services": {"x": {"1": {"bdvlibrefkey": ["nodegroups", "1"]}}},
        "nodegroups": {"1": group},
        "distros": {distro: {"1": {"bdvlibrefkey": ["nodegroups", "1"]}}},
    }
    return part, truth


@st.composite
def _services(draw: Any, role: str, service: str, truth: ClusterTruth) -> dict[str, Any]:
    members = draw(st.integers(1, 8))
    scheme = draw(st.sampled_from(["http", "https", ""]))
    urls = [f"{scheme}://{role}-{n}.svc.cluster.local:1{n:03}" for n in range(members)]
    listed = [*urls, *draw(st.lists(st.sampled_from(urls), max_size=2))]
    token = draw(st.text("0123456789abcdef", min_size=8, max_size=32) | st.just(""))
    if token:
        truth.tokens.add(token)
    if scheme:
        truth.endpoints |= {(url, token, service) for url in urls}
    return {
        "id": service,
        "name": "some name",
        "qualifiers": draw(st.sampled_from([[], None])),
        "hostnames": {"bdvlibrefkey": ["nodegroups", "1", "roles", role, "hostnames"]},
        "endpoints": listed,
        "authToken": token,
    }


@st.composite
def _config_maps(draw: Any) -> list[dict[str, Any]]:
    found = []
    for name in draw(st.lists(names, max_size=6, unique=True)):
        entry: dict[str, Any] = {"metadata": {"name": name}}
        for key in ("data", "labels", "annotations"):
            _nil(draw, entry, key, draw(st.dictionaries(names, texts, max_size=3)))
        found.append(entry)
    return found


def _encoded(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


@st.composite
def files(draw: Any) -> tuple[dict[str, Any], Truth]:
    """Draw a member's whole file, and what is in it."""
    own, own_truth = draw(cluster_parts())
    clusters, cluster_truths = {}, {}
    for name in draw(st.lists(names, max_size=3, unique=True)):
        part, truth = draw(cluster_parts())
        nothing = {"clusters": None, "configmaps": None, "secrets": None}
        clusters[name] = {**part, "cluster": {"name": name}, "node": None, "connections": nothing}
        cluster_truths[name] = truth
    kinds = draw(st.dictionaries(st.sampled_from(["model", "model-aliases", "x"]), _config_maps()))
    secrets: dict[str, list[dict[str, Any]]] = {}
    secret_truths = []
    for name in draw(st.lists(names, max_size=3, unique=True)):
        data = draw(st.dictionaries(names, st.binary(max_size=30), max_size=2))
        entry = {"metadata": {"name": _encoded(name)}, "annotations": None}
        _nil(draw, entry, "data", {key: _encoded(value) for key, value in data.items()})
        secrets.setdefault("kubeconfig", []).append(entry)
        secret_truths.append(("kubeconfig", name, data))
    connections: dict[str, Any] = {}
    _nil(draw, connections, "clusters", clusters)
    _nil(draw, connections, "configmaps", kinds)
    _nil(draw, connections, "secrets", secrets)
    meta = {
        **own,
        "cluster": {"name": draw(names), "isolated": False, "id": "uid"},
        "node": {"role_id": draw(names), "nodegroup_id": "1", "id": str(draw(st.integers(1, 99)))},
        "connections": connections,
    }
    configmaps = [
        (kind, entry["metadata"]["name"], dict(entry.get("data") or {}))
        for kind, entries in kinds.items()
        for entry in entries
    ]
    return meta, Truth(own_truth, cluster_truths, configmaps, secret_truths)
