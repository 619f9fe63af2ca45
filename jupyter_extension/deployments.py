"""The deployments as the sidebar shows them: what is wanted on each kdcluster, what is there."""

from collections.abc import Iterable

from jupyter_extension.kept_registry import Snapshot
from jupyter_extension.pipeline import Pipeline
from kd_client.models.deployment import connect_model, disconnect_model
from kd_client.models.deployment_states import DeploymentStates, not_registered
from kd_pipeline.cluster_status import CONFIGURED, configured_members, state_of, troubles
from kd_pipeline.clusters import Cluster
from kd_pipeline.connections import DEPLOYMENT_DISTROS, ENGINE_ROLE
from kd_pipeline.errors import InvalidInput, KdError, NoConnections, UnknownCluster
from kd_pipeline.messages.sidebar_models import DeployedModel, Deployment, DeploymentList
from kd_pipeline.model_config import ModelConfig

MOST_MEMBERS = 64
UNKNOWN = "Unknown"


def deployment_list(pipeline: Pipeline) -> DeploymentList:
    """Return every deployment kdcluster, of the registry and of the notebook's connections."""
    found = pipeline.kept.snapshot()
    return DeploymentList(
        _deployments(pipeline, found, None),
        apps=deployment_apps(found),
        notices=_notices(pipeline),
    )


def deployment(pipeline: Pipeline, name: str) -> Deployment:
    """Return one deployment kdcluster; raises UnknownCluster."""
    deployments = _deployments(pipeline, pipeline.kept.snapshot(), name)
    if not deployments:
        raise UnknownCluster(
            f"There is no deployment kdcluster {name!r}, neither in the registry nor connected to "
            "this notebook."
        )
    return deployments[0]


def connect(pipeline: Pipeline, cluster: str, name: str, version: str) -> Deployment:
    """Connect a version (or an alias's) to a kdcluster, as %deploy does, without waiting."""
    check_is_deployment(pipeline, cluster)
    with pipeline.kept.used() as registry:
        connect_model(registry, cluster, registry.resolve(name, version))
    return deployment(pipeline, cluster)


def disconnect(pipeline: Pipeline, cluster: str, name: str, version: str) -> Deployment:
    """Take a version off a kdcluster, as %undeploy does, without waiting.

    Raises Conflict where an alias needs it there.
    """
    check_is_deployment(pipeline, cluster)
    with pipeline.kept.used() as registry:
        disconnect_model(registry, cluster, name, version)
    return deployment(pipeline, cluster)


def set_members(pipeline: Pipeline, cluster: str, members: int) -> Deployment:
    """Change how many engines a kdcluster shall have; raises InvalidInput."""
    check_members(members)
    check_is_deployment(pipeline, cluster)
    with pipeline.kept.used() as registry:
        registry.edit_cluster(cluster, lambda c: c.with_members(ENGINE_ROLE, members))
    return deployment(pipeline, cluster)


def check_members(members: int) -> None:
    """Raise InvalidInput for a number of members that no deployment may have."""
    if not 1 <= members <= MOST_MEMBERS:
        raise InvalidInput(f"members is {members}; a deployment has 1 to {MOST_MEMBERS} of them.")


def check_is_deployment(pipeline: Pipeline, name: str) -> None:
    """Raise UnknownCluster where the registry has no deployment kdcluster of that name."""
    found = pipeline.kept.snapshot()
    names = [c.name for c in _deployment_clusters(found, _connected(pipeline))]
    if name not in names:
        raise UnknownCluster(
            f"There is no deployment kdcluster {name!r} in the registry; there are: "
            f"{', '.join(names) or 'none'}."
        )


def deployment_apps(found: Snapshot) -> list[str]:
    """Return the kdapps of which a deployment can be: the registry's, and those in use."""
    own = [app.name for app in found.apps if app.distro_id.endswith(DEPLOYMENT_DISTROS)]
    return sorted({*own, *(cluster.app for cluster in _deployment_clusters(found, set()))})


def _deployments(pipeline: Pipeline, found: Snapshot, only: str | None) -> list[Deployment]:
    connected = _connected(pipeline)
    clusters = {c.name: c for c in _deployment_clusters(found, connected)}
    names = [name for name in sorted({*clusters, *connected}) if only in (None, name)]
    states = DeploymentStates(pipeline.attached, [name for name in names if name in connected])
    return [
        _message(found, name, clusters.get(name), states if name in connected else None,
                 _unconnected_words(pipeline, found, name))
        for name in names
    ]  # fmt: skip


def _deployment_clusters(found: Snapshot, connected: Iterable[str]) -> list[Cluster]:
    """Return the kdclusters of a deployment app; the app may be in another namespace's catalog."""
    distros = {app.name: app.distro_id for app in found.apps}
    return [
        cluster
        for cluster in found.clusters
        if distros.get(cluster.app, cluster.app).endswith(DEPLOYMENT_DISTROS)
        or cluster.name in connected
    ]


def _connected(pipeline: Pipeline) -> set[str]:
    try:
        return {c.name for c in pipeline.attached.connections().deployment_clusters()}
    except NoConnections:
        return set()


def _notices(pipeline: Pipeline) -> list[str]:
    try:
        pipeline.attached.connections()
    except NoConnections as error:
        return [str(error)]
    return []


def _message(
    found: Snapshot,
    name: str,
    cluster: Cluster | None,
    states: DeploymentStates | None,
    unconnected: str,
) -> Deployment:
    manifest = cluster.manifest if cluster else {}
    trouble = states.trouble(name) if states else None
    wanted = sum(r.members for r in cluster.roles if r.id == ENGINE_ROLE) if cluster else 0
    members = configured_members(manifest, ENGINE_ROLE)
    if members is None:
        members = states.members(name).count(None) if states else 0
    models = _models(found, name, cluster, states, unconnected)
    reasons = [troubles(manifest), str(trouble or ""), "" if states else unconnected]
    reasons.append(_left_out_words(found, cluster))
    return Deployment(
        name=name,
        app=cluster.app if cluster else "",
        connected=states is not None,
        state=state_of(manifest) or _derived(states, wanted, members),
        reason=" ".join(filter(None, reasons)),
        members_wanted=wanted,
        members=members,
        models=models,
    )


def _derived(states: DeploymentStates | None, wanted: int, members: int) -> str:
    """Return the state of a kdcluster whose registry tells none, by what its engines answer."""
    if states is None:
        return "unknown"
    if members == 0:
        return "down"
    return CONFIGURED if members >= wanted else "creating"


def _models(
    found: Snapshot,
    name: str,
    cluster: Cluster | None,
    states: DeploymentStates | None,
    unconnected: str,
) -> list[DeployedModel]:
    wanted = _wanted(found, cluster)
    registered = {model.key: model for model in found.models}
    going = sorted(states.versions(name) - {m.key for m in wanted}) if states else []
    if cluster is None:  # not in the registry, so nobody here knows what is wanted of it
        wanted, going = (
            [registered[k] for k in going if k in registered],
            [k for k in going if k not in registered],
        )
    keys = [*(model.key for model in wanted), *going]
    aliases = states.aliases(name) if states else found.alias_words()
    told = []
    for number, key in enumerate(keys):
        model = DeployedModel(*key, wanted=number < len(wanted), state=UNKNOWN, reason=unconnected)
        if states:
            actual = states.of(name, key)
            model.state, model.reason = actual.state, actual.reason
            model.since, model.restarts = actual.since, actual.restarts
            model.traffic = actual.traffic
            model.served_by, model.processes = actual.served_by, actual.processes
            model.url = states.url(name, key)
        model.aliases = aliases.get(key, [])
        model.has_example = key in registered and "example" in registered[key].extra
        told.append(model)
    return told


def _wanted(found: Snapshot, cluster: Cluster | None) -> list[ModelConfig]:
    names = {*cluster.connections("configmaps")} if cluster else set()
    return [model for model in found.models if model.configmap_name in names]


def _left_out_words(found: Snapshot, cluster: Cluster | None) -> str:
    """Return a sentence about connected ConfigMaps that are not there: they would never arrive."""
    gone = not_registered(cluster, found.models) if cluster else []
    words = f"{', '.join(gone[:5])}{', …' if len(gone) > 5 else ''}"
    return f"Connected, but not registered: {words}." if gone else ""


def _unconnected_words(pipeline: Pipeline, found: Snapshot, name: str) -> str:
    """Return why the notebook cannot ask a kdcluster, and what to do."""
    try:
        own = pipeline.attached.connections().cluster_name
    except KdError as error:
        return str(error)
    mine = next((cluster for cluster in found.clusters if cluster.name == own), None)
    if mine is None:
        return f"It is not connected to this notebook, whose kdcluster {own!r} is not here."
    if name in mine.connections("clusters"):
        return "It is being connected to this notebook, which takes a moment."
    return (
        "It is not connected to this notebook, so it cannot be asked; add it to "
        f"spec.connections.clusters of the kdcluster {own!r}."
    )
