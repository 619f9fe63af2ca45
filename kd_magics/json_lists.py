"""What `kd jobs --json` and the like print: a verb's data as one JSON document, for programs.

Keys stay as they are; new ones may come.
"""

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import msgspec

from kd_client.client import Client
from kd_client.engines import engine_list
from kd_client.jobs.listing import find_jobs
from kd_client.models import predictions
from kd_client.models.deployment_states import Actual, DeploymentStates, deployed_places
from kd_magics.jobs import job_list
from kd_magics.models import deployments as deployment_list
from kd_magics.models import models as model_list
from kd_magics.models import predictions as predict_magic
from kd_magics.options import Options, json_option
from kd_magics.overview import attachments as attachment_list
from kd_pipeline.registry import open_registry


def attachments(client: Client, _options: Namespace) -> Any:
    """Return each connected cluster and how it is now."""
    return engine_list(client)


def jobs(client: Client, options: Namespace) -> Any:
    """Return the jobs that the options ask for, and of each cluster that gave none why."""
    found = find_jobs(client, job_list.wanted_of(options))
    return {
        "jobs": [job.last for job in found.jobs],
        "more": found.more,
        "troubles": {name: str(error) for name, error in found.troubles.items()},
        "late": found.late,
    }


def models(_client: Client, _options: Namespace) -> Any:
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


def deployments(client: Client, options: Namespace) -> Any:
    """Return each version on each deployment cluster, as it is wanted and as it is."""
    connected = client.connections().deployment_clusters()
    if options.cluster:
        connected = (client.deployment(options.cluster),)
    names = [cluster.name for cluster in connected]
    registry, states = open_registry(), DeploymentStates(client, names)
    return {
        "deployments": [
            {
                "cluster": name,
                "trouble": str(error) if (error := states.trouble(name)) else None,
                "models": _versions(states, name, deployment_list.wanted(registry, name)),
            }
            for name in names
        ]
    }


def predict(client: Client, options: Namespace) -> Any:
    """Return what a model answered, how long it took, and the request."""
    args: Any = predictions.EXAMPLE
    if options.args is not None:
        args = json_option(options.args, {}, "%predict: the model's argument")
    name, version = options.model
    return predictions.predict(client, name, version, args, options.cluster)


def _versions(states: DeploymentStates, cluster: str, wanted: list[Any]) -> list[dict[str, Any]]:
    keys = [model.key for model in wanted]
    found = []
    for key in [*keys, *sorted(states.versions(cluster) - {*keys})]:
        actual: Actual = states.of(cluster, key)
        found.append(
            {
                **{"name": key[0], "version": key[1], "wanted": key in keys},
                **{"state": actual.state, "reason": actual.reason, "since": actual.since},
                **{"restarts": actual.restarts, "url": states.url(cluster, key)},
            }
        )
    return found


LISTS: dict[str, tuple[Callable[[], Options], Callable[[Client, Namespace], Any]]] = {
    "attachments": (attachment_list.parser, attachments),
    "jobs": (job_list.parser, jobs),
    "models": (model_list.models_parser, models),
    "deployments": (deployment_list.parser, deployments),
    "predict": (predict_magic.parser, predict),
}


def as_json(name: str, line: str) -> str:
    """Return what a command of LISTS tells, as JSON; raises what the verb raises."""
    parser, verb = LISTS[name]
    content = msgspec.json.encode(verb(Client(), parser().read(line)))
    return msgspec.json.format(content, indent=1).decode()
