"""The engines as the sidebar shows them: each with its state, and why where it gives no answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from jupyter_extension.pipeline import Pipeline
from kd_magics.cells.cluster_magics import Names, choose_names
from kd_magics.cells.provenance import version
from kd_magics.cells.taken_names import TAKEN
from kd_magics.clients.asking import ask_all
from kd_magics.models.deployment_states import DeploymentStates
from kd_magics.overview.attachments import nothing_attached
from kd_magics.overview.training_states import environments, state_of
from kd_magics.session import Session, user_name
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import KdError, NoConnections, NotFound
from kd_pipeline.messages import Environment
from kd_pipeline.messages.sidebar import About, DeploymentEngine, EngineList, TrainingEngine
from kd_pipeline.project_repository import ProjectRepository

# Packages are many: an engine may take longer to list them than to say how it is.
ENVIRONMENT_S = 15.0
REGISTRY_S = 2.0


def about(pipeline: Pipeline) -> About:
    """Return whose pipeline it is and where its parts are; what does not work is a notice."""
    notices: list[str] = []
    cluster, place, repository = "", "", ""
    try:
        cluster = pipeline.session.connections().cluster_name
    except KdError as error:
        notices.append(str(error))
    try:
        repository = str(ProjectRepository.default().root)
    except KdError as error:
        notices.append(str(error))
    try:
        registry = pipeline.registry()
        place = registry.place
        asked = ask_all({place: registry.models}, REGISTRY_S, "Registry")[place]
        if isinstance(asked, KdError):
            notices.append(str(asked))
        if (credentials := registry.credentials()) and credentials.startswith("expired"):
            notices.append(f"The credentials for {place} have {credentials}; log in again.")
    except KdError as error:
        notices.append(str(error))
    return About(
        version=version(),
        user=user_name(),
        cluster=cluster,
        registry=place,
        project_repository=repository,
        notices=notices,
    )


def engine_list(session: Session) -> EngineList:
    """Return how each connected cluster is; all are asked together, so it takes 2 s at most."""
    try:
        connections = session.connections()
    except NoConnections as error:
        return EngineList([], [], [str(error)])
    training, deployment = connections.training_clusters(), connections.deployment_clusters()
    if not training and not deployment:
        return EngineList([], [], [nothing_attached(connections)])
    names = magic_names(session)
    with ThreadPoolExecutor(1) as beside:  # both kinds are asked at the same time
        serving = beside.submit(DeploymentStates, session, [c.name for c in deployment])
        answers = environments(session, [c.name for c in training])
    return EngineList(
        [_training(session, cluster, names, answers[cluster.name]) for cluster in training],
        [_deployment(session, cluster.name, serving.result()) for cluster in deployment],
        names.notes,
    )


def magic_names(session: Session) -> Names:
    """Return what stands after ``%%`` for each training cluster, in a notebook of nobody's own."""
    clusters = session.connections().training_clusters()
    return choose_names([cluster.name for cluster in clusters], TAKEN.__contains__)


def environment(session: Session, cluster: str) -> Environment:
    """Return what a job will find on a cluster; raises NotFound where its engine is of 2020."""
    found = session.training(cluster).environment(ENVIRONMENT_S)
    if found is None:
        raise NotFound(
            f"Cluster {cluster} has an engine of 2020, which tells nothing of its Python and "
            "packages; a job that prints them does."
        )
    return found


def _training(
    session: Session,
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
        answered=_answered(session, cluster.name),
        is_2020=answer is None,
    )
    if isinstance(answer, Environment):
        engine.queue, engine.python = answer.queue, answer.python
        engine.kd_magics, engine.node = answer.kd_magics, answer.node
        engine.cpus, engine.load, engine.gpus = answer.cpus, answer.load, answer.gpus
        engine.memory_bytes = answer.memory_bytes
        engine.memory_free_bytes = answer.memory_free_bytes
    return engine


def _deployment(session: Session, name: str, states: DeploymentStates) -> DeploymentEngine:
    """Return how a deployment cluster is; it answers where any of its members does."""
    members = states.members(name)
    error = states.trouble(name)
    return DeploymentEngine(
        name=name,
        state=state_of(None if None in members else error),
        reason=str(error or ""),
        answered=_answered(session, name),
        members=len(members),
        models=dict(states.counts(name)) if None in members else {},
    )


def _answered(session: Session, name: str) -> str | None:
    """Return when a cluster last answered here (RFC 3339), if it ever did."""
    last = session.answered.get(name)
    return datetime.fromtimestamp(last, UTC).isoformat().replace("+00:00", "Z") if last else None
