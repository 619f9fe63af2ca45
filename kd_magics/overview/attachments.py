"""%attachments: what is connected to this notebook, and how to call it."""

from concurrent.futures import ThreadPoolExecutor

from kd_client.attached import nothing_attached
from kd_client.cluster_names import Names
from kd_client.models.deployment_states import DeploymentStates
from kd_magics.cells.cluster_magics import ClusterMagics
from kd_magics.options import Options
from kd_magics.overview.cluster_words import HEADERS, training_states, trouble
from kd_magics.session import Session
from kd_magics.tables import Table, show
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import NoConnections


def parser() -> Options:
    """Return the parser of %attachments."""
    return Options("%attachments")


def attachments(session: Session, magics: ClusterMagics, line: str) -> None:
    """Show the connected clusters and how each is now; a sentence where there is none."""
    parser().read(line, session.shell.user_ns)
    magics.update()
    try:
        connections = session.connections()
    except NoConnections as error:
        print(error)
        return
    training, deployment = connections.training_clusters(), connections.deployment_clusters()
    if not training and not deployment:
        print(nothing_attached(connections))
        return
    with ThreadPoolExecutor(1) as beside:  # both kinds are asked at the same time
        serving = beside.submit(DeploymentStates, session, [c.name for c in deployment])
        states = training_states(session, [c.name for c in training])
    text, html = _training_tables(training, states, magics.names) if training else ([], [])
    if deployment:
        models = len(connections.models())
        notes = [f"{models} model ConfigMaps are attached to this notebook."] if models else []
        names = [cluster.name for cluster in deployment]
        table = _deployment_table(session, names, serving.result(), notes)
        text, html = [*text, table], [*html, table]
    show(*text, html=html)


def _training_tables(
    clusters: tuple[ClusterConnection, ...], states: dict[str, list[str]], names: Names
) -> tuple[list[Table], list[Table]]:
    """Return the tables of the text, the first as the 2020 product's, and that of the HTML.

    A name is what is typed after ``%%``.
    """
    shown = names.shown
    notes = [
        f"%%{shown[c.name]} and %%{c.name} are the same."
        for c in clusters
        if shown.get(c.name, c.name) != c.name and c.name in names.clusters
    ] + names.notes
    first = [[shown.get(c.name, c.name), c.ml_engine] for c in clusters]
    second = [[shown.get(c.name, c.name), *states[c.name]] for c in clusters]
    both = [[*row, *states[c.name]] for row, c in zip(first, clusters, strict=True)]
    text = [
        Table(["Training Cluster", "ML Engine"], first, []),
        Table(["Cluster", *HEADERS], second, notes).without_empty(),
    ]
    merged = Table(["Training Cluster", "ML Engine", *HEADERS], both, notes)
    return text, [merged.without_empty()]


def _deployment_table(
    session: Session, clusters: list[str], states: DeploymentStates, notes: list[str]
) -> Table:
    rows = []
    for cluster in clusters:
        error = states.trouble(cluster)
        found = states.counts(cluster)
        words = [f"{found[state]} {state.lower()}" for state in sorted(found, key=_badness)]
        told = trouble(session, cluster, error) if error else "answers"
        rows.append([cluster, told, ", ".join(words) or ("" if error else "none")])
    return Table(["Deployment Cluster", "State", "Models"], rows, notes)


def _badness(state: str) -> int:
    return ("Ready", "Failed").index(state) if state in ("Ready", "Failed") else 2
