"""Which program a member runs, as the configmeta.json that KubeDirector has injected says."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from kd_engines.balancer.settings import BEHIND_BALANCER
from kd_engines.lab import lab_config
from kd_pipeline.atomic import write_json
from kd_pipeline.connections import (
    BALANCER_ROLE,
    NOTEBOOK_DISTRO,
    STATISTICS_SERVICE,
    Connections,
    Endpoint,
)
from kd_pipeline.errors import InvalidInput, PathNotFound
from kd_pipeline.project_repository import ProjectRepository

# The ports of the kdapps (see deploy/): used where the file does not tell another.
API_PORT, BALANCER_PORT, STATISTICS_PORT, LAB_PORT = 10001, 32700, 8081, 8000
ANY_HOST = "0.0.0.0"  # noqa: S104 - a pod's own address, which network policies guard
ENVIRONMENT = {**BEHIND_BALANCER, "PYTHONUNBUFFERED": "1"}
PASSWORD_FILE = Path("/etc/kd-magics/notebook/password")


def command(connections: Connections) -> list[str]:
    """Return the member's command line; raises InvalidInput for an app that is not ours."""
    own = connections.own
    if own.distro_id.endswith(NOTEBOOK_DISTRO):
        config = Path.home() / ".jupyter" / "kd_notebook.json"
        config.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_json(config, _notebook(connections))
        return [sys.executable, "-m", "jupyterlab", f"--config={config}"]
    if not own.is_training and not own.is_deployment:
        raise InvalidInput(
            "This image runs training engines, deployment engines and notebooks, but the kdapp of "
            f"{own.name!r} has distroID {own.distro_id!r}; use the image with its own kdapps."
        )
    if connections.role == BALANCER_ROLE:
        statistics = _port_of(connections, STATISTICS_SERVICE) or STATISTICS_PORT
        ports = ["--port", str(port(connections)), "--stats-port", str(statistics)]
        return [sys.executable, "-m", "kd_engines.balancer", "--host", ANY_HOST, *ports]
    engine = "deployment" if own.is_deployment else "training"
    module = ["-m", f"kd_engines.{engine}"]
    return [sys.executable, *module, "--host", ANY_HOST, "--port", str(port(connections))]


def port(connections: Connections) -> int:
    """Return the port at which this member is to answer."""
    default = BALANCER_PORT if connections.role == BALANCER_ROLE else API_PORT
    if connections.own.distro_id.endswith(NOTEBOOK_DISTRO):
        default = LAB_PORT
    own = _own(connections)
    return (urlsplit(own.url).port if own else None) or default


def health_url(connections: Connections) -> str:
    """Return what answers once the member has started; a balancer may have no engine yet."""
    path = "/health/ready"
    if connections.own.distro_id.endswith(NOTEBOOK_DISTRO):
        path = "/api"
    elif connections.role == BALANCER_ROLE:
        path = "/"
    return f"http://127.0.0.1:{port(connections)}{path}"


def _port_of(connections: Connections, service: str) -> int | None:
    """Return the port of a service of this member's role."""
    for endpoint in connections.own.endpoints:
        if (endpoint.role, endpoint.service) == (connections.role, service):
            return urlsplit(endpoint.url).port
    return None


def _own(connections: Connections) -> Endpoint | None:
    """Return the service with a token of this member's role, if there is one."""
    for endpoint in connections.own.endpoints:
        if endpoint.role == connections.role and endpoint.token:
            return endpoint
    return None


def _notebook(connections: Connections) -> dict[str, object]:
    """Raises InvalidInput where there is neither a password nor a token."""
    try:
        root = ProjectRepository.default().create().root
    except PathNotFound:
        root = Path.home()
    password = os.environ.get("JUPYTER_PASSWORD", "")
    if not password and PASSWORD_FILE.exists():
        password = PASSWORD_FILE.read_text().strip()
    own = _own(connections)
    if not password and not own:
        raise InvalidInput(
            f"The notebook has no password: mount a secret with the file {PASSWORD_FILE}, set "
            "JUPYTER_PASSWORD, or give its kdapp's service hasAuthToken."
        )
    return lab_config(ANY_HOST, port(connections), root, own.token if own else "", password)
