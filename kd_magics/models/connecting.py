"""Connect a model's ConfigMap to a deployment kdcluster, its aliases' along, and take it off."""

from kd_pipeline.errors import Conflict, ModelNotFound
from kd_pipeline.model_aliases import aliases_name
from kd_pipeline.model_config import ModelConfig, configmap_name
from kd_pipeline.registry import Registry


def connect_model(registry: Registry, cluster: str, model: ModelConfig) -> None:
    """Connect a version to a kdcluster, and its model's aliases; raises UnknownCluster."""
    registry.connect(cluster, "configmaps", model.configmap_name)
    if model.name in registry.aliases():
        registry.connect(cluster, "configmaps", aliases_name(model.name))


def disconnect_model(registry: Registry, cluster: str, name: str, version: str) -> bool:
    """Take a version off a kdcluster; return False where it was not there.

    Raises UnknownCluster, and Conflict where an alias is that of the version and others stay.
    """
    configmap = configmap_of(registry, name, version)
    _take_off_aliases(registry, cluster, name, version)
    return registry.disconnect(cluster, "configmaps", configmap)


def configmap_of(registry: Registry, name: str, version: str) -> str:
    """Return the name of a version's ConfigMap, which may be deleted and connected still."""
    try:
        return registry.model(name, version).configmap_name
    except ModelNotFound:
        return configmap_name(name, version)


def _take_off_aliases(registry: Registry, cluster: str, name: str, version: str) -> None:
    """Disconnect a model's aliases with its last version; raises Conflict for a needed one."""
    connected = registry.cluster(cluster).connections("configmaps")
    others = [
        m for m in registry.models() if m.name == name and m.configmap_name in connected
        and m.version != version
    ]  # fmt: skip
    if not others:
        registry.disconnect(cluster, "configmaps", aliases_name(name))
        return
    held = [a for a, v in sorted(registry.aliases_of(name).versions.items()) if v == version]
    if held and aliases_name(name) in connected:
        raise Conflict(
            f"{name}/{version} is {name}/{held[0]} on {cluster}, which clients ask; move the alias "
            f"first: %alias {name}/{others[-1].version} {held[0]}"
        )
