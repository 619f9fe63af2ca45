"""`kd doctor`: what this machine's pipeline sees, and what to do about each thing that is wrong."""

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

import requests

from kd_pipeline.connections import BALANCER_ROLE, ClusterConnection, Connections, Endpoint
from kd_pipeline.connections_file import ConnectionsFile, kd_home
from kd_pipeline.errors import KdError
from kd_pipeline.http_get import http_get
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry import Registry, open_registry

OURS = "kd-magics"
ASK_S = 3.0
OLDEST_PYTHON, FIRST_UNTRIED_PYTHON = (3, 11), (3, 14)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; ``fix`` is what to do where it is not well."""

    what: str
    seen: str
    fix: str | None = None

    def __str__(self) -> str:
        if self.fix is None:
            return f"ok    {self.what}: {self.seen}"
        return f"wrong {self.what}: {self.seen}\n      → {self.fix}"


def examine() -> Iterator[Finding]:
    """Yield a finding for everything that the pipeline needs, in the order in which it needs it."""
    yield _versions()
    yield from _safely("project repository", _project_repository)
    file = ConnectionsFile()
    connections = None
    try:
        connections = file.read()
    except KdError as error:
        yield Finding("connections", str(error), "Start `kd up`, or set KD_CONFIGMETA.")
    if connections:
        yield _connections(file, connections)
        for cluster in connections.clusters:
            yield from _cluster(cluster)
    yield from _safely("registry", _registry)


def _safely(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Make a finding of an error that a look raises."""
    try:
        yield from look()
    except KdError as error:
        yield Finding(what, type(error).__name__, str(error))
    except OSError as error:
        yield Finding(what, str(error.strerror or error), f"Make {error.filename} usable.")


def _versions() -> Finding:
    python = platform.python_version()
    seen = f"kd-magics {version(OURS)}, Python {python}"
    known = OLDEST_PYTHON <= sys.version_info[:2] < FIRST_UNTRIED_PYTHON
    return Finding("versions", seen, None if known else "Use Python 3.11, 3.12 or 3.13.")


def _project_repository() -> Iterator[Finding]:
    named = os.environ.get("KD_PROJECT_REPO")
    fallback = kd_home() / "project_repo"
    use_fallback = not named and fallback.is_dir()
    repository = ProjectRepository(fallback) if use_fallback else ProjectRepository.default()
    root = repository.root
    if not root.is_dir():
        yield Finding(
            "project repository", f"{root} is not a folder", "Mount it, or start `kd up`."
        )
    elif not os.access(root, os.W_OK):
        yield Finding("project repository", f"{root} is read-only", "Mount it to be written.")
    else:
        yield Finding("project repository", str(root))


def _connections(file: ConnectionsFile, connections: Connections) -> Finding:
    age = time.time() - file.path.stat().st_mtime
    seen = (
        f"{file.path}, written {_ago(age)} ago with the tokens of then, connects "
        f"{len(connections.clusters)} clusters, {len(connections.configmaps)} ConfigMaps, "
        f"{len(connections.secrets)} secrets"
    )
    if file.last_error:
        return Finding("connections", seen, f"The newest content is unusable: {file.last_error}")
    if not connections.clusters:
        return Finding("connections", seen, "Name clusters in the kdcluster's spec.connections.")
    return Finding("connections", seen)


def _cluster(cluster: ClusterConnection) -> Iterator[Finding]:
    kind = "deployment" if cluster.is_deployment else "training" if cluster.is_training else ""
    if not kind:
        return
    if not cluster.api_endpoints():
        yield Finding(
            f"{kind} cluster {cluster.name}",
            "no member has a REST endpoint",
            "Wait until its members run, or give its role RESTServer members.",
        )
    for endpoint in cluster.api_endpoints():
        yield from _endpoint(f"{kind} cluster {cluster.name}", endpoint)


def _endpoint(what: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Ask an engine something that wants the token, then for its versions."""
    finding = _history(what, endpoint)
    yield finding
    # A balancer passes the question on to any of the engines, which are asked themselves.
    if finding.fix is None and endpoint.role != BALANCER_ROLE:
        yield from _engine_versions(f"versions of {what}", endpoint)


def _ask(endpoint: Endpoint, path: str) -> requests.Response:
    return http_get(endpoint.url + path, endpoint.token, ASK_S)


def _history(what: str, endpoint: Endpoint) -> Finding:
    try:
        answer = _ask(endpoint, "/history")
    except requests.RequestException as error:
        return Finding(
            what,
            f"{endpoint.url} does not answer ({type(error).__name__})",
            "On one machine see `kd status`; on Kubernetes `kubectl get pods` and their logs.",
        )
    if answer.status_code == 401:
        return Finding(
            what,
            f"{endpoint.url} does not accept the token of configmeta.json",
            "A token never changes while its member lives, so the cluster was recreated: connect "
            "it again, or restart `kd up`.",
        )
    if not answer.ok:
        return Finding(what, f"{endpoint.url} answers {answer.status_code}", "See its log.")
    return Finding(what, f"{endpoint.url} answers and accepts the token")


def _engine_versions(what: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Tell an engine's Python and kd-magics; nothing of one that tells neither, as in 2020."""
    try:
        told = _ask(endpoint, "/environment").json()
        python, ours = str(told["python"]), str(told["packages"].get(OURS, "of no release"))
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
        return
    yield compared(what, python, ours)


def compared(what: str, python: str, ours: str) -> Finding:
    """Return the finding about an engine's versions beside those of this environment."""
    seen = f"kd-magics {ours}, Python {python}"
    here = platform.python_version()
    if ours != version(OURS):
        return Finding(
            what,
            f"{seen}; here is kd-magics {version(OURS)}",
            "Give both one version, as magics may ask what another version's engine does not know: "
            "an image of the engine's kdapp, or the package here.",
        )
    if python.split(".")[:2] != here.split(".")[:2]:
        return Finding(
            what,
            f"{seen}; here is Python {here}",
            "Cells run all the same, but what one Python pickled the other may not load, and "
            "packages may differ: use one image version for notebook and engines.",
        )
    return Finding(what, seen)


def _registry() -> Iterator[Finding]:
    registry = open_registry()
    yield Finding("registry", f"{registry.backend}, {registry.place}")
    credentials = registry.credentials()
    if credentials:
        new = "Log in to the cluster again, or connect a newer kubeconfig."
        yield Finding("credentials", credentials, new if credentials[:7] == "expired" else None)
    yield from _safely("permissions", lambda: _permissions(registry))
    models = registry.models()
    yield Finding("models", f"{len(models)} registered")
    left_out = dict(registry.problems)  # a folder's next reading begins anew
    clusters = registry.clusters()
    yield Finding("kdclusters", ", ".join(cluster.name for cluster in clusters) or "none")
    left_out |= registry.problems
    yield Finding("kdapps", ", ".join(app.name for app in registry.apps()) or "none")
    for name, problem in (left_out | registry.problems).items():
        yield Finding(name, "cannot be used", problem)


def _permissions(registry: Registry) -> Iterator[Finding]:
    missing = registry.missing_permissions()
    if missing:
        yield Finding(
            "permissions",
            f"you may not {', '.join(missing)}",
            "Ask the administrator for the Role of deploy/rbac.yaml.",
        )
    else:
        yield Finding("permissions", "all that the magics need")


def _ago(seconds: float) -> str:
    for length, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{max(0, int(seconds))} seconds"
