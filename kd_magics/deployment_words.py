"""What is wrong with a deployment, in a table's notes."""

from collections.abc import Iterable

from kd_client.models.deployment_states import not_registered
from kd_magics import face
from kd_magics.session import Session
from kd_pipeline.clusters import Cluster
from kd_pipeline.errors import KdError
from kd_pipeline.model_config import ModelConfig


def gone_words(
    session: Session, clusters: Iterable[Cluster], registered: Iterable[ModelConfig]
) -> list[str]:
    """Say of each connected deployment cluster which of its ConfigMaps are not registered.

    KubeDirector leaves out a connected ConfigMap that is deleted, so nothing is served of it.
    """
    try:
        names = {cluster.name for cluster in session.connections().deployment_clusters()}
    except KdError:
        return []
    models = list(registered)
    undeploy = face.typed("undeploy", "NAME/VERSION")
    return [
        f"{cluster.name} is connected to {', '.join(gone[:5])}{', …' if len(gone) > 5 else ''}, "
        "which no ConfigMap of a model is any more, so it is not served: register it again, or "
        f"take it off with {undeploy}."
        for cluster in clusters
        if cluster.name in names and (gone := not_registered(cluster, models))
    ]
