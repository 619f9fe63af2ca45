"""Deploying: a model's ConfigMap is connected to a deployment kdcluster, its aliases' along."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from kd_client.attached import Attached
from kd_client.deployment_client import DeploymentClient
from kd_client.errors import BadOptions, DeployFailed
from kd_client.models.deployment_states import deployed_on
from kd_pipeline.errors import Conflict, KdError, ModelNotFound
from kd_pipeline.hints import Hint
from kd_pipeline.messages import ModelStatus
from kd_pipeline.model_aliases import aliases_name
from kd_pipeline.model_config import ModelConfig, configmap_name
from kd_pipeline.registry import Registry, open_registry

DEFAULT_TIMEOUT_S = 120.0
ASK_EVERY_S = 0.3
States = dict[str, ModelStatus | KdError | None]


@dataclass(frozen=True)
class Deployed:
    """A version that is ready on a cluster; ``url`` is where clients ask it."""

    name: str
    version: str
    cluster: str
    url: str


def deploy(
    attached: Attached,
    name: str,
    version: str,
    cluster: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Deployed:
    """Connect a version (or alias) to a deployment cluster, and wait until each engine is ready.

    ``cluster`` may be left out where only one is connected. Raises ModelNotFound, UnknownCluster,
    BadOptions, and DeployFailed where the model cannot be loaded or is not ready in time; it stays
    connected then.
    """
    registry = open_registry()
    model = registry.resolve(name, version)
    name, version = model.key
    cluster = attached.deployment(cluster).name
    connect_model(registry, cluster, model)
    client = attached.deployment_client(cluster)

    def is_ready(states: States) -> bool:
        for state in states.values():
            if isinstance(state, ModelStatus) and state.state == "Failed":
                raise DeployFailed(
                    f"{name}/{version} failed on {cluster}: {state.reason or 'no reason given'}"
                )
        return bool(states) and all(_is(state, "Ready") for state in states.values())

    last = _wait(client, name, version, timeout_s, is_ready)
    if last is not None:
        raise DeployFailed(
            f"{name}/{version} is not ready on {cluster} after {timeout_s:g} s "
            f"({_told(last)}). It stays connected.",
            hint=Hint("deployments", does="shows its state"),
        )
    return Deployed(name, version, cluster, client.predict_url(name, version))


def undeploy(
    attached: Attached,
    name: str,
    version: str,
    cluster: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> tuple[str, bool]:
    """Take a version off a deployment cluster, and wait until no engine has it any more.

    Return the cluster, and whether the version was connected to it. ``cluster`` may be left out
    where only one has it. Raises UnknownCluster, BadOptions, Conflict where clients ask it by an
    alias, and DeployFailed where an engine still has it after ``timeout_s``.
    """
    registry = open_registry()
    configmap = configmap_of(registry, name, version)
    cluster = _deployed_cluster(attached, registry, configmap, cluster)
    if not disconnect_model(registry, cluster, name, version):
        return cluster, False
    client = attached.deployment_client(cluster)

    def is_gone(states: States) -> bool:
        return all(state is None for state in states.values())

    last = _wait(client, name, version, timeout_s, is_gone)
    if last is not None:
        raise DeployFailed(
            f"{name}/{version} is still on {cluster} after {timeout_s:g} s ({_told(last)}). "
            "It is disconnected, and goes when its engine has answered its last requests."
        )
    return cluster, True


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
            "first.",
            hint=Hint("alias", (f"{name}/{others[-1].version}", held[0]), "moves it"),
        )


def _wait(
    client: DeploymentClient,
    name: str,
    version: str,
    timeout: float,
    reached: Callable[[States], bool],
) -> States | None:
    """Return None once the states are as wanted, or the last ones where time is over."""
    deadline = time.monotonic() + timeout
    while True:
        states = client.states(name, version)
        if reached(states):
            return None
        if time.monotonic() > deadline:
            return states
        time.sleep(ASK_EVERY_S)


def _deployed_cluster(
    attached: Attached, registry: Registry, configmap: str, named: str | None
) -> str:
    """Return the cluster to take a model from: the one named, or the only one that has it."""
    if named:
        return attached.full_name(named)
    clusters = deployed_on(registry, configmap)
    if len(clusters) > 1:
        raise BadOptions(
            f"{configmap} is deployed on {', '.join(clusters)}: name one of them.",
            hint=Hint("undeploy", ("NAME/VERSION", "--from", clusters[0]), "takes it off there"),
        )
    return clusters[0] if clusters else attached.deployment(None).name


def _is(state: object, word: str) -> bool:
    return isinstance(state, ModelStatus) and state.state == word


def _told(states: States) -> str:
    told = {
        state.state + (f": {state.reason}" if state.reason else "")
        if isinstance(state, ModelStatus)
        else ("not loaded yet" if state is None else str(state))
        for state in states.values()
    }
    return "; ".join(sorted(told)) or "no member is up"
