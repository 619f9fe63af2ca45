"""%deployments: each model version on each deployment cluster, as it is wanted and as it is."""

from kd_client.models.deployment_states import DeploymentStates
from kd_magics.options import Options
from kd_magics.overview.cluster_words import trouble
from kd_magics.session import Session
from kd_magics.tables import Table, show
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import Registry, open_registry

HEADERS = (
    "Cluster", "Model", "Wanted", "State", "Since", "Restarts", "Aliases", "URL", "Reason"
)  # fmt: skip


def parser() -> Options:
    """Return the parser of %deployments."""
    options = Options("%deployments")
    options.add_argument("--on", dest="cluster", metavar="CLUSTER")
    return options


def deployments(session: Session, line: str) -> None:
    """Show what is connected to each deployment cluster, and what its engines have of it."""
    options = parser().read(line, session.shell.user_ns)
    connected = session.connections().deployment_clusters()
    if options.cluster:
        connected = (session.deployment(options.cluster),)
    if not connected:
        print("No deployment cluster is attached to this notebook; see %attachments.")
        return
    clusters = [cluster.name for cluster in connected]
    registry, states = open_registry(), DeploymentStates(session, clusters)
    rows, notes = [], []
    for cluster in clusters:
        models = wanted(registry, cluster)
        rows += _rows(states, cluster, models)
        error = states.trouble(cluster)
        if error:
            notes.append(f"{cluster} {trouble(session, cluster, error)}.")
        elif not models:
            notes.append(f"{cluster} has no model. %deploy NAME/VERSION --to {cluster} adds one.")
    if not rows:
        print("\n".join(notes))
        return
    show(Table(HEADERS, rows, notes).without_empty())


def wanted(registry: Registry, cluster: str) -> list[ModelConfig]:
    """Return the registered models that are connected to a kdcluster."""
    names = {c.name: c.connections("configmaps") for c in registry.clusters()}.get(cluster, ())
    return [model for model in registry.models() if model.configmap_name in names]


def _rows(states: DeploymentStates, cluster: str, wanted: list[ModelConfig]) -> list[list[str]]:
    keys = {model.key for model in wanted}
    aliases = states.aliases(cluster)
    rows = []
    for key in [*(model.key for model in wanted), *sorted(states.versions(cluster) - keys)]:
        actual = states.of(cluster, key)
        rows.append(
            [
                cluster,
                "/".join(key),
                "yes" if key in keys else "no: it is being taken off",
                actual.state,
                actual.since,
                str(actual.restarts or ""),
                ", ".join(aliases.get(key, [])),
                states.url(cluster, key),
                actual.reason,
            ]
        )
    return rows
