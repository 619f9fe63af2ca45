"""A pipeline's manifests from one machine to a cluster, and back: ``kd export``, ``kd import``.

What crosses are kdapps, kdclusters and ConfigMaps, as ``kubectl apply -f`` takes them and
``kubectl get -o yaml`` gives them. Secrets never do, and neither do the files of the project
repository: both are named, for somebody to bring over.
"""

import copy
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kd_pipeline import manifest_text
from kd_pipeline.clusters import API_VERSION, APP_KIND, CLUSTER_KIND, App, Cluster
from kd_pipeline.errors import Conflict, InvalidInput, InvalidManifest, TooLarge
from kd_pipeline.manifest_text import BadManifest
from kd_pipeline.model_config import CM_TYPE_LABEL, MODEL_TYPE, ModelConfig
from kd_pipeline.mount_points import MOUNT_POINTS
from kd_pipeline.registry import FolderRegistry, Registry

KINDS = {"ConfigMap": "v1", APP_KIND: API_VERSION, CLUSTER_KIND: API_VERSION}
PATHS = ("path", "scoring-path")
LARGEST_STREAM = 16 * 1024 * 1024
MOST_MANIFESTS = 5000
# What an API server or kubectl adds, and nobody who writes a manifest does.
SERVERS_METADATA = frozenset(
    {"managedFields", "uid", "resourceVersion", "creationTimestamp", "generation", "selfLink"}
    | {"ownerReferences", "finalizers"}
)
CLUSTERS_CONFIGMAP = "kube-root-ca.crt"  # Kubernetes puts it into each namespace
# KubeDirector takes a new kdcluster that has them for one that it is to restore: it validates
# nothing, and never runs it (v0.11.0). kubectl's holds the whole manifest again.
FOREIGN_ANNOTATIONS = ("kubedirector.hpe.com/", "kubectl.kubernetes.io/last-applied-configuration")
RESTORING_LABEL = "kubedirector.hpe.com/restoring"
_SECRET_NAME = re.compile(r"(?i)password|passwd|token|secret|credential|api_?key")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


def exported(
    registry: Registry, root: Path | None, namespace: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a registry's manifests for a cluster, and notes on what has to be done beside.

    Paths below ``root`` become those of the mount point; raises InvalidManifest for another path.
    """
    manifests: list[dict[str, Any]] = []
    notes: list[str] = []
    for manifest in _manifests(registry, notes):
        cleaned = _cleaned(manifest)
        if namespace:
            cleaned["metadata"]["namespace"] = namespace
        if cleaned["kind"] == CLUSTER_KIND:
            _leave_out_secrets(cleaned, notes)
        elif cleaned["kind"] == "ConfigMap":
            _as_texts(cleaned)
            _to_mount_point(cleaned, root, notes)
        manifests.append(cleaned)
    return in_order(sorted(manifests, key=_place)), notes


def read_stream(content: bytes) -> list[dict[str, Any]]:
    """Return the manifests of a YAML stream, Lists opened, each checked; raises InvalidManifest."""
    if len(content) > LARGEST_STREAM:
        raise TooLarge(
            f"The file has {len(content):,} bytes, {LARGEST_STREAM:,} are the limit; "
            "import it in parts."
        )
    try:
        documents = manifest_text.read_all(content)
    except BadManifest as error:
        raise InvalidManifest(f"The file is not valid YAML: {error}.") from None
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for document in _opened(documents):
        manifest = _checked(document)
        if manifest["kind"] == "ConfigMap" and _name(manifest) == CLUSTERS_CONFIGMAP:
            continue
        key = manifest["kind"], _name(manifest)
        if key in found:
            raise InvalidManifest(f"{key[0]} {key[1]!r} is in the file twice; take one out.")
        found[key] = manifest
    return list(found.values())


def import_into(
    registry: FolderRegistry, manifests: list[dict[str, Any]], replace: bool
) -> tuple[int, int]:
    """Write manifests into a folder; return how many were written, and how many were there.

    Nothing is written where one that is there differs, unless ``replace``: raises Conflict.
    """
    there = {(m["kind"], _name(m)): m for m in held_manifests(registry)}
    changed = [m for m in manifests if there.get((m["kind"], _name(m))) != m]
    taken = [f"{m['kind']} {_name(m)!r}" for m in changed if (m["kind"], _name(m)) in there]
    if taken and not replace:
        raise Conflict(
            f"{len(taken)} of the manifests are there with other content ({', '.join(taken[:5])}); "
            "nothing was written. --replace overwrites them."
        )
    registry.apply(changed)
    return len(changed), len(manifests) - len(changed)


def in_order(manifests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return manifests so that each kdcluster comes after those that it is connected to.

    The order stays otherwise. Raises InvalidManifest for kdclusters in a circle.
    """
    waiting, ordered = list(manifests), list[dict[str, Any]]()
    while waiting:
        names = {_name(m) for m in waiting if m["kind"] == CLUSTER_KIND}
        later = [m for m in waiting if names & {*connected_clusters(m)}]
        if len(later) == len(waiting):
            raise InvalidManifest(
                f"The kdclusters {', '.join(sorted(names))} are connected to each other in a "
                "circle, with which KubeDirector cannot begin; take one connection out."
            )
        ordered += [m for m in waiting if not names & {*connected_clusters(m)}]
        waiting = later
    return ordered


def connected_clusters(manifest: dict[str, Any]) -> list[str]:
    """Return the kdclusters that a manifest is connected to."""
    return Cluster(manifest).connections("clusters") if manifest["kind"] == CLUSTER_KIND else []


def notes_on_order(manifests: list[dict[str, Any]]) -> Iterable[str]:
    """Yield what somebody has to know who applies the manifests with kubectl."""
    there = {_name(m) for m in manifests if m["kind"] == CLUSTER_KIND}
    for manifest in manifests:
        if named := sorted(there & {*connected_clusters(manifest)}):
            yield (
                f"Apply kdcluster {_name(manifest)} when {', '.join(named)} are configured, as "
                "KubeDirector restarts otherwise; `kd export --apply` does all in that order."
            )


def held_manifests(registry: Registry) -> list[dict[str, Any]]:
    """Return what a registry holds, cleaned."""
    return [_cleaned(manifest) for manifest in _manifests(registry, [])]


def _place(manifest: dict[str, Any]) -> tuple[int, str]:
    return list(KINDS).index(manifest["kind"]), _name(manifest)


def _manifests(registry: Registry, notes: list[str]) -> Iterable[Mapping[str, Any]]:
    """Yield what a registry holds; a folder also has ConfigMaps that are no models."""
    if not isinstance(registry, FolderRegistry):
        yield from (app.manifest for app in registry.apps())
        yield from (cluster.manifest for cluster in registry.clusters())
        yield from (model.to_manifest() for model in registry.models())
        yield from (aliases.to_manifest() for aliases in registry.aliases().values())
        return
    for document in registry.documents():
        if document.kind in KINDS:
            yield document.manifest
        else:
            notes.append(f"{document.kind} {document.name!r} is left out; make it in the cluster.")
    notes += registry.problems.values()


def _cleaned(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without what a server added to it, and without its namespace."""
    cleaned = copy.deepcopy({key: value for key, value in manifest.items() if key != "status"})
    metadata = {k: v for k, v in cleaned["metadata"].items() if k not in SERVERS_METADATA}
    metadata.pop("namespace", None)
    annotations = metadata.pop("annotations", None) or {}
    labels = metadata.pop("labels", None) or {}
    kept = {
        "labels": {k: v for k, v in labels.items() if k != RESTORING_LABEL},
        "annotations": {
            k: v for k, v in annotations.items() if not k.startswith(FOREIGN_ANNOTATIONS)
        },
    }
    metadata |= {key: texts for key, texts in kept.items() if texts}
    return {**cleaned, "metadata": metadata}


def _leave_out_secrets(manifest: dict[str, Any], notes: list[str]) -> None:
    for role in manifest["spec"].get("roles") or []:
        kept = []
        for variable in role.get("env") or []:
            if _SECRET_NAME.search(str(variable.get("name"))):
                notes.append(
                    f"{variable['name']} of {_name(manifest)}/{role['id']} is left out; make a "
                    "Secret of it in the cluster."
                )
            else:
                kept.append(variable)
        if "env" in role:
            role["env"] = kept


def _as_texts(manifest: dict[str, Any]) -> None:
    """Make text of data, labels and annotations, which an API server takes as text only."""
    metadata = manifest["metadata"]
    for texts in (manifest.get("data"), metadata.get("labels"), metadata.get("annotations")):
        if isinstance(texts, dict):
            texts |= {key: _as_text(value) for key, value in texts.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, default=str).strip('"')


def _to_mount_point(manifest: dict[str, Any], root: Path | None, notes: list[str]) -> None:
    """Write a model's paths as pods see them, and note which files belong there."""
    if _type(manifest) != MODEL_TYPE:
        return
    data = manifest["data"]
    for key in PATHS:
        path = str(data.get(key) or "")
        if not path and key != "path":
            continue  # a model of a known format needs no script
        below = _below(path, root)
        if below is None:
            raise InvalidManifest(
                f"{key} of ConfigMap {_name(manifest)!r} is {path!r}, which is not in the project "
                "repository; copy it there and register the model again."
            )
        if path.startswith("/"):
            data[key] = f"{MOUNT_POINTS[0]}/{below}"
        note = f"Copy {below} to the cluster's project repository."
        if note not in notes:
            notes.append(note)


def _below(path: str, root: Path | None) -> str | None:
    """Return a path relative to the project repository, or None where it is not in it."""
    if path.startswith("repo://"):
        return path.removeprefix("repo://").partition("/")[2] or None
    if path.startswith("s3://"):
        return path.replace("://", "/", 1)
    for base in (*MOUNT_POINTS, *([str(root)] if root else [])):
        if path.startswith(f"{base}/"):
            return path.removeprefix(f"{base}/")
    return None if path.startswith("/") or not path else path


def _opened(documents: Iterable[Any]) -> Iterable[Any]:
    opened = [
        item
        for document in documents
        if document is not None
        for item in (
            document.get("items") or []
            if isinstance(document, dict) and str(document.get("kind")).endswith("List")
            else [document]
        )
    ]
    if not opened:
        raise InvalidManifest("The file has no manifest in it.")
    if len(opened) > MOST_MANIFESTS:
        raise TooLarge(f"The file has {len(opened):,} manifests, {MOST_MANIFESTS:,} are the limit.")
    return opened


def _checked(document: Any) -> dict[str, Any]:
    """Return a manifest that can be imported, cleaned; raises InvalidManifest."""
    metadata = document.get("metadata") if isinstance(document, dict) else None
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind not in KINDS:
        raise InvalidManifest(
            f"{str(kind)[:80]!r} cannot be imported; {', '.join(KINDS)} can. Take it out"
            + (", and make the Secret by hand." if kind == "Secret" else ".")
        )
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidManifest(
            f"A {kind} has the name {str(name)[:80]!r}; a name has 1 to 253 lower-case letters, "
            "digits, '-' and '.'."
        )
    manifest = _cleaned({"apiVersion": KINDS[kind], **document})
    try:
        if kind == CLUSTER_KIND:
            Cluster(manifest)
        elif kind == APP_KIND:
            App(manifest)
        elif _type(manifest) == MODEL_TYPE:
            ModelConfig.from_manifest(manifest).validate()
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidManifest(f"{kind} {name!r} has another shape: {error}.") from None
    except InvalidInput as error:
        raise InvalidManifest(f"{kind} {name!r}: {error}") from None
    return manifest


def _type(manifest: Mapping[str, Any]) -> str | None:
    kind: str | None = (manifest["metadata"].get("labels") or {}).get(CM_TYPE_LABEL)
    return kind


def _name(manifest: Mapping[str, Any]) -> str:
    return str(manifest["metadata"]["name"])
