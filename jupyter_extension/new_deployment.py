"""Make a new deployment kdcluster: like one that is there, or as its kdapp says."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jupyter_extension import deployments
from jupyter_extension.kept_registry import Snapshot
from jupyter_extension.pipeline import Pipeline
from kd_pipeline.clusters import API_VERSION, CLUSTER_KIND, App, Cluster
from kd_pipeline.connections import ENGINE_ROLE
from kd_pipeline.errors import Conflict, Forbidden, InvalidInput, KdError
from kd_pipeline.messages.sidebar_models import Deployment, NewDeployment
from kd_pipeline.mount_points import MOUNT_POINTS
from kd_pipeline.quantities import quantity

LONGEST_NAME = 63
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# What a role gets where neither another kdcluster nor its kdapp says more.
LIMITS = {"cpu": "1", "memory": "1Gi"}


def create(pipeline: Pipeline, wanted: NewDeployment) -> Deployment:
    """Write a new kdcluster with its models, and connect it to the notebook's own.

    Raises InvalidInput, Conflict where the name is taken, ModelNotFound, Forbidden. Where the
    notebook's kdcluster cannot be changed, the deployment is there, and its reason says so.
    """
    found = pipeline.kept.snapshot()
    _check(wanted, found)
    spec = _like_another(wanted.app, found) or _of_app(wanted.app, found)
    manifest = {
        "apiVersion": API_VERSION,
        "kind": CLUSTER_KIND,
        "metadata": {"name": wanted.name},
        "spec": spec,
    }
    cluster = Cluster(manifest).with_members(ENGINE_ROLE, wanted.members)
    for label in wanted.models:
        model = found.resolve(*_named(label))
        cluster = cluster.connect("configmaps", model.configmap_name)
        if model.name in found.aliases:
            cluster = cluster.connect("configmaps", found.aliases[model.name].configmap_name)
    try:
        with pipeline.kept.used() as registry:
            registry.create_cluster(cluster)
    except Forbidden:
        raise Forbidden(
            f"You may not make kdclusters in {registry.place}: who may can run pods under any "
            f"service account there. Ask its administrator to make {wanted.name!r}; it can be "
            "connected here then."
        ) from None
    trouble = ""
    try:
        own = pipeline.attached.connections().cluster_name
        with pipeline.kept.used() as registry:
            registry.connect(own, "clusters", wanted.name)
    except KdError as error:  # the deployment is there all the same
        trouble = f"It could not be connected to this notebook: {error}"
    told = deployments.deployment(pipeline, wanted.name)
    told.reason = trouble or told.reason
    return told


def _check(wanted: NewDeployment, found: Snapshot) -> None:
    """Raise InvalidInput or Conflict for what is wrong with a new deployment."""
    if not _NAME.fullmatch(wanted.name) or len(wanted.name) > LONGEST_NAME:
        raise InvalidInput(
            f"{wanted.name[:80]!r} cannot name a deployment: 1 to {LONGEST_NAME} lower-case "
            "letters, digits and '-', beginning and ending with a letter or digit."
        )
    if any(cluster.name == wanted.name for cluster in found.clusters):
        raise Conflict(f"There is a kdcluster {wanted.name!r} already; choose another name.")
    deployments.check_members(wanted.members)
    apps = deployments.deployment_apps(found)
    if wanted.app not in apps:
        raise InvalidInput(
            f"{wanted.app[:80]!r} is not a deployment kdapp; there are: "
            f"{', '.join(apps) or 'none'}."
        )


def _like_another(app: str, found: Snapshot) -> dict[str, Any] | None:
    """Return the spec of a kdcluster of the same app that has engines, with no connections."""
    for cluster in found.clusters:
        if cluster.app == app and any(role.id == ENGINE_ROLE for role in cluster.roles):
            spec: dict[str, Any] = copy.deepcopy(cluster.manifest["spec"])
            spec.pop("connections", None)
            return spec
    return None


def _of_app(name: str, found: Snapshot) -> dict[str, Any]:
    """Return a spec as a kdapp of the registry wants it: one member per role, no public address."""
    app = next(app for app in found.apps if app.name == name)
    roles = [{"id": role, "members": 1, "resources": _resources(app, role)} for role in _roles(app)]
    projections = list(_repository_claims(found))
    for role in roles:
        if role["id"] == ENGINE_ROLE and projections:
            role["volumeProjections"] = projections[:1]
    spec = {"app": name, "appCatalog": "local", "serviceType": "ClusterIP"}
    return {**spec, "roles": roles}


def _roles(app: App) -> list[str]:
    config = app.manifest["spec"].get("config") or {}
    return [str(role) for role in config.get("selectedRoles") or app.roles]


def _resources(app: App, role: str) -> dict[str, Any]:
    """Return a role's requests, which KubeDirector wants to reach its kdapp's, and its limits."""
    roles = app.manifest["spec"].get("roles") or []
    found = [one.get("minResources") for one in roles if one.get("id") == role]
    least: Mapping[str, Any] = (found[0] if found else None) or {}
    limits = {key: _more(key, ours, least) for key, ours in LIMITS.items()}
    return {"requests": dict(least), "limits": limits} if least else {"limits": limits}


def _more(key: str, ours: str, least: Mapping[str, Any]) -> str:
    """Return the larger of two quantities."""
    needed = str(least.get(key) or "0")
    return needed if quantity(needed) > quantity(ours) else ours


def _repository_claims(found: Snapshot) -> Iterator[dict[str, Any]]:
    """Yield how other kdclusters mount the project repository's claim, to be read only."""
    for cluster in found.clusters:
        for role in cluster.manifest["spec"].get("roles") or []:
            for claim in role.get("volumeProjections") or []:
                if claim.get("mountPath") in MOUNT_POINTS:
                    yield {**claim, "readOnly": True}


def _named(label: str) -> tuple[str, str]:
    name, slash, version = label.partition("/")
    if not (name and slash and version) or "/" in version:
        raise InvalidInput(f"{label[:80]!r} is not NAME/VERSION, such as taxi/1.")
    return name, version
