"""%models, %deploy and %undeploy: what is registered, and where it is served."""

import json

from kd_client.models import deployment
from kd_client.models.deployment_states import (
    DeploymentStates,
    deployed_places,
    newer_than_deployed,
)
from kd_magics.options import Options, model_version, seconds
from kd_magics.session import Session
from kd_magics.tables import Table, number_words, show
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import Registry, open_registry


def models_parser() -> Options:
    """Return the parser of %models."""
    return Options("%models")


def deploy_parser(magic: str, target: str) -> Options:
    """Return the parser of %deploy or %undeploy, whose ``target`` is --to or --from."""
    options = Options(magic)
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument(target, dest="cluster")
    options.add_argument(
        "--timeout", type=seconds, default=deployment.DEFAULT_TIMEOUT_S, metavar="SECONDS"
    )
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
    name, version = options.model
    done = deployment.deploy(session, name, version, options.cluster, options.timeout)
    print(f"{done.name}/{done.version} is ready on {done.cluster}: {done.url}")


def undeploy(session: Session, line: str) -> None:
    """Disconnect a model's ConfigMap from a deployment cluster and wait until it is gone."""
    options = deploy_parser("%undeploy", "--from").read(line, session.shell.user_ns)
    name, version = options.model
    cluster, was_there = deployment.undeploy(
        session, name, version, options.cluster, options.timeout
    )
    told = f"is not on {cluster} any more" if was_there else f"is not deployed on {cluster}"
    print(f"{name}/{version} {told}.")


def _alias_words(registry: Registry) -> dict[tuple[str, str], str]:
    """Return the aliases of each version that has any, as one text."""
    found: dict[tuple[str, str], str] = {}
    for name, aliases in registry.aliases().items():
        for alias, version in sorted(aliases.versions.items()):
            found[name, version] = ", ".join(filter(None, (found.get((name, version)), alias)))
    return found
