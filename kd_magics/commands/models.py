"""Show the registered models, their metrics, where they are deployed, and how they are there."""

import json
from argparse import Namespace
from typing import Any

from kd_client.models.deployment_states import (
    DeploymentStates,
    deployed_places,
    newer_than_deployed,
)
from kd_magics import face
from kd_magics.deployment_words import gone_words
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_magics.tables import Table, number_words, show, state
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.plain_text import one_line
from kd_pipeline.registry import Registry, open_registry

HELP = Help(
    text="A version that is nowhere deployed says so, and whether an older one is.",
)


def parser() -> Options:
    """Return the parser."""
    return Options("models")


def run(session: Session, _options: Namespace) -> None:
    """Show every registered model version, where it is deployed, and how it is there."""
    registry = open_registry()
    registered = registry.models()
    left_out = list(registry.problems.values())
    if not registered:
        print(f"No model is registered yet. {face.help_of('register')} shows how it is done.")
        left_out += gone_words(session, registry.clusters(), registered)
        print("\n".join(map(one_line, left_out)), end="\n" if left_out else "")
        return
    clusters = registry.clusters()
    places = deployed_places(clusters)
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
            rows.append([*start, cluster, state(actual.state), actual.reason])
        if not places.get(model.configmap_name, []):
            rows.append([*start, "", state("Not deployed"), _newer_words(newer.get(model.key))])
    headers = ["Name", "Version", "Aliases", "Description", "Metrics"]
    headers += ["Deployed on", "State", "Reason"]
    notes = [f"Registered in {registry.place}.", *left_out]
    notes += gone_words(session, clusters, registered)
    show(Table(headers, rows, notes).without_empty())


def data(_session: Session, _options: Namespace) -> dict[str, Any]:
    """Return the registered versions, their ConfigMaps' data, and where each is deployed."""
    registry = open_registry()
    registered, aliases = registry.models(), registry.aliases()
    places = deployed_places(registry.clusters())
    return {
        "models": [
            {
                "name": model.name,
                "version": model.version,
                "configmap": model.configmap_name,
                "data": model.data(),
                "aliases": sorted(
                    alias
                    for alias, version in getattr(aliases.get(model.name), "versions", {}).items()
                    if version == model.version
                ),
                "deployed_on": places.get(model.configmap_name, []),
            }
            for model in registered
        ],
        "place": registry.place,
        "problems": list(registry.problems.values()),
    }


def _newer_words(served: str | None) -> str:
    return f"newer than {served}, which is deployed" if served else ""


def metrics_words(model: ModelConfig) -> str:
    """Return a model's first metrics in short: ``rmse 5.21, mae 3.4``."""
    try:
        metrics = json.loads(model.extra.get("metrics", "null"))
    except ValueError:
        return ""
    return number_words(metrics) if isinstance(metrics, dict) else ""


def _alias_words(registry: Registry) -> dict[tuple[str, str], str]:
    """Return the aliases of each version that has any, as one text."""
    found: dict[tuple[str, str], str] = {}
    for name, aliases in registry.aliases().items():
        for alias, version in sorted(aliases.versions.items()):
            found[name, version] = ", ".join(filter(None, (found.get((name, version)), alias)))
    return found
