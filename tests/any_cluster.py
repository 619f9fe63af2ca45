"""The cluster of ``pytest --kubeconfig FILE`` in the place of the tests' own API server.

Each test gets a namespace of its own, which is deleted at the end. KubeDirector's kinds must be
there. Tests that kill the server, or make users of their own, keep to the tests' own.
"""

from pathlib import Path
from typing import Any

import yaml
from kubernetes import config
from kubernetes.client import ApiClient, Configuration

from tests.real_api_server import ADMIN_TOKEN, ApiServer


class AnyCluster(ApiServer):
    """A cluster that somebody else runs, by its kubeconfig."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        self.folder = folder
        self._settings: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
        self._made: list[str] = []
        self._namespaces = 0
        self._run = f"kd-test-{folder.stat().st_ino:x}"
        self.url = self._configuration().host

    def client(self, token: str = ADMIN_TOKEN) -> ApiClient:
        """Return a client for the kubeconfig's user, or for one with another ``token``."""
        configuration = self._configuration()
        if token != ADMIN_TOKEN:
            configuration.api_key = {"authorization": f"Bearer {token}"}
            configuration.cert_file = configuration.key_file = None
            configuration.refresh_api_key_hook = None
        configuration.retries = 0
        return ApiClient(configuration)

    def kubeconfig(self, path: Path, token: str = ADMIN_TOKEN, namespace: str = "default") -> Path:
        """Write a kubeconfig with another namespace, and another token where one is given."""
        settings = yaml.safe_load(yaml.safe_dump(self._settings))
        current = settings["current-context"]
        (context,) = (c["context"] for c in settings["contexts"] if c["name"] == current)
        context["namespace"] = namespace
        if token != ADMIN_TOKEN:
            (user,) = (u for u in settings["users"] if u["name"] == context["user"])
            user["user"] = {"token": token}
        path.write_text(yaml.safe_dump(settings))
        return path

    def new_namespace(self) -> str:
        """Create an empty namespace and return its name."""
        self._namespaces += 1
        name = f"{self._run}-{self._namespaces}"
        self.kubectl("create", "namespace", name)
        self._made.append(name)
        return name

    def close(self) -> None:
        """Delete the namespaces that were made."""
        if self._made:
            self.kubectl("delete", "namespace", "--wait=false", "--ignore-not-found", *self._made)

    def _configuration(self) -> Configuration:
        configuration = Configuration()
        config.load_kube_config_from_dict(self._settings, client_configuration=configuration)
        return configuration
