"""Ask a deployed model."""

from argparse import Namespace
from typing import Any

from kd_client.models import predictions
from kd_client.models.predictions import Prediction
from kd_magics.help import Help
from kd_magics.options import Options, json_option, model_version
from kd_magics.session import Session

HELP = Help(
    usage=("NAME/VERSION [JSON] [--on CLUSTER] [--curl]",),
    text="""
    The argument is a JSON object, a list of them (many rows), or a JSON text (a script's command
    line). Without one it is the example that was registered with the model.

    --on CLUSTER   the deployment cluster, where several are connected
    --curl         print the request as a command for a terminal, instead of asking
    """,
    notebook="""
    The argument may also be the name of a variable that holds such a value; a DataFrame is a list
    of its rows. A JSON text stands in single quotes. The answer is the cell's value:
    seconds = {predict} taxi/1 ride
    """,
    notebook_examples=('taxi/1 {"work": 1, "trip_distance": 2.5}', "taxi/1 ride", "taxi/1"),
    terminal_examples=("""taxi/1 '{"work": 1, "trip_distance": 2.5}'""", "taxi/1"),
)


def parser() -> Options:
    """Return the parser."""
    options = Options("predict")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument("args", nargs="?", metavar="JSON_OR_VARIABLE")
    options.add_argument("--on", dest="cluster", metavar="CLUSTER")
    options.add_argument("--curl", action="store_true")
    return options


def run(session: Session, options: Namespace) -> Any:
    """Return what a model answers; with --curl, print the request."""
    if options.curl:
        name, version = options.model
        args = _args(session, options)
        print(predictions.request(session, name, version, args, options.cluster).curl)
        return None
    answer = data(session, options).result
    if answer is None:  # of which a notebook shows nothing
        print("The answer is null: the model returned None, NaN or NaT.")
    return answer


def data(session: Session, options: Namespace) -> Prediction:
    """Return what a model answered, how long it took, and the request."""
    name, version = options.model
    return predictions.predict(session, name, version, _args(session, options), options.cluster)


def _args(session: Session, options: Namespace) -> Any:
    if options.args is None:
        return predictions.EXAMPLE
    return json_option(options.args, session.shell.user_ns, "The model's argument")
