"""Whose pipeline it is, and where its parts are."""

from jupyter_extension.pipeline import Pipeline
from kd_client.attached import user_name
from kd_client.fan_out import ask_all
from kd_pipeline.errors import KdError
from kd_pipeline.messages.sidebar import About
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.version import version

REGISTRY_S = 2.0


def _sentence(missing: list[str] | KdError, place: str) -> str:
    if isinstance(missing, KdError):
        return str(missing)
    return (
        f"You may not {', '.join(missing)} in {place}; ask its administrator for a Role that "
        "allows it (deploy/rbac.yaml has one)."
    )


def about(pipeline: Pipeline) -> About:
    """Return whose pipeline it is and where its parts are; what does not work is a notice."""
    notices: list[str] = []
    cluster, place, repository = "", "", ""
    try:
        cluster = pipeline.attached.connections().cluster_name
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
        elif missing := ask_all({place: registry.missing_permissions}, REGISTRY_S, "Registry")[
            place
        ]:
            notices.append(_sentence(missing, place))
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
