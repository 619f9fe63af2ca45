"""Deploy a registered model and wait until it is ready."""

from argparse import Namespace

from kd_client.models import deployment
from kd_client.models.deployment import Deployed
from kd_magics.help import Help
from kd_magics.options import Options, model_version, seconds
from kd_magics.session import Session

HELP = Help(
    usage=("NAME/VERSION [--to CLUSTER] [--timeout SECONDS]",),
    text="""
    VERSION may be an alias (see {alias}): then the version is deployed that it is of.

    --to        the deployment cluster, where several are connected
    --timeout   how long to wait; 120 where it is not given
    """,
    examples=("taxi/1",),
)


def parser(command: str = "deploy", target: str = "--to") -> Options:
    """Return the parser; that of undeploy is the same with another ``target``."""
    options = Options(command)
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument(target, dest="cluster")
    options.add_argument(
        "--timeout", type=seconds, default=deployment.DEFAULT_TIMEOUT_S, metavar="SECONDS"
    )
    return options


def run(session: Session, options: Namespace) -> None:
    """Connect a model's ConfigMap to a deployment cluster and wait until each engine is ready."""
    done = data(session, options)
    print(f"{done.name}/{done.version} is ready on {done.cluster}: POST {done.url}")


def data(session: Session, options: Namespace) -> Deployed:
    """Deploy it, and return where it is asked."""
    name, version = options.model
    return deployment.deploy(session, name, version, options.cluster, options.timeout)
