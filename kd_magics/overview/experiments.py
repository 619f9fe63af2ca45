"""%loadMlflow and %Setexp: MLflow of a connected cluster, for this notebook and its jobs.

Credentials go into the kernel's environment, where MLflow looks for them, and nowhere else.
"""

import base64
import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import requests

from kd_client.errors import BadOptions, EngineDown, InvalidAnswer
from kd_magics.options import Options
from kd_magics.session import Session
from kd_pipeline.connections import ClusterConnection, SecretEntry
from kd_pipeline.errors import InvalidInput, KdError, NotFound, Unauthorized

MLFLOW = "mlflow"
URI, EXPERIMENT = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"
CREDENTIAL_PREFIXES = ("MLFLOW_", "AWS_")
API = "/api/2.0/mlflow/experiments"
ASK_S = 10.0
LONGEST_NAME = 500


def load_parser() -> Options:
    """Return the parser of %loadMlflow."""
    options = Options("%loadMlflow")
    options.add_argument("--cluster")
    options.add_argument("--credentials", metavar="SECRET")
    return options


def experiment_parser() -> Options:
    """Return the parser of %Setexp."""
    options = Options("%Setexp")
    options.add_argument("--name", required=True, metavar="EXPERIMENT")
    return options


def load_mlflow(session: Session, line: str) -> None:
    """Set MLflow's environment from a connected cluster and secret; no value of it is shown."""
    options = load_parser().read(line, session.shell.user_ns)
    connections = session.connections()
    clusters = [cluster for cluster in connections.clusters if is_mlflow(cluster)]
    cluster = _chosen(clusters, options.cluster and session.full_name(options.cluster), "cluster")
    if cluster is None:
        raise NotFound(
            "No MLflow cluster is attached to this notebook: none whose kdapp or service is "
            f"called {MLFLOW}. Connect one in the notebook's kdcluster (spec.connections.clusters)."
        )
    uri = tracking_uri(cluster)
    secrets = [secret for secret in connections.secrets if _credentials(secret)]
    secret = _chosen(secrets, options.credentials, "credentials")
    found = _credentials(secret) if secret else {}
    os.environ.update(found)
    os.environ[URI] = session.mlflow[URI] = uri
    told = f"{', '.join(sorted(found))} from secret {secret.name}" if secret else "no secret"
    print(f"MLflow is that of cluster {cluster.name}: {uri} ({told}).")


def set_experiment(session: Session, line: str) -> None:
    """Choose an experiment by its name, and create it where the tracking server has none."""
    name = experiment_parser().read(line, session.shell.user_ns).name
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"%Setexp: --name has 1 to {LONGEST_NAME} printable characters.")
    uri = session.mlflow.get(URI) or os.environ.get(URI, "")
    created = _ensure(uri, name) if urlsplit(uri).scheme in ("http", "https") else None
    os.environ[EXPERIMENT] = session.mlflow[EXPERIMENT] = name
    where = {
        None: "; no tracking server is set, %loadMlflow sets one",
        True: ", which is new",
        False: "",
    }[created]
    print(f"Experiment: {name}{where}.")


def job_environment(session: Session) -> dict[str, str]:
    """Return what a job of this notebook finds in its environment: URI and experiment's name.

    No secret: a job's environment is kept in files of the project repository.
    """
    return dict(session.mlflow)


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
            raise NotFound(f"%loadMlflow: no MLflow {what} {named!r} here; there are: {there}.")
        return found[names.index(named)]
    if len(found) > 1:
        raise BadOptions(
            f"%loadMlflow: several could be MLflow's {what} ({', '.join(names)}); name one with "
            f"--{what}."
        )
    return found[0] if found else None


def _credentials(secret: SecretEntry) -> dict[str, str]:
    """Return what MLflow reads of a secret, by the environment variables that MLflow knows."""
    found: dict[str, str] = {}
    for key, value in secret.data.items():
        name = key.upper().replace("-", "_").replace(".", "_")
        if name.startswith(CREDENTIAL_PREFIXES) and name not in (URI, EXPERIMENT):
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


def _ensure(uri: str, name: str) -> bool:
    """Create an experiment where there is none; return whether it is new."""
    found = _ask("GET", uri, "/get-by-name", params={"experiment_name": name})
    if found is not None:
        if (found.get("experiment") or {}).get("lifecycle_stage") == "deleted":
            raise InvalidInput(
                f"%Setexp: experiment {name!r} is deleted at {uri}; restore it there, or choose "
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
            raise EngineDown(
                f"MLflow does not answer at {uri}; %attachments shows what is connected."
            ) from None
    if answer.ok and isinstance(body, dict):
        return body
    if answer.status_code in (401, 403):
        raise Unauthorized(f"MLflow at {uri} does not accept the credentials of this notebook.")
    if isinstance(body, dict) and body.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
        return None
    said = str(body.get("message") or "")[:300] if isinstance(body, dict) else ""
    kind = KdError if said else InvalidAnswer
    raise kind(f"MLflow at {uri} answered {answer.status_code}. {said}".rstrip())
