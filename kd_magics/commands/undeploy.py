"""Take a model off a deployment cluster and wait until it is gone; it stays registered."""

from argparse import Namespace
from typing import Any

from kd_client.models import deployment
from kd_magics.commands import deploy
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session

HELP = Help(
    usage=("NAME/VERSION [--from CLUSTER] [--timeout SECONDS]",),
    text="It stays registered. Requests that the model is answering are answered first.",
    examples=("taxi/1",),
)


def parser() -> Options:
    """Return the parser."""
    return deploy.parser("undeploy", "--from")


def run(session: Session, options: Namespace) -> None:
    """Disconnect a model's ConfigMap from a deployment cluster and wait until it is gone."""
    done = data(session, options)
    cluster = done["cluster"]
    told = (
        f"is not on {cluster} any more" if done["was_deployed"] else f"is not deployed on {cluster}"
    )
    print(f"{done['name']}/{done['version']} {told}.")


def data(session: Session, options: Namespace) -> dict[str, Any]:
    """Take it off, and return from which cluster, and whether it was there."""
    name, version = options.model
    cluster, was_there = deployment.undeploy(
        session, name, version, options.cluster, options.timeout
    )
    return {"name": name, "version": version, "cluster": cluster, "was_deployed": was_there}
