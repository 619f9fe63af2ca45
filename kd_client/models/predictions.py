"""Asking a deployed model: what it takes, where it is, and the request for other programs."""

import json
import shlex
import time
from dataclasses import dataclass
from typing import Any

from kd_client.attached import Attached
from kd_client.errors import BadOptions
from kd_client.models.deployment_states import deployed_on
from kd_pipeline.errors import InvalidModel
from kd_pipeline.hints import Hint
from kd_pipeline.model_config import configmap_name
from kd_pipeline.registry import open_registry

# Asks with the example that was registered with the model.
EXAMPLE: Any = ...


@dataclass(frozen=True)
class Request:
    """What a model is asked, and where.

    ``curl`` is the shell command and ``python`` the script that asks the same of any machine; in
    both the token is the variable TOKEN.
    """

    cluster: str
    url: str
    args: Any
    curl: str
    python: str


@dataclass(frozen=True)
class Prediction:
    """What a model answered, and how long it took, the way there and back included."""

    result: Any
    output: str
    seconds: float
    request: Request


def predict(
    attached: Attached, name: str, version: str, args: Any = EXAMPLE, cluster: str | None = None
) -> Prediction:
    """Ask a deployed version (or alias).

    ``args`` is an object, a list of objects, or a text of arguments; left out, it is the example
    that was registered. Raises BadOptions, UnknownCluster, ModelNotFound, EngineDown, and
    PredictFailed where the model could not answer.
    """
    asked = request(attached, name, version, args, cluster)
    client = attached.deployment_client(asked.cluster)
    begin = time.perf_counter()
    answer = client.answer(name, version, asked.args)
    return Prediction(answer.result, answer.output, time.perf_counter() - begin, asked)


def request(
    attached: Attached, name: str, version: str, args: Any = EXAMPLE, cluster: str | None = None
) -> Request:
    """Return what :func:`predict` would ask, and where; raises as it does before it asks."""
    if args is EXAMPLE:
        args = _example(name, version)
    check_args(args)
    cluster = attached.deployment(cluster or cluster_of(attached, name, version)).name
    url = attached.deployment_client(cluster).predict_url(name, version)
    return Request(cluster, url, args, curl(url, args), _python(url, args))


def check_args(args: Any) -> None:
    """Raise BadOptions for what no model takes."""
    if not isinstance(args, dict | list | str):
        raise BadOptions(f"A model takes an object, a list of objects or a text, not {args!r}.")


def curl(url: str, args: Any) -> str:
    """Return the shell command that asks a model, with a variable in the token's place."""
    body = json.dumps({"use_scoring": True, "scoring_args": args})
    return (
        "# TOKEN: the deployment cluster's token\n"
        'curl -H "X-Auth-Token: $TOKEN" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)} \\\n  {url}"
    )


def _python(url: str, args: Any) -> str:
    """Return the Python script that asks a model, with a variable in the token's place."""
    body = {"use_scoring": True, "scoring_args": args}
    return (
        "import os\n\nimport requests\n\n"
        f"answer = requests.post(\n    {url!r},\n"
        '    headers={"X-Auth-Token": os.environ["TOKEN"]},\n'
        f"    json={body!r},\n)\n"
        'print(answer.json()["result"])\n'
    )


def cluster_of(attached: Attached, name: str, version: str) -> str | None:
    """Return which of several deployment clusters has a model; None where there is no choice."""
    clusters = [cluster.name for cluster in attached.connections().deployment_clusters()]
    if len(clusters) < 2:
        return None
    registry = open_registry()
    version = registry.aliases_of(name).versions.get(version, version)
    found = deployed_on(registry, configmap_name(name, version))
    return next((cluster for cluster in clusters if cluster in found), None)


def _example(name: str, version: str) -> Any:
    """Return the arguments that were registered with a model; raises BadOptions without any."""
    text = open_registry().resolve(name, version).extra.get("example")
    if text is None:
        raise BadOptions(
            f"{name}/{version} was registered without an example, so give the arguments.",
            hint=Hint("predict", (f"{name}/{version}", '{"a": 1}'), "gives them"),
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidModel(f"The example of {name}/{version} is not valid JSON: {error}.") from None
