"""What the engines of the deployment clusters say of their models, each cluster asked once."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from kd_client.attached import Attached
from kd_client.deployment_client import ASK_S, DeploymentClient
from kd_client.fan_out import ask_all
from kd_pipeline.clusters import Cluster
from kd_pipeline.errors import KdError
from kd_pipeline.messages import ModelList, ModelStatus, Traffic
from kd_pipeline.model_aliases import aliases_name
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry.base import natural

if TYPE_CHECKING:
    from kd_pipeline.registry import Registry

# All engines of all clusters are asked together; the rest is for starting the threads.
WITHIN_S = ASK_S + 0.2
Key = tuple[str, str]
Answers = dict[str, ModelList | KdError]


@dataclass(frozen=True)
class Actual:
    """How a model version is on a cluster: the worst of all its engines.

    Its ``traffic`` is that of all of them, with the times of the slowest. ``served_by`` tells of a
    model without a scoring script what it was compiled to, or why it was not.
    """

    state: str
    reason: str = ""
    since: str = ""
    restarts: int = 0
    traffic: Traffic | None = None
    served_by: str = ""
    processes: int = 0


class DeploymentStates:
    """The models of the deployment clusters as their engines tell; all are asked together."""

    def __init__(self, attached: Attached, clusters: Sequence[str]) -> None:
        clients = {name: attached.deployment_client(name) for name in dict.fromkeys(clusters)}
        questions = {name: partial(_ask, client) for name, client in clients.items()}
        answers = ask_all(questions, WITHIN_S)
        self._clients = clients
        self._answers: dict[str, Answers] = {
            name: {name: answer} if isinstance(answer, KdError) else answer
            for name, answer in answers.items()
        }
        for name, found in self._answers.items():
            if not any(isinstance(answer, KdError) for answer in found.values()):
                attached.answered[name] = time.time()

    def trouble(self, cluster: str) -> KdError | None:
        """Return why an engine of a cluster gave no answer, or None where all did."""
        return next((error for error in self.members(cluster) if error), None)

    def members(self, cluster: str) -> list[KdError | None]:
        """Return of each engine of a cluster why it gave no answer, or None where it did."""
        answers = self._answers[cluster].values()
        return [answer if isinstance(answer, KdError) else None for answer in answers]

    def counts(self, cluster: str) -> Counter[str]:
        """Return how many model versions of a cluster are in each state."""
        return Counter(self.of(cluster, key).state for key in self.versions(cluster))

    def versions(self, cluster: str) -> set[Key]:
        """Return the model versions that any engine of a cluster has."""
        return {
            (model.name, model.version)
            for answer in self._answers[cluster].values()
            if isinstance(answer, ModelList)
            for model in answer.models
        }

    def aliases(self, cluster: str) -> dict[Key, list[str]]:
        """Return the aliases by which clients reach each version on a cluster."""
        found: dict[Key, list[str]] = {}
        for answer in self._answers[cluster].values():
            for alias in answer.aliases if isinstance(answer, ModelList) else []:
                names = found.setdefault((alias.model, alias.version), [])
                if alias.alias not in names:
                    names.append(alias.alias)
        return found

    def of(self, cluster: str, key: Key) -> Actual:
        """Return how a version is on a cluster."""
        statuses: list[ModelStatus | KdError | None] = [
            answer if isinstance(answer, KdError) else _status(answer, key)
            for answer in self._answers[cluster].values()
        ]
        worst = next((s for s in statuses if not _is_ready(s)), statuses[0])
        if isinstance(worst, KdError):
            return Actual("Unknown", str(worst))
        if worst is None:
            return Actual("Not loaded yet")
        told = [s for s in statuses if isinstance(s, ModelStatus)]
        restarts = sum(s.restarts for s in told)
        traffic = _total([s.traffic for s in told if s.traffic])
        return Actual(
            worst.state,
            *(worst.reason or "", worst.since or "", restarts, traffic, worst.served_by or ""),
            sum(s.processes for s in told),
        )

    def url(self, cluster: str, key: Key) -> str:
        """Return where clients ask a version; "" where its cluster has no endpoint."""
        try:
            return self._clients[cluster].predict_url(*key)
        except KdError:
            return ""


def deployed_on(registry: "Registry", configmap: str) -> list[str]:
    """Return the kdclusters to which a model's ConfigMap is connected."""
    return [c.name for c in registry.clusters() if configmap in c.connections("configmaps")]


def deployed_places(clusters: Iterable[Cluster]) -> dict[str, list[str]]:
    """Return by ConfigMap the kdclusters to which it is connected."""
    places: dict[str, list[str]] = {}
    for cluster in clusters:
        for configmap in cluster.connections("configmaps"):
            places.setdefault(configmap, []).append(cluster.name)
    return places


def not_registered(cluster: Cluster, registered: Iterable[ModelConfig]) -> list[str]:
    """Return the ConfigMaps that are connected to a kdcluster, but no model's: deleted, mostly."""
    known = {model.configmap_name for model in registered}
    known |= {aliases_name(model.name) for model in registered}
    return [name for name in cluster.connections("configmaps") if name not in known]


def newer_than_deployed(
    registered: Iterable[ModelConfig], places: Mapping[str, list[str]]
) -> dict[Key, str]:
    """Return each newest version that is not deployed while an older one is, and which that is."""
    by_name: dict[str, list[ModelConfig]] = {}
    for model in registered:
        by_name.setdefault(model.name, []).append(model)
    found: dict[Key, str] = {}
    for versions in by_name.values():
        versions.sort(key=lambda model: natural(model.version))
        served = [m.version for m in versions if places.get(m.configmap_name)]
        if served and not places.get(versions[-1].configmap_name):
            found[versions[-1].key] = served[-1]
    return found


def _ask(client: DeploymentClient) -> Answers:
    questions = {url: partial(client.models_at, url) for url in client.members()}
    return ask_all(questions, ASK_S, "Engine")


def _status(answer: ModelList, key: Key) -> ModelStatus | None:
    return next((m for m in answer.models if (m.name, m.version) == key), None)


def _total(all_engines: Sequence[Traffic]) -> Traffic | None:
    if not all_engines:
        return None
    return Traffic(
        per_second=sum(one.per_second for one in all_engines),
        failed=sum(one.failed for one in all_engines),
        p50_ms=max(one.p50_ms for one in all_engines),
        p99_ms=max(one.p99_ms for one in all_engines),
    )


def _is_ready(status: object) -> bool:
    return isinstance(status, ModelStatus) and status.state == "Ready"
