"""Point MLflow in this notebook at the connected MLflow cluster.

Credentials go into the environment of the kernel and of its jobs, where MLflow looks for them.
"""

import os
from argparse import Namespace

from kd_client.mlflow import PLACES, find_mlflow
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session

HELP = Help(
    usage=("[--cluster CLUSTER] [--credentials SECRET]",),
    text="""
    Sets MLFLOW_TRACKING_URI, where the cluster has a service minio-server
    MLFLOW_S3_ENDPOINT_URL, and from a connected secret MLflow's and the object store's
    credentials, in the environment of this kernel and of the jobs that it sends from now on. An
    engine keeps the credentials until the job starts, and tells them to nobody.

    --cluster       the MLflow cluster, where several are connected
    --credentials   the name of the secret, where several are connected

    {Setexp} then chooses an experiment.
    """,
    examples=("",),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("loadMlflow")
    options.add_argument("--cluster")
    options.add_argument("--credentials", metavar="SECRET")
    return options


def run(session: Session, options: Namespace) -> None:
    """Set MLflow's environment from a connected cluster and secret; no value of it is shown."""
    found = find_mlflow(session, options.cluster, options.credentials)
    _forget(session)
    os.environ.update(found.environment | found.credentials)
    session.mlflow.update(found.environment)
    session.credentials = found.credentials
    names = ", ".join(sorted(found.credentials))
    told = f"{names} from secret {found.secret}" if found.secret else "no secret"
    print("Backend configured")  # what notebooks of 2020 show
    print(f"MLflow is that of cluster {found.cluster}: {found.uri} ({told}).")


def _forget(session: Session) -> None:
    """Take away what an earlier %loadMlflow has set: it would go to another server."""
    places = {name: session.mlflow.pop(name) for name in PLACES if name in session.mlflow}
    for name, value in (places | session.credentials).items():
        if os.environ.get(name) == value:
            del os.environ[name]
