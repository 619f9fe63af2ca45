"""Show each model version on each deployment cluster, as it is wanted and as it is."""

from argparse import Namespace
from html import escape
from typing import Any

from kd_client.attached import SEE
from kd_client.models.deployment_states import Actual, DeploymentStates
from kd_magics import face
from kd_magics.cluster_words import trouble
from kd_magics.deployment_words import gone_words
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_magics.tables import Cell, Table, ago, show, state
from kd_pipeline.errors import KdError
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import Registry, open_registry

HEADERS = (
    "Cluster", "Model", "Wanted", "State", "Since", "Restarts", "Aliases", "URL", "Reason"
)  # fmt: skip
HELP = Help(
    usage=("[--on CLUSTER]",),
    text="""
    Wanted is what is connected to the kdcluster; the state, since when and how many restarts is
    what its engines report. URL is where clients ask.
    """,
    examples=("",),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("deployments")
    options.add_argument("--on", dest="cluster", metavar="CLUSTER")
    return options


def run(session: Session, options: Namespace) -> None:
    """Show what is connected to each deployment cluster, and what its engines have of it."""
    clusters = _clusters(session, options)
    if not clusters:
        print(face.whole(KdError("No deployment cluster is connected here.", hint=SEE)))
        return
    registry, states = open_registry(), DeploymentStates(session, clusters)
    rows, notes = [], []
    for cluster in clusters:
        models = wanted(registry, cluster)
        rows += _rows(states, cluster, models)
        error = states.trouble(cluster)
        if error:
            notes.append(f"{cluster} {trouble(session, cluster, error)}.")
        elif not models:
            deploy = face.typed("deploy", "NAME/VERSION", "--to", cluster)
            notes.append(f"{cluster} has no model. {deploy} adds one.")
    shown = [one for one in registry.clusters() if one.name in clusters]
    notes += gone_words(session, shown, registry.models())
    if not rows:
        print("\n".join(notes))
        return
    show(Table(HEADERS, rows, notes).without_empty())


def data(session: Session, options: Namespace) -> dict[str, Any]:
    """Return each version on each deployment cluster, as it is wanted and as it is."""
    clusters = _clusters(session, options)
    registry, states = open_registry(), DeploymentStates(session, clusters)
    return {
        "deployments": [
            {
                "cluster": cluster,
                "trouble": str(error) if (error := states.trouble(cluster)) else None,
                "models": _versions(states, cluster, wanted(registry, cluster)),
            }
            for cluster in clusters
        ]
    }


def _clusters(session: Session, options: Namespace) -> list[str]:
    if options.cluster:
        return [session.deployment(options.cluster).name]
    return [cluster.name for cluster in session.connections().deployment_clusters()]


def _versions(
    states: DeploymentStates, cluster: str, wanted: list[ModelConfig]
) -> list[dict[str, Any]]:
    keys = [model.key for model in wanted]
    found = []
    for key in [*keys, *sorted(states.versions(cluster) - {*keys})]:
        actual: Actual = states.of(cluster, key)
        found.append(
            {
                **{"name": key[0], "version": key[1], "wanted": key in keys},
                **{"state": actual.state, "reason": actual.reason, "since": actual.since},
                **{"restarts": actual.restarts, "url": states.url(cluster, key)},
                **{"served_by": actual.served_by, "processes": actual.processes},
            }
        )
    return found


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
                state(actual.state),
                ago(actual.since),
                str(actual.restarts or ""),
                ", ".join(aliases.get(key, [])),
                _request(states.url(cluster, key)),
                actual.reason or actual.served_by,
            ]
        )
    return rows


def _request(url: str) -> str:
    """Return what clients send; the URL alone answers nobody who opens it in a browser."""
    return Cell(f"POST {url}", f"<code>POST {escape(url)}</code>") if url else ""
