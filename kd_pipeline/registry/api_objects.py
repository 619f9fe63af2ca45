"""A registry's objects on an API server: their kinds, their labels, what is written of them."""

from collections.abc import Mapping
from typing import Any

from kd_pipeline.clusters import APP_KIND, CLUSTER_KIND
from kd_pipeline.model_aliases import ALIASES_TYPE
from kd_pipeline.model_config import CM_TYPE_LABEL, MODEL_TYPE

FIELD_MANAGER = "kd-magics"
API_VERSIONS = {
    "ConfigMap": "v1",
    CLUSTER_KIND: "kubedirector.hpe.com/v1beta1",
    APP_KIND: "kubedirector.hpe.com/v1beta1",
}
NAMES = {"ConfigMap": "configmaps", CLUSTER_KIND: "kubedirectorclusters"}
NAMES[APP_KIND] = "kubedirectorapps"
MODELS = f"{CM_TYPE_LABEL}={MODEL_TYPE}"
ALIASES = f"{CM_TYPE_LABEL}={ALIASES_TYPE}"
NO_MODELS = f"{CM_TYPE_LABEL}!={MODEL_TYPE}"  # those without the label as well
WATCHED = f"{CM_TYPE_LABEL} in ({MODEL_TYPE},{ALIASES_TYPE})"
# A list without the objects' contents (Kubernetes API concepts, "PartialObjectMetadataList").
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MERGE_PATCH = "application/merge-patch+json"
# What the server adds to an object, and what nobody who writes one may send back.
SERVERS_OWN = ("managedFields", "uid", "creationTimestamp", "generation", "selfLink")


def selector_of(kind: str) -> str:
    """Return the label selector of what the registry looks at of a kind; "" is all of it."""
    return WATCHED if kind == "ConfigMap" else ""


def data_keys(metadata: Mapping[str, Any]) -> set[str]:
    """Return a ConfigMap's data keys by what its metadata tells of who set them.

    Its contents, up to 1 MiB, need not be read for that ("fieldsV1" of managedFields).
    """
    entries = metadata.get("managedFields") or ()
    fields = (((one.get("fieldsV1") or {}).get("f:data")) or {} for one in entries)
    return {key.removeprefix("f:") for of_one in fields for key in of_one}


def writable(manifest: dict[str, Any], keep_version: bool) -> dict[str, Any]:
    """Return a manifest as it may be sent, without what is the server's and KubeDirector's."""
    left_out = SERVERS_OWN if keep_version else (*SERVERS_OWN, "resourceVersion")
    metadata = {k: v for k, v in manifest["metadata"].items() if k not in left_out}
    return {**{k: v for k, v in manifest.items() if k != "status"}, "metadata": metadata}


def merge_patch(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what turns one object into the other (RFC 7386); empty where they are the same."""
    patch: dict[str, Any] = dict.fromkeys(before.keys() - after.keys())
    for key, value in after.items():
        held = before.get(key)
        if isinstance(value, dict) and isinstance(held, dict):
            if inner := merge_patch(held, value):
                patch[key] = inner
        elif key not in before or value != held:
            patch[key] = value
    return patch
