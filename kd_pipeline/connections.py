"""What KubeDirector has connected to this member: the typed content of ``configmeta.json``.

KubeDirector's Go code writes the file (shape: KubeDirector v0.11, ``configmeta.go``) with nil maps
as ``null``, endpoints that may repeat, and keys of unknown apps left out. Reading is tolerant
about all that; only what is no JSON object of that kind is refused.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kd_pipeline.errors import InvalidConfigmeta, UnknownCluster
from kd_pipeline.hints import Hint
from kd_pipeline.model_aliases import ALIASES_TYPE
from kd_pipeline.model_config import MODEL_TYPE

# Services whose endpoints take the REST calls of an engine, in the order in which to try them.
BALANCER_SERVICES = ("haproxy-train", "haproxy")
API_SERVICE = "gunicorn"
DEPLOYMENT_DISTROS = ("deploymt-engine", "deployment-engine")  # the first is KubeDirector's own
TRAINING_DISTRO = "training-engine"
NOTEBOOK_DISTRO = "jupyter-notebook"
BALANCER_ROLE = "LoadBalancer"
STATISTICS_SERVICE = "haproxy-stats"
ENGINE_ROLE = "RESTServer"
PREDICT_PATH = "/<<model_name>>/<<model_version>>/predict"


@dataclass(frozen=True)
class Endpoint:
    """Where one service of a connected cluster answers, and the token it wants."""

    url: str
    token: str = field(repr=False)
    service: str
    role: str


OTHER_LANGUAGES = frozenset({"r", "spark", "sparkr", "scala", "julia", "sas", "java"})


@dataclass(frozen=True)
class ClusterConnection:
    """A connected kdcluster: its app's distro id, its app's metadata, its members' endpoints."""

    name: str
    distro_id: str
    config_metadata: Mapping[str, str]
    endpoints: tuple[Endpoint, ...]

    @property
    def is_training(self) -> bool:
        """Tell whether jobs can be sent to this cluster."""
        return (
            self.distro_id.endswith(TRAINING_DISTRO)
            or bool(self.config_metadata.get("ml_engine"))
            or any(endpoint.service == "haproxy-train" for endpoint in self.endpoints)
        )

    @property
    def is_deployment(self) -> bool:
        """Tell whether models can be deployed on this cluster."""
        return self.distro_id.endswith(DEPLOYMENT_DISTROS) or any(
            endpoint.service == "haproxy" and endpoint.url.endswith(PREDICT_PATH)
            for endpoint in self.endpoints
        )

    @property
    def ml_engine(self) -> str:
        """Return what the app calls its kind of training, such as ``python``."""
        return self.config_metadata.get("ml_engine") or "python"

    @property
    def runs_python(self) -> bool:
        """Tell whether what is sent there is Python: an app may be called by its library."""
        return self.ml_engine.lower() not in OTHER_LANGUAGES

    def api_endpoints(self) -> tuple[Endpoint, ...]:
        """Return the endpoints that take REST calls: load balancers first, each URL once.

        A balancer's URL comes without the path that its app declares: calls add their own.
        """
        ordered = [
            *(e for name in BALANCER_SERVICES for e in self.endpoints if e.service == name),
            *(e for e in self.endpoints if e.service == API_SERVICE),
        ]
        unique: dict[str, Endpoint] = {}
        for endpoint in ordered:
            origin = _origin(endpoint.url)
            unique.setdefault(
                origin, Endpoint(origin, endpoint.token, endpoint.service, endpoint.role)
            )
        return tuple(unique.values())


@dataclass(frozen=True)
class ConfigMapEntry:
    """A connected ConfigMap; ``type`` is the value of its label ``kubedirector.hpe.com/cmType``."""

    type: str
    name: str
    data: Mapping[str, str]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True)
class SecretEntry:
    """A connected Secret, decoded from base64 once (Kubernetes' own encoding may remain)."""

    type: str
    name: str
    data: Mapping[str, bytes] = field(repr=False)
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Connections:
    """What one member knows: itself, its own cluster, its tokens, and what is connected."""

    cluster_name: str
    role: str
    node_id: str
    hostname: str
    tokens: frozenset[str] = field(repr=False)
    own: ClusterConnection
    clusters: tuple[ClusterConnection, ...]
    configmaps: tuple[ConfigMapEntry, ...]
    secrets: tuple[SecretEntry, ...]
    generation: str

    def cluster(self, name: str) -> ClusterConnection:
        """Return the connected cluster ``name``; raises UnknownCluster, which lists the others."""
        for connection in self.clusters:
            if connection.name == name:
                return connection
        names = ", ".join(connection.name for connection in self.clusters) or "none"
        raise UnknownCluster(
            f"No cluster {name!r} is connected here; connected are: {names}.",
            hint=Hint("attachments", does="shows more about them"),
        )

    def training_clusters(self) -> tuple[ClusterConnection, ...]:
        """Return the connected clusters that take jobs."""
        return tuple(c for c in self.clusters if c.is_training and not c.is_deployment)

    def deployment_clusters(self) -> tuple[ClusterConnection, ...]:
        """Return the connected clusters that serve models."""
        return tuple(c for c in self.clusters if c.is_deployment)

    def models(self) -> tuple[ConfigMapEntry, ...]:
        """Return the connected ConfigMaps of type ``model``."""
        return tuple(entry for entry in self.configmaps if entry.type == MODEL_TYPE)

    def aliases(self) -> tuple[ConfigMapEntry, ...]:
        """Return the connected ConfigMaps of type ``model-aliases``."""
        return tuple(entry for entry in self.configmaps if entry.type == ALIASES_TYPE)


def parse_connections(raw: bytes | str | Mapping[str, Any]) -> Connections:
    """Read the content of a configmeta.json; raises InvalidConfigmeta.

    ``generation`` is the sha256 of the content, so equal content has equal generation.
    """
    if isinstance(raw, Mapping):
        raw = json.dumps(raw)
    content = raw.encode() if isinstance(raw, str) else raw
    try:
        meta = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidConfigmeta(
            f"configmeta.json is not whole JSON ({len(content):,} bytes): {error}"
        ) from None
    if not isinstance(meta, dict) or not isinstance(meta.get("cluster"), dict):
        raise InvalidConfigmeta("configmeta.json has no 'cluster'; KubeDirector always writes one.")
    connections, node = _map(meta.get("connections")), _map(meta.get("node"))
    return Connections(
        cluster_name=_text(_map(meta["cluster"]).get("name")),
        role=_text(node.get("role_id")),
        node_id=_text(node.get("id")),
        hostname=_text(node.get("hostname")),
        tokens=frozenset(e.token for e in _endpoints(meta, keep_unusable=True) if e.token),
        own=_cluster(_text(_map(meta["cluster"]).get("name")), meta),
        clusters=tuple(
            _cluster(name, _map(cluster))
            for name, cluster in _map(connections.get("clusters")).items()
        ),
        configmaps=tuple(_configmaps(_map(connections.get("configmaps")))),
        secrets=tuple(_secrets(_map(connections.get("secrets")))),
        generation=hashlib.sha256(content).hexdigest(),
    )


def _cluster(name: str, meta: Mapping[str, Any]) -> ClusterConnection:
    groups = [_map(group) for group in _map(meta.get("nodegroups")).values()]
    metadata: dict[str, str] = {}
    for group in groups:
        metadata |= _texts(group.get("config_metadata"))
    distros = [_text(group.get("distro_id")) for group in groups if group.get("distro_id")]
    return ClusterConnection(
        name=name,
        distro_id=distros[0] if distros else next(iter(_map(meta.get("distros"))), ""),
        config_metadata=metadata,
        endpoints=tuple(dict.fromkeys(_endpoints(meta))),
    )


def _endpoints(meta: Mapping[str, Any], keep_unusable: bool = False) -> Iterator[Endpoint]:
    """Yield every endpoint of every service of every role of a cluster's node groups."""
    for group in _map(meta.get("nodegroups")).values():
        for role_id, role in _map(_map(group).get("roles")).items():
            for service_id, service in _map(_map(role).get("services")).items():
                token = _text(_map(service).get("authToken"))
                urls = _map(service).get("endpoints")
                usable = [
                    url
                    for url in (urls if isinstance(urls, list) else [])
                    if isinstance(url, str) and url.startswith(("http://", "https://"))
                ]
                if keep_unusable and not usable:
                    usable = [""]
                for url in usable:
                    yield Endpoint(url.rstrip("/"), token, service_id, role_id)


def _configmaps(by_type: Mapping[str, Any]) -> Iterator[ConfigMapEntry]:
    for kind, entries in by_type.items():
        for entry in entries if isinstance(entries, list) else []:
            yield ConfigMapEntry(
                type=kind,
                name=_text(_map(_map(entry).get("metadata")).get("name")),
                data=_texts(_map(entry).get("data")),
                labels=_texts(_map(entry).get("labels")),
                annotations=_texts(_map(entry).get("annotations")),
            )


def _secrets(by_type: Mapping[str, Any]) -> Iterator[SecretEntry]:
    """Every string of a secret is base64, its name and labels too."""
    for kind, entries in by_type.items():
        for entry in entries if isinstance(entries, list) else []:
            labels = _texts(_map(entry).get("labels"))
            yield SecretEntry(
                type=kind,
                name=_decoded(_text(_map(_map(entry).get("metadata")).get("name"))).decode(
                    errors="replace"
                ),
                data={k: _decoded(v) for k, v in _texts(_map(entry).get("data")).items()},
                labels={k: _decoded(v).decode(errors="replace") for k, v in labels.items()},
            )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidConfigmeta(
            "A connected secret in configmeta.json is not base64; KubeDirector encodes every "
            "string of a secret. Connect the secret again."
        ) from None


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _map(value: Any) -> Mapping[str, Any]:
    """Return a JSON object; Go's nil map arrives as ``null``."""
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {key: _text(item) for key, item in _map(value).items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
