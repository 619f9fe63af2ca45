"""docs/kubernetes.md word by word, from an empty API server that KubeDirector sees to.

What a kubelet or a registry of images would be needed for is left out, and nothing else.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_magics.running_notebook import Notebook
from tests.kubedirector.operator import Operator, running_cluster
from tests.kubedirector.pods import running_pods
from tests.kubedirector.rules import READ_ONLY
from tests.kubernetes_tenant import Tenant
from tests.real_api_server import ApiServer
from tests.shipped import DEPLOYMENT, NOTEBOOK, wait_until_configured

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "kubernetes.md").read_text()
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.S)
SHELL = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
ELSEWHERE = ("git ", "make ", "docker ", "kubectl port-forward")
# What a data scientist would type into the cell: the document only shows its first line.
TRAIN = """
import json, pathlib
path = pathlib.Path("models/taxi/1")
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps({"JFK": 40.0}))
pathlib.Path("code/score_taxi.py").write_text('''
import json
def load(path):
    return json.load(open(path))
def predict(model, args):
    return model[args["pickup"]]
''')
print("trained")
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Operator]]:
    with running_cluster(tmp_path_factory.mktemp("kubernetes")) as cluster:
        yield cluster


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder like the repository."""
    for part in ("deploy", "kd_engines/local/manifests"):
        shutil.copytree(ROOT / part, tmp_path / "checkout" / part)
    return tmp_path / "checkout"


@pytest.fixture
def tenant(cluster: tuple[ApiServer, Operator], tmp_path: Path) -> Iterator[Tenant]:
    """Run what the document's namespace wants, once there is one."""
    server, operator = cluster
    registry = ApiServerRegistry(server.client(), "data-science")
    repository = ProjectRepository(tmp_path / "project_repo").create().root
    with running_pods(operator, registry, tmp_path / "pods", repository) as containers:
        yield Tenant(server, registry, operator, containers, repository)


class Reader:
    """Somebody who does what the document says; ``said`` has what each command printed."""

    def __init__(self, tenant: Tenant, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: dict[str, str] = {}
        self.notebook: Notebook | None = None
        self._tenant, self._checkout, self._monkeypatch = tenant, checkout, monkeypatch
        self._config = tenant.server.kubeconfig(checkout / "kubeconfig")

    def follow(self, kind: str, block: str) -> None:
        """Do what a block says."""
        for line in block.splitlines():
            if kind != "sh":
                self._run_cell(line)
            elif line.startswith("kubectl ") and not line.startswith(ELSEWHERE):
                self._kubectl(line)
            elif not line.startswith(ELSEWHERE):
                subprocess.run(["sh", "-c", line], cwd=self._checkout, check=True)

    def _kubectl(self, line: str) -> None:
        if self.notebook:  # what it changed is processed: a person is not so fast
            wait_until_configured(self._tenant.registry, DEPLOYMENT)
        words = [
            str(self._checkout / word) if word.startswith(("deploy/", "my-tenant/")) else word
            for word in shlex.split(line)[1:]
        ]
        done = self._tenant.server.kubectl(*words, kubeconfig=self._config)
        assert "Warning" not in done.stderr, done.stderr
        self.said[line] = done.stdout

    def _run_cell(self, line: str) -> None:
        if self.notebook is None:
            for name, value in self._tenant.environment(self._checkout).items():
                self._monkeypatch.setenv(name, value)
            self._monkeypatch.delenv("KD_REGISTRY", raising=False)
            (pod,) = self._tenant.pods(NOTEBOOK, "controller", 1)
            self.notebook = Notebook(pod.guest.configmeta)
            self.notebook.good("%load_ext kd_magics")  # the image does
        ran = self.notebook.good(line + TRAIN if line.startswith("%%") else line)
        self.said[line] = ran.text + str(ran.value or "")


def test_from_an_empty_cluster_to_a_prediction(
    tenant: Tenant, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(tenant, checkout, monkeypatch)
    for kind, block in BLOCKS:
        reader.follow(kind, block)
    assert reader.notebook is not None
    reader.notebook.close()
    said = reader.said
    texts = [path.read_text() for path in (checkout / "my-tenant").rglob("*.yaml")]
    images = re.findall(r"\S*kd-magics-(?:engine|notebook):\S+", "".join(texts))
    assert [i.startswith("registry.example/kd-magics-") for i in images] == [True] * 4
    assert "kd-notebook" in said["kubectl apply -f deploy/rbac.yaml"]
    assert "deployment-engine-instance" in said["kubectl get kdcluster"]
    assert "trained" in said["%logs -f"]
    (predicted,) = [text for line, text in said.items() if line.startswith("%predict")]
    assert "40.0" in predicted
    assert "taxi-1" in said["kubectl get configmap -l kubedirector.hpe.com/cmType=model"]
    engine = tenant.registry.cluster(DEPLOYMENT)
    assert engine.connections("configmaps") == ["taxi-1"]
    assert [role.members for role in engine.roles] == [1, 3]
    assert len(tenant.pods(DEPLOYMENT, "RESTServer", 3)) == 3
    assert {*tenant.operator.admission.refused} <= {READ_ONLY}  # of which nobody was told
    assert tenant.operator.panics == 0


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
