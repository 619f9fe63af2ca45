"""%models, %deploy and %undeploy: what is registered, and where it is served."""

import json
import time
from collections.abc import Callable

from kd_magics.clients.deployment_client import DeploymentClient
from kd_magics.errors import BadOptions, DeployFailed
from kd_magics.models.connecting import configmap_of, connect_model, disconnect_model
from kd_magics.models.deployment_states import (
    DeploymentStates,
    deployed_on,
    deployed_places,
    newer_than_deployed,
)
from kd_magics.options import Options, model_version, seconds
from kd_magics.session import Session
from kd_magics.tables import Table, number_words, show
from kd_pipeline.errors import KdError
from kd_pipeline.messages import ModelStatus
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import Registry, open_registry

DEFAULT_TIMEOUT_S = 120.0
ASK_EVERY_S = 0.3
States = dict[str, ModelStatus | KdError | None]


def models_parser() -> Options:
    """Return the parser of %models."""
    return Options("%models")


def deploy_parser(magic: str, target: str) -> Options:
    """Return the parser of %deploy or %undeploy, whose ``target`` is --to or --from."""
    options = Options(magic)
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument(target, dest="cluster")
    options.add_argument("--timeout", type=seconds, default=DEFAULT_TIMEOUT_S, metavar="SECONDS")
    return options


def models(session: Session, line: str) -> None:
    """Show every registered model version, where it is deployed, and how it is there."""
    models_parser().read(line, session.shell.user_ns)
    registry = open_registry()
    registered = registry.models()
    left_out = list(registry.problems.values())
    if not registered:
        print("No model is registered yet. %register does it: see %register?.")
        for reason in left_out:
            print(reason)
        return
    places = deployed_places(registry.clusters())
    states = DeploymentStates(
        session, [name for m in registered for name in places.get(m.configmap_name, ())]
    )
    aliases = _alias_words(registry)
    newer = newer_than_deployed(registered, places)
    rows = []
    for model in registered:
        start = [model.name, model.version, aliases.get(model.key, ""), model.description]
        start.append(metrics_words(model))
        for cluster in places.get(model.configmap_name, []):
            actual = states.of(cluster, model.key)
            rows.append([*start, cluster, actual.state, actual.reason])
        if not places.get(model.configmap_name, []):
            rows.append([*start, "", "Not deployed", _newer_words(newer.get(model.key))])
    headers = ["Name", "Version", "Aliases", "Description", "Metrics"]
    headers += ["Deployed on", "State", "Reason"]
    show(Table(headers, rows, [f"Registered in {registry.place}.", *left_out]).without_empty())


def _newer_words(served: str | None) -> str:
    return f"newer than {served}, which is deployed" if served else ""


def metrics_words(model: ModelConfig) -> str:
    """Return a model's first metrics in short: ``rmse 5.21, mae 3.4``."""
    try:
        metrics = json.loads(model.extra.get("metrics", "null"))
    except ValueError:
        return ""
    return number_words(metrics) if isinstance(metrics, dict) else ""


def deploy(session: Session, line: str) -> None:
    """Connect a model's ConfigMap to a deployment cluster and wait until each engine is ready."""
    options = deploy_parser("%deploy", "--to").read(line, session.shell.user_ns)
    registry = open_registry()
    model = registry.resolve(*options.model)
    name, version = model.key
    cluster = session.deployment(options.cluster).name
    connect_model(registry, cluster, model)
    client = session.deployment_client(cluster)

    def is_ready(states: States) -> bool:
        for state in states.values():
            if isinstance(state, ModelStatus) and state.state == "Failed":
                raise DeployFailed(
                    f"{name}/{version} failed on {cluster}: {state.reason or 'no reason given'}"
                )
        return bool(states) and all(_is(state, "Ready") for state in states.values())

    last = _wait(client, name, version, options.timeout, is_ready)
    if last is not None:
        raise DeployFailed(
            f"{name}/{version} is not ready on {cluster} after {options.timeout:g} s "
            f"({_told(last)}). It stays connected: %models tells its state."
        )
    print(f"{name}/{version} is ready on {cluster}: {client.predict_url(name, version)}")


def undeploy(session: Session, line: str) -> None:
    """Disconnect a model's ConfigMap from a deployment cluster and wait until it is gone."""
    options = deploy_parser("%undeploy", "--from").read(line, session.shell.user_ns)
    name, version = options.model
    registry = open_registry()
    configmap = configmap_of(registry, name, version)
    cluster = _deployed_cluster(session, registry, configmap, options)
    if not disconnect_model(registry, cluster, name, version):
        print(f"{name}/{version} is not deployed on {cluster}.")
        return
    client = session.deployment_client(cluster)
    last = _wait(
        client,
        name,
        version,
        options.timeout,
        lambda states: all(state is None for state in states.values()),
    )
    if last is not None:
        raise DeployFailed(
            f"{name}/{version} is still on {cluster} after {options.timeout:g} s ({_told(last)}). "
            "It is disconnected, and goes when its engine has answered its last requests."
        )
    print(f"{name}/{version} is not on {cluster} any more.")


def _alias_words(registry: Registry) -> dict[tuple[str, str], str]:
    """Return the aliases of each version that has any, as one text."""
    found: dict[tuple[str, str], str] = {}
    for name, aliases in registry.aliases().items():
        for alias, version in sorted(aliases.versions.items()):
            found[name, version] = ", ".join(filter(None, (found.get((name, version)), alias)))
    return found


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


def _deployed_cluster(session: Session, registry: Registry, configmap: str, options: object) -> str:
    """Return the cluster to take a model from: the one named, or the only one that has it."""
    named = getattr(options, "cluster", None)
    if named:
        return session.full_name(named)
    clusters = deployed_on(registry, configmap)
    if len(clusters) > 1:
        raise BadOptions(f"%undeploy: it is on {', '.join(clusters)}; name one with --from.")
    return clusters[0] if clusters else session.deployment(None).name


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
