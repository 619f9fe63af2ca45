"""docs/kubernetes.md: its commands are run, as far as an API server without kubelets goes."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_magics.running_notebook import Notebook
from tests.kubedirector_admission import Admission, enforced, set_status
from tests.real_api_server import ApiServer, running_server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "kubernetes.md").read_text()
SHELL = [
    line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.S) for line in block.splitlines()
]
KUBECTL = [line for line in SHELL if line.startswith("kubectl ")]
# A kubelet or a kubeconfig of one's own would be needed.
ELSEWHERE = ("kubectl port-forward", "kubectl config")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with running_server(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture
def admission(server: ApiServer) -> Iterator[Admission]:
    with enforced(server) as admission:
        yield admission


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like the repository, with a `my-tenant` made by the document's commands."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in ("deploy", "kd_engines/local/manifests"):
        shutil.copytree(ROOT / part, folder / part)
    for line in SHELL:
        if line.startswith(("mkdir ", "cp ", "sed ")):
            subprocess.run(["sh", "-c", line], cwd=folder, check=True)
    return folder


def test_the_copy_of_the_manifests_names_the_registry(checkout: Path) -> None:
    texts = [path.read_text() for path in (checkout / "my-tenant").rglob("*.yaml")]
    images = [
        i for text in texts for i in re.findall(r"\S*kd-magics-(?:engine|notebook):\S+", text)
    ]
    assert len(images) == 4
    assert all(image.startswith("registry.example/kd-magics-") for image in images)


def test_every_kubectl_command_does_what_it_says(
    server: ApiServer, admission: Admission, checkout: Path
) -> None:
    config = server.kubeconfig(checkout / "kubeconfig", namespace="data-science")
    registry = ApiServerRegistry(server.client(), "data-science")
    said = {}
    for line in KUBECTL:
        if line.startswith(ELSEWHERE):
            continue
        if "cmType" in line:
            registry.register(ModelConfig("taxi", "1", "models/taxi/1", "code/score_taxi.py"))
        for waited in re.findall(r"kdcluster/(\S+)", line):  # no operator is here that would
            set_status(registry, waited, state="configured")
        words = [
            str(checkout / word) if word.startswith(("deploy/", "my-tenant/")) else word
            for word in shlex.split(line)[1:]
        ]
        done = server.kubectl(*words, kubeconfig=config)
        assert "Warning" not in done.stderr, done.stderr
        said[line] = done.stdout
    assert "kd-notebook" in said["kubectl apply -f deploy/rbac.yaml"]
    assert "deployment-engine-instance" in said["kubectl get kdcluster"]
    assert "taxi-1" in said["kubectl get configmap -l kubedirector.hpe.com/cmType=model"]
    assert admission.refused == []
    engine = registry.cluster("deployment-engine-instance")
    assert engine.connections("configmaps") == ["taxi-1"]
    assert [role.members for role in engine.roles] == [1, 3]


def test_every_magic_and_file_that_is_named_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_CONFIGMETA", str(tmp_path / "configmeta.json"))
    notebook = Notebook(tmp_path / "configmeta.json")
    notebook.attach({"training-engine-instance": [("http://127.0.0.1:1", "t")]})
    notebook.good("%load_ext kd_magics")
    known = notebook.shell.magics_manager.magics
    named = set(re.findall(r"(?<![\w%])%([a-z]+)", TEXT)) | set(re.findall(r"%%([a-z]+)", TEXT))
    assert named - known["line"].keys() - known["cell"].keys() == set()
    notebook.close()
    for path in re.findall(r"(?:deploy|kd_engines)/[\w./-]+\w", TEXT):
        assert (ROOT / path).exists(), path
