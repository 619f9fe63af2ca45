"""The pipeline on Kubernetes, without kubelets: a real API server, the tests' own KubeDirector.

Members are what the images run, set up by the setup package's startscript, behind real HAProxies;
the notebook has a kubeconfig and its configmeta.json, as in a cluster.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from kd_magics.errors import DeployFailed
from kd_pipeline.errors import Conflict, VersionTaken
from tests.kd_engines.balancer.running_balancer import Load
from tests.kd_engines.running_server import eventually
from tests.kd_magics.running_notebook import Notebook
from tests.kubedirector.rules import NOTIFYING, READ_ONLY
from tests.kubernetes_tenant import OTHER_USER, USER, Tenant, running_tenant
from tests.shipped import DEPLOYMENT, NOTEBOOK, TRAINING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[1]
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
ROUNDS = 8  # 25 were run by hand: two minutes
# A data scientist who tries a model again and again, in a kernel of their own.
DEPLOYER = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
model, rounds = sys.argv[1], int(sys.argv[2])
lines = ['%load_ext kd_magics']
ask = f'answer = %predict {model} {{"miles": 7}}'
lines += [f'%deploy {model}', ask, 'print(answer)', f'%undeploy {model}'] * rounds
for line in lines:
    shell.run_cell(line).raise_error()
"""
REGISTER = "%register half --version 1 --path models/half/1 --scoring code/half.py"


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """Run a namespace with what ships."""
    yield from running_tenant(tmp_path_factory)


@pytest.fixture
def notebook(tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Open a notebook in the notebook's pod."""
    for name, value in tenant.environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KD_REGISTRY", raising=False)
    notebook = Notebook(Path(os.environ["KD_CONFIGMETA"]))
    notebook.good("%load_ext kd_magics")
    yield notebook
    notebook.close()


def test_kubedirector_runs_what_ships(tenant: Tenant) -> None:
    for cluster, role in (
        (TRAINING, "LoadBalancer"),
        (TRAINING, "RESTServer"),
        (DEPLOYMENT, "LoadBalancer"),
        (DEPLOYMENT, "RESTServer"),
        (NOTEBOOK, "controller"),
    ):
        (pod,) = tenant.pods(cluster, role, 1)
        assert pod.guest.process is not None
        assert pod.guest.process.poll() is None


def test_from_a_cell_to_a_prediction(tenant: Tenant, notebook: Notebook) -> None:
    notebook.good(TRAIN)
    assert "Registered half/1" in notebook.good(REGISTER).text
    assert tenant.registry.model("half", "1").extra["job-id"] == "1"
    (balancer,) = tenant.pods(DEPLOYMENT, "LoadBalancer", 1)
    url = f"{balancer.guest.url}/half/1/predict"
    assert f"half/1 is ready on {DEPLOYMENT}: POST {url}" in notebook.good("%deploy half/1").text
    assert notebook.good('%predict half/1 {"miles": 7}').value == 3.5
    shown = notebook.good("%models").outputs[0]["text/plain"]
    assert f"Registered in namespace {tenant.registry.namespace} of https://127.0.0.1:" in shown
    assert tenant.registry.cluster(DEPLOYMENT).connections("configmaps") == ["half-1"]
    notebook.good("%undeploy half/1")
    assert tenant.registry.cluster(DEPLOYMENT).connections("configmaps") == []


def test_magics_kubectl_and_the_python_api_see_each_others_changes(
    tenant: Tenant, notebook: Notebook
) -> None:
    def kubectl(*words: str) -> str:
        return tenant.server.kubectl("-n", tenant.registry.namespace, *words).stdout

    notebook.good("%describe half/1 'half of it'")
    data = "jsonpath={.data.description}"
    assert kubectl("get", "configmap", "half-1", "-o", data) == "half of it"
    kubectl("patch", "configmap", "half-1", "-p", '{"data":{"description":"a half"}}')
    assert "a half" in notebook.good("%models").outputs[0]["text/plain"]
    notebook.good("%register half --version 2 --path models/half/1 --scoring code/half.py")
    notebook.good("%alias half/1 champion")
    notebook.good("%deploy half/champion")
    notebook.good("%deploy half/2")
    assert kubectl("get", "configmap", "half-aliases", "-o", "jsonpath={.data.champion}") == "1"
    (balancer,) = tenant.pods(DEPLOYMENT, "LoadBalancer", 1)

    def version() -> Any:
        return balancer.predict("half/champion", miles=1).get("version")

    eventually(lambda: version() == "1")
    kubectl("patch", "configmap", "half-aliases", "-p", '{"data":{"champion":"2"}}')
    eventually(lambda: version() == "2")
    assert tenant.registry.aliases_of("half").versions == {"champion": "2"}
    assert "is deployed on" in notebook.fails("%unregister half/2", Conflict)
    for line in ("%alias half champion --delete", "%undeploy half/2", "%undeploy half/1"):
        notebook.good(line)
    notebook.good("%unregister half/2")
    assert "half-2" not in kubectl("get", "configmap")


def test_what_goes_wrong_is_told_as_on_one_machine(tenant: Tenant, notebook: Notebook) -> None:
    notebook.good("%register broken --version 1 --path models/half/1 --scoring code/broken.py")
    assert "not today" in notebook.fails("%deploy broken/1", DeployFailed)
    notebook.good("%undeploy broken/1")
    other = "%register half --version 1 --path models/half/1 --scoring code/broken.py"
    assert "as version 2" in notebook.fails(other, VersionTaken)


def test_engines_are_scaled_under_load_and_no_request_is_lost(
    tenant: Tenant, notebook: Notebook
) -> None:
    notebook.good("%deploy half/1")
    (balancer,) = tenant.pods(DEPLOYMENT, "LoadBalancer", 1)
    body: dict[str, Any] = {"use_scoring": True, "scoring_args": {"miles": 2}}
    load = Load(
        balancer.guest.url, 4, path="/half/1/predict", token=balancer.member.token, body=body
    )
    with load:
        for members in (3, 1, 2):
            tenant.scale(DEPLOYMENT, members)
            tenant.pods(DEPLOYMENT, "RESTServer", members)
        notebook.good('%predict half/1 {"miles": 7}')
    assert load.failed == {}
    assert load.answers["200"] > 300
    tenant.scale(DEPLOYMENT, 1)
    tenant.pods(DEPLOYMENT, "RESTServer", 1)
    notebook.good("%undeploy half/1")


def test_two_users_deploy_and_undeploy_while_an_engine_joins(
    tenant: Tenant, notebook: Notebook, tmp_path: Path
) -> None:
    """KubeDirector refuses some of it for the moment; nobody is told, and nothing gets lost."""
    notebook.good("%register half --version 3 --path models/half/1 --scoring code/half.py")
    tenant.operator.admission.refused.clear()
    users = []
    for version, token in (("1", USER), ("3", OTHER_USER)):
        folder = tmp_path / version
        folder.mkdir()
        environment = {**os.environ, **tenant.environment(folder, token), "PYTHONPATH": str(ROOT)}
        environment.pop("KD_REGISTRY", None)
        command = [sys.executable, "-c", DEPLOYER, f"half/{version}", str(ROUNDS)]
        users.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    tenant.scale(DEPLOYMENT, 2)
    tenant.pods(DEPLOYMENT, "RESTServer", 2)
    said = [user.communicate(timeout=250)[0] for user in users]
    assert tenant.operator.errors == []
    assert [user.returncode for user in users] == [0, 0], said
    assert [text.count("3.5") for text in said] == [ROUNDS, ROUNDS]
    assert tenant.registry.cluster(DEPLOYMENT).connections("configmaps") == []
    assert {*tenant.operator.admission.refused} <= {READ_ONLY, NOTIFYING}
    assert tenant.operator.admission.refused != []
    assert tenant.operator.panics == 0
    tenant.scale(DEPLOYMENT, 1)
    tenant.pods(DEPLOYMENT, "RESTServer", 1)


def test_two_training_engines_share_their_jobs(tenant: Tenant, notebook: Notebook) -> None:
    """Whichever engine the balancer asks, it knows every job, and its log."""
    tenant.scale(TRAINING, 2)
    tenant.pods(TRAINING, "RESTServer", 2)
    for number in range(6):
        notebook.good(f"%%trainingengineinstance --wait\nprint('job', {number})")
        assert f"job {number}" in notebook.good("%logs").text
    tenant.scale(TRAINING, 1)
    tenant.pods(TRAINING, "RESTServer", 1)


def test_the_tutorials_notebook_runs_unchanged(tenant: Tenant, tmp_path: Path) -> None:
    book = nbformat.read(ROOT / "notebooks" / "nyc_taxi.ipynb", as_version=4)
    environment = {**os.environ, **tenant.environment(tmp_path), "KD_TAXI_DOWNLOAD": "no"}
    environment.pop("KD_REGISTRY", None)
    client = NotebookClient(
        book, timeout=200, resources={"metadata": {"path": str(ROOT / "notebooks")}}
    )
    client.execute(env=environment)
    texts = [
        output.get("text", "")
        for cell in book.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream"
    ]
    assert any("0 failed" in text for text in texts)
    assert {m.name for m in tenant.registry.models()} >= {"half", "broken"}
    assert len(tenant.registry.models()) >= 4
