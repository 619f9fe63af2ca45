"""Show the clusters that are connected, how each is now, and how to call it."""

from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor

from kd_client.attached import nothing_attached
from kd_client.cluster_names import Names
from kd_client.engines import engine_list
from kd_client.models.deployment_states import DeploymentStates
from kd_magics import face
from kd_magics.cluster_words import HEADERS, training_states, trouble
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session
from kd_magics.tables import Table, show, state
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import NoConnections
from kd_pipeline.messages.sidebar import EngineList

HELP = Help(
    notebook="A training cluster's name is what you type after %% to send a cell to it.",
    terminal="A training cluster's name is what {train} FILE --cluster takes.",
    text="""
    State, queue, Python, processors and memory are asked for each time, of all clusters at once.
    """,
)


def parser() -> Options:
    """Return the parser."""
    return Options("attachments")


def data(session: Session, _options: Namespace) -> EngineList:
    """Return each connected cluster and how it is now."""
    return engine_list(session)


def run(session: Session, _options: Namespace) -> None:
    """Show the connected clusters and how each is now; a sentence where there is none."""
    try:
        connections = session.connections()
        names = session.cluster_names()
    except NoConnections as error:
        print(face.whole(error))
        return
    training, deployment = connections.training_clusters(), connections.deployment_clusters()
    if not training and not deployment:
        print(nothing_attached(connections))
        return
    with ThreadPoolExecutor(1) as beside:  # both kinds are asked at the same time
        serving = beside.submit(DeploymentStates, session, [c.name for c in deployment])
        states = training_states(session, [c.name for c in training])
    tables = []
    if training:
        rows = [[names.shown.get(c.name, c.name), c.ml_engine] for c in training]
        print(Table(["Training Cluster", "ML Engine"], rows).published)  # what is read by programs
        if face.in_terminal():
            print()
        tables.append(_training_table(training, states, names))
    if deployment:
        models = len(connections.models())
        notes = [f"{models} model ConfigMaps are connected here."] if models else []
        clusters = [cluster.name for cluster in deployment]
        tables.append(_deployment_table(session, clusters, serving.result(), notes))
    show(*tables)


def _training_table(
    clusters: tuple[ClusterConnection, ...], states: dict[str, list[str]], names: Names
) -> Table:
    """Return how each cluster is, by the name that a cell or a file is sent to."""
    shown = names.shown
    notes = [
        f"{face.sending(shown[c.name])} and {face.sending(c.name)} are the same."
        for c in clusters
        if shown.get(c.name, c.name) != c.name and c.name in names.clusters
    ] + names.notes
    rows = [[shown.get(c.name, c.name), *states[c.name]] for c in clusters]
    return Table(["Cluster", *HEADERS], rows, notes).without_empty()


def _deployment_table(
    session: Session, clusters: list[str], states: DeploymentStates, notes: list[str]
) -> Table:
    rows = []
    for cluster in clusters:
        error = states.trouble(cluster)
        found = states.counts(cluster)
        words = [f"{found[state]} {state.lower()}" for state in sorted(found, key=_badness)]
        told = trouble(session, cluster, error) if error else state("answers")
        rows.append([cluster, told, ", ".join(words) or ("" if error else "none")])
    return Table(["Deployment Cluster", "State", "Models"], rows, notes)


def _badness(state: str) -> int:
    return ("Ready", "Failed").index(state) if state in ("Ready", "Failed") else 2
