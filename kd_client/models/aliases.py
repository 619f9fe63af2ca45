"""Aliases: names that move from version to version, and where they are connected."""

import time
from collections.abc import Iterable

from kd_client.attached import Attached
from kd_client.models.deployment_states import deployed_on
from kd_pipeline.errors import KdError, NoConnections, NotFound
from kd_pipeline.hints import Hint
from kd_pipeline.messages import ModelList
from kd_pipeline.model_aliases import aliases_name
from kd_pipeline.registry import Registry

MOVES_WITHIN_S, ASK_EVERY_S = 10.0, 0.1


def move_alias(
    registry: Registry, name: str, version: str, alias: str
) -> tuple[str | None, list[str]]:
    """Set an alias, and connect it wherever a version of the model is deployed.

    Return the version it was of before, and the kdclusters that do not have the new one yet.
    """
    before = registry.set_alias(name, alias, version)
    wanted = registry.model(name, version).configmap_name
    clusters = deployed_clusters(registry, name)
    for cluster in clusters:
        registry.connect(cluster, "configmaps", aliases_name(name))
    there = deployed_on(registry, wanted)
    return before, [cluster for cluster in clusters if cluster not in there]


def wait_until_moved(
    attached: Attached, clusters: Iterable[str], name: str, version: str, alias: str
) -> list[str]:
    """Wait for a moment until an alias stands for a version on clusters that have that.

    Return those on which some engine does not say so yet: it is starting, away, or reads its
    configmeta.json seldom. One that is not connected here is not asked.
    """
    deadline = time.monotonic() + MOVES_WITHIN_S
    try:
        connected = {cluster.name for cluster in attached.connections().deployment_clusters()}
    except NoConnections:
        return []
    waiting = {*clusters} & connected
    while waiting:
        waiting = {one for one in waiting if not _stands(attached, one, name, version, alias)}
        if not waiting or time.monotonic() > deadline:
            break
        time.sleep(ASK_EVERY_S)
    return sorted(waiting)


def _stands(attached: Attached, cluster: str, name: str, version: str, alias: str) -> bool:
    client = attached.deployment_client(cluster)
    try:
        lists = [client.models_at(url) for url in client.members()]
    except KdError:
        return False
    return all((name, alias, version) in _aliases(one) for one in lists)


def _aliases(models: ModelList) -> set[tuple[str, str, str]]:
    return {(one.model, one.alias, one.version) for one in models.aliases}


def delete_alias(registry: Registry, name: str, alias: str) -> None:
    """Delete a model's alias; raises NotFound where it has none of that name."""
    if not registry.delete_alias(name, alias):
        raise NotFound(
            f"{name} has no alias {alias!r}.", hint=Hint("alias", (name,), "lists those it has")
        )


def deployed_clusters(registry: Registry, name: str) -> list[str]:
    """Return the kdclusters to which any version of a model is connected."""
    configmaps = {m.configmap_name for m in registry.models() if m.name == name}
    return [c.name for c in registry.clusters() if configmaps & {*c.connections("configmaps")}]
