"""Choose the MLflow experiment of this notebook and of its jobs; it is created where it is new."""

import os
from argparse import Namespace
from urllib.parse import urlsplit

from kd_client.mlflow import EXPERIMENT, URI, check_experiment_name, ensure_experiment
from kd_magics import face
from kd_magics.help import Help
from kd_magics.options import Options
from kd_magics.session import Session

HELP = Help(usage=("--name EXPERIMENT",), examples=("--name demoexp",))


def parser() -> Options:
    """Return the parser."""
    options = Options("Setexp")
    options.add_argument("--name", required=True, metavar="EXPERIMENT")
    return options


def run(session: Session, options: Namespace) -> None:
    """Choose an experiment by its name, and create it where the tracking server has none."""
    name = options.name
    check_experiment_name(name)
    uri = session.mlflow.get(URI) or os.environ.get(URI, "")
    created = ensure_experiment(uri, name) if urlsplit(uri).scheme in ("http", "https") else None
    os.environ[EXPERIMENT] = session.mlflow[EXPERIMENT] = name
    where = {
        None: f"; no tracking server is set, {face.typed('loadMlflow')} sets one",
        True: ", which is new",
        False: "",
    }[created]
    print(f"Experiment: {name}{where}.")
