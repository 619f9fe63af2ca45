"""Where the registry is, decided from the surroundings.

In this order: ``KD_REGISTRY`` (a folder, or the word ``kubernetes``); `kd up` on this machine,
where this notebook's configmeta.json is one of its files; the cluster around this pod; a kubeconfig
that is connected as a secret; a kubeconfig file; and else the folder of `kd up`.
``KD_NAMESPACE`` names another namespace than the surroundings do.
"""

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kd_pipeline.connections_file import ConnectionsFile, default_configmeta, kd_home
from kd_pipeline.errors import InvalidInput, NoConnections
from kd_pipeline.registry.base import Registry
from kd_pipeline.registry.folder import FolderRegistry

if TYPE_CHECKING:
    from kubernetes.client import Configuration

KUBERNETES = "kubernetes"
KUBECONFIG_SECRET = "kubeconfig"  # noqa: S105 - a type of secrets
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_NAMESPACE = "default"


def open_registry() -> Registry:
    """Return the registry of the surroundings; raises InvalidInput for a broken kubeconfig."""
    named = os.environ.get("KD_REGISTRY", "")
    if named and named != KUBERNETES:
        return FolderRegistry(named)
    if named != KUBERNETES and _belongs_to_kd_up():
        return FolderRegistry(kd_home() / "manifests")
    if (SERVICE_ACCOUNT / "token").exists() and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return _in_cluster()
    content = _connected_kubeconfig() or _kubeconfig_file()
    if content is not None:
        return _of_kubeconfig(content)
    if named == KUBERNETES:
        raise InvalidInput(
            "KD_REGISTRY is kubernetes, but there is no pod's service account, no connected "
            "kubeconfig and no kubeconfig file here; set KUBECONFIG."
        )
    return FolderRegistry(kd_home() / "manifests")


def surroundings_stamp() -> tuple[object, ...]:
    """Return what :func:`open_registry` decides by; it changes where another could be opened.

    Files count by time and size: a kubeconfig that was renewed, a secret that was connected.
    """
    names = ("KD_REGISTRY", "KD_NAMESPACE", "KD_HOME", "KUBECONFIG", "KUBERNETES_SERVICE_HOST")
    files = (default_configmeta(), _kubeconfig_path(), SERVICE_ACCOUNT / "token")
    return *(os.environ.get(name) for name in names), *(_file_stamp(path) for path in files)


def _file_stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return (path,)
    return path, found.st_mtime_ns, found.st_size, found.st_ino


def _belongs_to_kd_up() -> bool:
    path = default_configmeta()
    return path.exists() and kd_home().resolve() in path.resolve().parents


def _in_cluster() -> Registry:
    from kubernetes import client, config

    configuration = client.Configuration()
    config.load_incluster_config(client_configuration=configuration)
    namespace = (SERVICE_ACCOUNT / "namespace").read_text().strip() or DEFAULT_NAMESPACE
    return _registry(configuration, namespace)


def _of_kubeconfig(content: bytes) -> Registry:
    from kubernetes import client, config

    try:
        settings: Any = yaml.safe_load(content)
        contexts = {c["name"]: c["context"] for c in settings["contexts"]}
        namespace = contexts[settings["current-context"]].get("namespace") or DEFAULT_NAMESPACE
        configuration = client.Configuration()
        config.load_kube_config_from_dict(settings, client_configuration=configuration)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, config.ConfigException) as error:
        raise InvalidInput(
            f"The kubeconfig cannot be used ({' '.join(str(error).split())[:200]}); download a "
            "new one from your cluster, or set KD_REGISTRY to a folder of manifests."
        ) from None
    return _registry(configuration, namespace)


def _registry(configuration: "Configuration", namespace: str) -> Registry:
    from kubernetes.client import ApiClient
    from urllib3.util import Retry

    from kd_pipeline.registry.api_server import ApiServerRegistry

    # A busy server's 429 and a refused connection are tried again, silence is told at once.
    configuration.retries = Retry(total=3, read=0, backoff_factor=0.2)
    return ApiServerRegistry(ApiClient(configuration), os.environ.get("KD_NAMESPACE") or namespace)


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


def _kubeconfig_path() -> Path:
    return Path(os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()


def _kubeconfig_file() -> bytes | None:
    path = _kubeconfig_path()
    return path.read_bytes() if path.is_file() else None


def _plain(content: bytes) -> bytes:
    """Return a secret's content without Kubernetes' own base64, where that is still there."""
    try:
        return base64.b64decode(content, validate=True)
    except ValueError:
        return content
