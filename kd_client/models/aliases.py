"""Aliases: names that move from version to version, and where they are connected."""

from kd_client.models.deployment_states import deployed_on
from kd_pipeline.errors import NotFound
from kd_pipeline.hints import Hint
from kd_pipeline.model_aliases import aliases_name
from kd_pipeline.registry import Registry


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
