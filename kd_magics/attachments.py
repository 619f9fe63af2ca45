"""%attachments: what is connected to this notebook, and how to call it."""

from kd_magics.cluster_magics import ClusterMagics
from kd_magics.options import Options
from kd_magics.session import Session
from kd_magics.tables import Table, show
from kd_pipeline.connections import ClusterConnection
from kd_pipeline.errors import NoConnections


def parser() -> Options:
    """Return the parser of %attachments."""
    return Options("%attachments")


def attachments(session: Session, magics: ClusterMagics, line: str) -> None:
    """Show the connected clusters; a sentence where there is none."""
    parser().read(line, session.shell.user_ns)
    magics.update()
    try:
        connections = session.connections()
    except NoConnections as error:
        print(error)
        return
    training, deployment = connections.training_clusters(), connections.deployment_clusters()
    if not training and not deployment:
        print(
            f"No cluster is attached to {connections.cluster_name}. Connect a training or "
            "deployment cluster to it in its kdcluster (spec.connections.clusters); "
            "it shows here without a restart."
        )
        return
    tables = [_training_table(training, magics)] if training else []
    if deployment:
        models = len(connections.models())
        notes = [f"{models} model ConfigMaps are attached to this notebook."] if models else []
        tables.append(Table(["Deployment Cluster"], [[c.name] for c in deployment], notes))
    show(*tables)


def _training_table(clusters: tuple[ClusterConnection, ...], magics: ClusterMagics) -> Table:
    """Return the table of the 2020 product, in which a name is what is typed after ``%%``."""
    shown = magics.names.shown
    same = [
        f"%%{shown[c.name]} and %%{c.name} are the same."
        for c in clusters
        if shown.get(c.name, c.name) != c.name and c.name in magics.names.clusters
    ]
    rows = [[shown.get(c.name, c.name), c.ml_engine] for c in clusters]
    return Table(["Training Cluster", "ML Engine"], rows, same + magics.names.notes)
