"""The connected engines: each with its state, and why where it gives no answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from kd_client.attached import Attached, nothing_attached
from kd_client.cluster_names import Names, choose_names
from kd_client.models.deployment_states import DeploymentStates
from kd_client.taken_names import TAKEN
from kd_client.training_states import environments, state_of
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import KdError, NoConnections, NotFound
from kd_pipeline.messages import Environment
from kd_pipeline.messages.sidebar import DeploymentEngine, EngineList, TrainingEngine

# Packages are many: an engine may take longer to list them than to say how it is.
ENVIRONMENT_S = 15.0


def engine_list(attached: Attached) -> EngineList:
    """Return how each connected cluster is; all are asked together, so it takes 2 s at most."""
    try:
        connections = attached.connections()
    except NoConnections as error:
        return EngineList([], [], [str(error)])
    training, deployment = connections.training_clusters(), connections.deployment_clusters()
    if not training and not deployment:
        return EngineList([], [], [nothing_attached(connections)])
    names = magic_names(attached)
    with ThreadPoolExecutor(1) as beside:  # both kinds are asked at the same time
        serving = beside.submit(DeploymentStates, attached, [c.name for c in deployment])
        answers = environments(attached, [c.name for c in training])
    return EngineList(
        [_training(attached, cluster, names, answers[cluster.name]) for cluster in training],
        [_deployment(attached, cluster.name, serving.result()) for cluster in deployment],
        names.notes,
    )


def magic_names(attached: Attached) -> Names:
    """Return what stands after ``%%`` for each training cluster, in a notebook of nobody's own."""
    clusters = attached.connections().training_clusters()
    return choose_names([cluster.name for cluster in clusters], TAKEN.__contains__)


def environment(attached: Attached, cluster: str) -> Environment:
    """Return what a job will find on a cluster; raises NotFound where its engine is of 2020."""
    found = attached.training(cluster).environment(ENVIRONMENT_S)
    if found is None:
        raise NotFound(
            f"Cluster {cluster} has a legacy (2020) engine, which does not report its Python and "
            "packages; a job that prints them does."
        )
    return found


def _training(
    attached: Attached,
    cluster: ClusterConnection,
    names: Names,
    answer: Environment | KdError | None,
) -> TrainingEngine:
    error = answer if isinstance(answer, KdError) else None
    engine = TrainingEngine(
        name=cluster.name,
        magic=names.shown[cluster.name],
        ml_engine=cluster.ml_engine,
        state=state_of(error),
        reason=str(error or ""),
        answered=_answered(attached, cluster.name),
        is_2020=answer is None,
    )
    if isinstance(answer, Environment):
        engine.queue, engine.python = answer.queue, answer.python
        engine.kd_magics, engine.node = answer.kd_magics, answer.node
        engine.cpus, engine.load, engine.gpus = answer.cpus, answer.load, answer.gpus
        engine.memory_bytes = answer.memory_bytes
        engine.memory_free_bytes = answer.memory_free_bytes
    return engine


def _deployment(attached: Attached, name: str, states: DeploymentStates) -> DeploymentEngine:
    """Return how a deployment cluster is; it answers where any of its members does."""
    members = states.members(name)
    error = states.trouble(name)
    return DeploymentEngine(
        name=name,
        state=state_of(None if None in members else error),
        reason=str(error or ""),
        answered=_answered(attached, name),
        members=len(members),
        models=dict(states.counts(name)) if None in members else {},
    )


def _answered(attached: Attached, name: str) -> str | None:
    """Return when a cluster last answered here (RFC 3339), if it ever did."""
    last = attached.answered.get(name)
    return datetime.fromtimestamp(last, UTC).isoformat().replace("+00:00", "Z") if last else None
