"""Where the registry is, decided from the surroundings.

In this order: ``KD_REGISTRY`` (a folder, or the word ``kubernetes``); `kd up` on this machine,
where this notebook's configmeta.json is one of its files; the cluster around this pod; a kubeconfig
that is connected as a secret; kubeconfig files; and else the folder of `kd up`.
``KD_NAMESPACE`` names another namespace than the surroundings do, ``KD_CONTEXT`` another context.
"""

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from kd_pipeline.connections_file import ConnectionsFile, default_configmeta, kd_home
from kd_pipeline.errors import InvalidInput, NoConnections
from kd_pipeline.registry.base import Registry
from kd_pipeline.registry.folder import FolderRegistry
from kd_pipeline.registry.kubeconfig import (
    DEFAULT_NAMESPACE,
    configuration_of,
    kubeconfig_of_files,
    kubeconfig_of_secret,
    kubeconfig_paths,
)

if TYPE_CHECKING:
    from kubernetes.client import Configuration

    from kd_pipeline.registry.api_server import ApiServerRegistry

KUBERNETES = "kubernetes"
KUBECONFIG_SECRET = "kubeconfig"  # noqa: S105 - a type of secrets
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def open_registry() -> Registry:
    """Return the registry of the surroundings; raises what :func:`open_kubernetes` does."""
    named = os.environ.get("KD_REGISTRY", "")
    if named and named != KUBERNETES:
        return FolderRegistry(named)
    if named != KUBERNETES and _belongs_to_kd_up():
        return FolderRegistry(kd_home() / "manifests")
    found = _kubernetes()
    if found is None and not named:
        return FolderRegistry(kd_home() / "manifests")
    return found or _raise_none()


def open_kubernetes(namespace: str | None = None) -> "ApiServerRegistry":
    """Return the registry of the cluster that the surroundings name, of another namespace even.

    Raises InvalidInput where there is none, or for a kubeconfig that cannot be used, and
    Unauthorized where its plugin gives no credentials.
    """
    return _kubernetes(namespace) or _raise_none()


def surroundings_stamp() -> tuple[object, ...]:
    """Return what :func:`open_registry` decides by; it changes where another could be opened.

    Files count by time and size: a kubeconfig that was renewed, a secret that was connected.
    """
    names = ("KD_REGISTRY", "KD_NAMESPACE", "KD_CONTEXT", "KD_HOME", "KUBECONFIG")
    files = (default_configmeta(), *kubeconfig_paths(), SERVICE_ACCOUNT / "token")
    values = (os.environ.get(name) for name in (*names, "KUBERNETES_SERVICE_HOST"))
    return *values, *(_file_stamp(path) for path in files)


def _file_stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return (path,)
    return path, found.st_mtime_ns, found.st_size, found.st_ino


def _belongs_to_kd_up() -> bool:
    path = default_configmeta()
    return path.exists() and kd_home().resolve() in path.resolve().parents


def _kubernetes(namespace: str | None = None) -> "ApiServerRegistry | None":
    namespace = namespace or os.environ.get("KD_NAMESPACE")
    if (SERVICE_ACCOUNT / "token").exists() and os.environ.get("KUBERNETES_SERVICE_HOST"):
        configuration, default = _in_cluster()
        return _registry(configuration, namespace or default)
    content = _connected_kubeconfig()
    kubeconfig = kubeconfig_of_files() if content is None else kubeconfig_of_secret(content)
    if kubeconfig is None:
        return None
    configuration, default = configuration_of(kubeconfig)
    return _registry(configuration, namespace or default)


def _raise_none() -> NoReturn:
    raise InvalidInput(
        "There is no pod's service account, no connected kubeconfig and no kubeconfig file here; "
        "set KUBECONFIG."
    )


def _in_cluster() -> tuple["Configuration", str]:
    from kubernetes import client, config

    configuration = client.Configuration()
    config.load_incluster_config(client_configuration=configuration)
    namespace = (SERVICE_ACCOUNT / "namespace").read_text().strip() or DEFAULT_NAMESPACE
    return configuration, namespace


def _registry(configuration: "Configuration", namespace: str) -> "ApiServerRegistry":
    from kubernetes.client import ApiClient
    from urllib3.util import Retry

    from kd_pipeline.registry.api_server import ApiServerRegistry

    # A busy server's 429 and a refused connection are tried again, silence is told at once.
    configuration.retries = Retry(total=3, read=0, backoff_factor=0.2)
    return ApiServerRegistry(ApiClient(configuration), namespace)


def _connected_kubeconfig() -> bytes | None:
    """Return the kubeconfig that KubeDirector has connected to this notebook as a secret."""
    try:
        secrets = ConnectionsFile().read().secrets if default_configmeta().exists() else ()
    except NoConnections:
        return None
    for secret in secrets:
        if secret.type == KUBECONFIG_SECRET:
            for content in secret.data.values():
                return _plain(content)
    return None


def _plain(content: bytes) -> bytes:
    """Return a secret's content without Kubernetes' own base64, where that is still there."""
    try:
        return base64.b64decode(content, validate=True)
    except ValueError:
        return content
