"""%predict: ask a deployed model."""

import json
import shlex
from typing import Any

from kd_magics.errors import BadOptions
from kd_magics.models.deployment_states import deployed_on
from kd_magics.options import Options, json_option, model_version
from kd_magics.session import Session
from kd_pipeline.model_config import configmap_name
from kd_pipeline.registry import open_registry


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
    if options.args is None:
        args = _example(name, version)
    else:
        args = json_option(options.args, session.shell.user_ns, "%predict: the model's argument")
    check_args(args)
    cluster = session.deployment(options.cluster or _cluster_of(session, name, version)).name
    client = session.deployment_client(cluster)
    if options.curl:
        print(curl(client.predict_url(name, version), args))
        return None
    return client.predict(name, version, args)


def check_args(args: Any) -> None:
    """Raise BadOptions for what no model takes."""
    if not isinstance(args, dict | list | str):
        raise BadOptions(
            f"%predict: a model takes an object, a list of objects or a text, not {args!r}."
        )


def curl(url: str, args: Any) -> str:
    """Return the shell command that asks a model, with a variable in the token's place."""
    body = json.dumps({"use_scoring": True, "scoring_args": args})
    return (
        "# TOKEN: the deployment cluster's token\n"
        'curl -H "X-Auth-Token: $TOKEN" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)} \\\n  {url}"
    )


def magic_line(name: str, version: str, args: Any, cluster: str) -> str:
    """Return the line that asks a model from a notebook."""
    text = json.dumps(args)
    written = shlex.quote(text) if isinstance(args, str) else text
    return f"%predict {name}/{version} {written} --on {cluster}"


def _example(name: str, version: str) -> Any:
    """Return the arguments that were registered with a model; raises BadOptions without any."""
    text = open_registry().resolve(name, version).extra.get("example")
    if text is None:
        raise BadOptions(
            f"%predict: {name}/{version} was registered without --example, so give the arguments: "
            f'%predict {name}/{version} {{"a": 1}}'
        )
    return json_option(text, {}, f"The example of {name}/{version}")


def _cluster_of(session: Session, name: str, version: str) -> str | None:
    """Return which of several deployment clusters has a model; None where there is no choice."""
    clusters = [cluster.name for cluster in session.connections().deployment_clusters()]
    if len(clusters) < 2:
        return None
    registry = open_registry()
    version = registry.aliases_of(name).versions.get(version, version)
    found = deployed_on(registry, configmap_name(name, version))
    return next((cluster for cluster in clusters if cluster in found), None)
