"""The pipeline with its registry in a Kubernetes namespace: a real API server, no kubelet.

KubeDirector's part is played by a controller of the tests: it copies the namespace's kdapps,
kdclusters and ConfigMaps into the folder that `kd up` follows, whenever one of them changes.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kd_magics.errors import DeployFailed
from kd_pipeline.atomic import write_atomic
from kd_pipeline.errors import VersionTaken
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, RunningHome
from tests.kd_magics.running_notebook import Notebook
from tests.real_api_server import ApiServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TRAIN = """%%trainingengineinstance --wait
import pathlib
model = pathlib.Path("models/half/1")
model.parent.mkdir(parents=True, exist_ok=True)
model.write_text("0.5")
pathlib.Path("code/half.py").write_text('''
def load(path):
    return float(open(path).read())
def predict(model, args):
    return model * args["miles"]
''')
pathlib.Path("code/broken.py").write_text('''
def load(path):
    raise RuntimeError("not today")
def predict(model, args):
    return 0
''')
"""


class Controller:
    """Copies a namespace into a folder of manifests until it is closed."""

    def __init__(self, registry: ApiServerRegistry, folder: Path) -> None:
        self._registry, self._folder = registry, folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop copying."""
        self._stop.set()
        self._thread.join(timeout=20)

    def _run(self) -> None:
        for _ in self._registry.changes(self._stop):
            wanted = {
                f"{manifest['kind'].lower()}-{manifest['metadata']['name']}.yaml": manifest
                for manifest in self._manifests()
            }
            for name, manifest in wanted.items():
                write_atomic(self._folder / name, yaml.safe_dump(manifest))
            for path in self._folder.glob("*.yaml"):
                if path.name not in wanted:
                    path.unlink()

    def _manifests(self) -> list[dict[str, Any]]:
        found = [item.manifest for item in (*self._registry.apps(), *self._registry.clusters())]
        return [*found, *(model.to_manifest() for model in self._registry.models())]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run an API server with KubeDirector's kinds."""
    server = ApiServer(tmp_path_factory.mktemp("kubernetes"))
    server.install_kubedirector()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def registry(server: ApiServer) -> ApiServerRegistry:
    """Return the registry of a tenant's namespace."""
    return ApiServerRegistry(server.client(), server.new_namespace())


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, server: ApiServer, registry: ApiServerRegistry
) -> Iterator[RunningHome]:
    """Run the engines of the kdclusters that are in the namespace."""
    home = RunningHome(tmp_path_factory.mktemp("kd") / "home", deployment=True)
    for path in sorted(home.manifests.glob("*.yaml")):
        server.apply(yaml.safe_load(path.read_text()), namespace=registry.namespace)
        path.unlink()
    controller = Controller(registry, home.manifests)
    home.up()
    yield home
    controller.close()
    home.kd("down")
    assert [process.cmdline() for process in home.processes()] == []


@pytest.fixture
def notebook(
    home: RunningHome,
    server: ApiServer,
    registry: ApiServerRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Notebook]:
    """Open a notebook whose surroundings are a kubeconfig."""
    config = server.kubeconfig(tmp_path / "kubeconfig", namespace=registry.namespace)
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("KD_CONFIGMETA", str(home.folder(NOTEBOOK) / "configmeta.json"))
    monkeypatch.setenv("KD_PROJECT_REPO", str(home.repository))
    monkeypatch.setenv("KD_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("KD_REGISTRY", raising=False)
    notebook = Notebook(home.folder(NOTEBOOK) / "configmeta.json")
    notebook.good("%load_ext kd_magics")
    yield notebook
    notebook.close()


def test_from_a_cell_to_a_prediction(
    home: RunningHome, registry: ApiServerRegistry, notebook: Notebook
) -> None:
    notebook.good(TRAIN)
    register = "%register half --version 1 --path models/half/1 --scoring code/half.py"
    assert "Registered half/1" in notebook.good(register).text
    assert registry.model("half", "1").extra["job-id"] == "1"
    assert "is ready on" in notebook.good("%deploy half/1").text
    assert notebook.good('%predict half/1 {"miles": 7}').value == 3.5
    shown = notebook.good("%models").outputs[0]["text/plain"]
    assert f"Registered in namespace {registry.namespace} of https://127.0.0.1:" in shown
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == ["half-1"]
    notebook.good("%undeploy half/1")
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == []


def test_what_goes_wrong_is_told_as_on_one_machine(home: RunningHome, notebook: Notebook) -> None:
    notebook.good("%register broken --version 1 --path models/half/1 --scoring code/broken.py")
    assert "not today" in notebook.fails("%deploy broken/1", DeployFailed)
    notebook.good("%undeploy broken/1")
    other = "%register half --version 1 --path models/half/1 --scoring code/broken.py"
    assert "as version 2" in notebook.fails(other, VersionTaken)
