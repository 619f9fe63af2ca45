"""MLflow of a connected cluster: where it is, what opens it, and its experiments."""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import requests

from kd_client.attached import SEE, Attached
from kd_client.errors import BadOptions, EngineDown, InvalidAnswer
from kd_pipeline.connections import ClusterConnection, SecretEntry
from kd_pipeline.errors import InvalidInput, KdError, NotFound, Unauthorized
from kd_pipeline.hints import Hint

MLFLOW = "mlflow"
URI, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
OBJECT_STORE, OBJECT_STORE_URI = "minio-server", "MLFLOW_S3_ENDPOINT_URL"  # as in 2020
CREDENTIAL_PREFIXES = ("MLFLOW_", "AWS_")
API = "/api/2.0/mlflow/experiments"
ASK_S = 10.0
LONGEST_NAME = 500
PLACES = (URI, OBJECT_STORE_URI)
NO_SECRETS = (*PLACES, EXPERIMENT)


@dataclass(frozen=True)
class Mlflow:
    """A connected MLflow cluster: its tracking server's URI, and the secret that opens it.

    ``environment`` and ``credentials`` are variables that MLflow and the object store's client
    read: where they are, and what opens them.
    """

    cluster: str
    uri: str
    secret: str | None
    environment: dict[str, str]
    credentials: dict[str, str] = field(repr=False)


def find_mlflow(
    attached: Attached, cluster: str | None = None, credentials: str | None = None
) -> Mlflow:
    """Return the MLflow cluster that is connected, or is named, and its secret.

    ``credentials`` names one of several secrets. Raises NotFound, BadOptions where there are
    several, EngineDown where the cluster has no endpoint yet.
    """
    connections = attached.connections()
    clusters = [one for one in connections.clusters if is_mlflow(one)]
    found = _chosen(clusters, cluster and attached.full_name(cluster), "cluster")
    if found is None:
        raise NotFound(
            "No MLflow cluster is connected here: none whose kdapp or service is called "
            f"{MLFLOW}. Connect one in the notebook's kdcluster (spec.connections.clusters)."
        )
    uri = tracking_uri(found)
    secrets = [secret for secret in connections.secrets if _credentials(secret)]
    secret = _chosen(secrets, credentials, "credentials")
    environment = {URI: uri}
    store = next((e.url for e in found.endpoints if e.service == OBJECT_STORE), None)
    if store:
        environment[OBJECT_STORE_URI] = store
    return Mlflow(
        *(found.name, uri, secret.name if secret else None),
        *(environment, _credentials(secret) if secret else {}),
    )


def check_experiment_name(name: str) -> None:
    """Raise InvalidInput for what is no name of an experiment."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"An experiment's name has 1 to {LONGEST_NAME} printable characters.")


def is_mlflow(cluster: ClusterConnection) -> bool:
    """Tell whether a connected cluster is an MLflow server, by its kdapp or a service's id."""
    words = [cluster.distro_id, *(endpoint.service for endpoint in cluster.endpoints)]
    return any(MLFLOW in word.lower() for word in words)


def tracking_uri(cluster: ClusterConnection) -> str:
    """Return where an MLflow cluster's tracking server is; raises EngineDown where nowhere."""
    endpoints = sorted(cluster.endpoints, key=lambda e: MLFLOW not in e.service.lower())
    if not endpoints:
        raise EngineDown(
            f"MLflow cluster {cluster.name} has no endpoint in configmeta.json; its members may "
            "still be starting. Try again in a moment."
        )
    return endpoints[0].url


def _chosen(found: Sequence[Any], named: str | None, what: str) -> Any:
    """Return the one that is named, or the only one, or None; raises BadOptions, NotFound."""
    names = [one.name for one in found]
    if named:
        if named not in names:
            there = ", ".join(names) or "none"
            raise NotFound(f"There is no MLflow {what} {named!r} here; there are: {there}.")
        return found[names.index(named)]
    if len(found) > 1:
        raise BadOptions(
            f"Several could be MLflow's {what} ({', '.join(names)}): name one of them.",
            hint=Hint("loadMlflow", (f"--{what}", names[0]), "names one"),
        )
    return found[0] if found else None


def _credentials(secret: SecretEntry) -> dict[str, str]:
    """Return what MLflow reads of a secret, by the environment variables that MLflow knows."""
    found: dict[str, str] = {}
    for key, value in secret.data.items():
        name = key.upper().replace("-", "_").replace(".", "_")
        if name.startswith(CREDENTIAL_PREFIXES) and name not in NO_SECRETS:
            found[name] = _text(value)
    return found


def _text(value: bytes) -> str:
    """Return a secret's value without Kubernetes' own base64, where that is still there."""
    try:
        inner = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return value.decode(errors="replace").strip()
    is_base64 = len(value) % 4 == 0 and inner.isprintable() and inner != ""
    return inner.strip() if is_base64 else value.decode(errors="replace").strip()


def ensure_experiment(uri: str, name: str) -> bool:
    """Create an experiment where there is none; return whether it is new.

    MLflow's credentials are those of this process's environment. Raises Unauthorized, EngineDown,
    InvalidAnswer, InvalidInput for one that is deleted there.
    """
    found = _ask("GET", uri, "/get-by-name", params={"experiment_name": name})
    if found is not None:
        if (found.get("experiment") or {}).get("lifecycle_stage") == "deleted":
            raise InvalidInput(
                f"Experiment {name!r} is deleted at {uri}; restore it there, or choose "
                "another name."
            )
        return False
    _ask("POST", uri, "/create", json={"name": name})
    return True


def _ask(method: str, uri: str, path: str, **options: Any) -> dict[str, Any] | None:
    """Return MLflow's answer, None where it knows no such experiment; raises a KdError."""
    with requests.Session() as http:
        http.trust_env = False  # a proxy or .netrc must not see the credentials
        http.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        if user:
            http.auth = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""))
        elif token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
            http.headers["Authorization"] = f"Bearer {token}"
        try:
            answer = http.request(
                method,
                uri.rstrip("/") + API + path,
                timeout=ASK_S,
                allow_redirects=False,
                **options,
            )
            body = answer.json()
        except requests.JSONDecodeError:
            body = {}
        except requests.RequestException:
            raise EngineDown(f"MLflow does not answer at {uri}.", hint=SEE) from None
    if answer.ok and isinstance(body, dict):
        return body
    if answer.status_code in (401, 403):
        raise Unauthorized(f"MLflow at {uri} does not accept the credentials that are set here.")
    if isinstance(body, dict) and body.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
        return None
    said = str(body.get("message") or "")[:300] if isinstance(body, dict) else ""
    kind = KdError if said else InvalidAnswer
    raise kind(f"MLflow at {uri} answered {answer.status_code}. {said}".rstrip())
