"""%predict: ask a deployed model."""

from typing import Any

from kd_client.models import predictions
from kd_magics.options import Options, json_option, model_version
from kd_magics.session import Session


def parser() -> Options:
    """Return the parser of %predict."""
    options = Options("%predict")
    options.add_argument("model", type=model_version, metavar="NAME/VERSION")
    options.add_argument("args", nargs="?", metavar="JSON_OR_VARIABLE")
    options.add_argument("--on", dest="cluster", metavar="CLUSTER")
    options.add_argument("--curl", action="store_true")
    return options


def predict(session: Session, line: str) -> Any:
    """Return what a model answers to the arguments of a line; with --curl, print the request."""
    options = parser().read(line, session.shell.user_ns)
    name, version = options.model
    args: Any = predictions.EXAMPLE
    if options.args is not None:
        args = json_option(options.args, session.shell.user_ns, "%predict: the model's argument")
    if options.curl:
        print(predictions.request(session, name, version, args, options.cluster).curl)
        return None
    return predictions.predict(session, name, version, args, options.cluster).result
