"""%models, %deploy, %undeploy and %predict with a real deployment engine.

What KubeDirector does between the registry and the engine's configmeta.json, a thread does here.
"""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kd_magics.errors import BadOptions, DeployFailed, EngineDown, PredictFailed
from kd_pipeline.clusters import API_VERSION, CLUSTER_KIND, Cluster
from kd_pipeline.errors import (
    Conflict,
    InvalidModel,
    KdError,
    ModelNotFound,
    NotFound,
    UnknownCluster,
)
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import FolderRegistry, open_registry
from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment
from tests.kd_engines.running_server import eventually
from tests.kd_magics.running_notebook import Notebook

CLUSTER = "deployment-engine-instance"
GOOD = """
def load(path):
    return path
def predict(model, args):
    if args.get("fail"):
        raise ValueError("no such street")
    return sum(args.get("n", [0])) if args.get("n") != [] else float("nan")
def predict_batch(model, rows):
    return [predict(model, row) for row in rows]
"""
OLD = "import sys\nprint('old', *sys.argv[1:])"
BROKEN = (
    "def load(path):\n    raise RuntimeError('not my weights')\ndef predict(m, a):\n    return 1"
)


def connect_as_kubedirector_does(
    registry: FolderRegistry, engine: RunningDeployment, stop: threading.Event
) -> None:
    """Write the models connected to the cluster into the engine's configmeta.json."""
    for _ in registry.changes(stop):
        connected = registry.cluster(CLUSTER).connections("configmaps")
        models = {m.configmap_name: m.to_manifest() for m in registry.models()}
        engine.models = {name: models[name] for name in connected if name in models}
        aliases = {a.configmap_name: a.to_manifest() for a in registry.aliases().values()}
        engine.aliases = [
            {**aliases[name], "labels": aliases[name]["metadata"]["labels"]}
            for name in connected
            if name in aliases
        ]
        engine.write_configmeta()


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeployment]:
    """A deployment engine, connected to the models that its module's registry says."""
    folder = tmp_path_factory.mktemp("deployment")
    engine = RunningDeployment(folder)
    registry = FolderRegistry(folder / "manifests")
    manifest = {
        "apiVersion": API_VERSION,
        "kind": CLUSTER_KIND,
        "metadata": {"name": CLUSTER},
        "spec": {"app": "deployment-engine", "roles": [{"id": "RESTServer", "members": 1}]},
    }
    registry.apply_cluster(Cluster(manifest))
    for name, script in {"good": GOOD, "old": OLD, "broken": BROKEN}.items():
        (engine.repository / "models" / name).write_text(name)
        path = engine.script(f"{name}.py", script)
        for version in ("1", "2"):
            registry.register(ModelConfig(name, version, f"models/{name}", path, "a model"))
    stop = threading.Event()
    args = (registry, engine, stop)
    thread = threading.Thread(target=connect_as_kubedirector_does, args=args)
    thread.start()
    yield engine
    stop.set()
    thread.join()
    engine.stop()


@pytest.fixture
def serving(
    empty_notebook: Notebook, deployment: RunningDeployment, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Notebook]:
    """A notebook to which the deployment engine is attached; nothing is deployed at first."""
    manifests: Path = deployment.repository.parent / "manifests"
    monkeypatch.setenv("KD_REGISTRY", str(manifests))
    empty_notebook.attach({CLUSTER: [(deployment.url, TOKEN)]})
    yield empty_notebook
    registry = open_registry()
    for configmap in registry.cluster(CLUSTER).connections("configmaps"):
        registry.disconnect(CLUSTER, "configmaps", configmap)
    # A model that still drains would be taken for the next test's.
    eventually(lambda: not deployment.get("/models")["models"])
    assert not any(TOKEN in shown.everything + str(shown.error) for shown in empty_notebook.shown)


def rows(notebook: Notebook) -> dict[str, str]:
    """Return the rows of %models by model and version."""
    lines = str(notebook.good("%models").outputs[0]["text/plain"]).splitlines()[2:]
    return {"/".join(line.split()[:2]): line for line in lines}


def test_a_model_is_deployed_asked_and_taken_away(
    serving: Notebook, deployment: RunningDeployment
) -> None:
    text = serving.good("%deploy good/1").text
    assert text == f"good/1 is ready on {CLUSTER}: POST {deployment.url}/good/1/predict\n"
    assert serving.good('%predict good/1 {"n": [1, 2]}').value == 3
    assert CLUSTER in rows(serving)["good/1"]
    assert "Ready" in rows(serving)["good/1"]
    assert CLUSTER not in rows(serving)["good/2"]
    assert serving.good("%deploy good/1").text == text  # again changes nothing
    assert serving.good("%undeploy good/1").text == f"good/1 is not on {CLUSTER} any more.\n"
    serving.fails('%predict good/1 {"n": [1]}', NotFound)
    assert "is not deployed on" in serving.good("%undeploy good/1").text


def test_answers_are_values_of_the_notebook(serving: Notebook) -> None:
    serving.good("%deploy good/2 --to deploymentengineinstance")
    serving.good("ride = {'n': [4, 5]}")
    serving.good("answer = %predict good/2 ride")
    assert serving.good("answer").value == 9
    assert serving.good("%predict good/2 --on deployment-engine-instance ride").value == 9
    assert serving.good('%predict good/2 [{"n": [1]}, {"n": [2]}]').value == [1, 2]
    serving.good("import pandas as pd; table = pd.DataFrame({'n': [[1], [2, 3]]})")
    assert serving.good("%predict good/2 table").value == [1, 5]
    assert serving.good("%predict good/2 {}").value == 0
    assert "null: the model returned" in serving.good('%predict good/2 {"n": []}').text


def test_a_script_of_2020_gives_its_output(serving: Notebook) -> None:
    serving.good("%deploy old/1")
    assert "old --a 1" in str(serving.good("%predict old/1 '\"--a 1\"'").value)


def test_a_script_that_fails_is_one_line(serving: Notebook) -> None:
    serving.good("%deploy good/1")
    assert "no such street" in serving.fails('%predict good/1 {"fail": 1}', PredictFailed)
    for bad in ("ride_nobody_knows", '{"n": }', "3", "good/1", "{'n': 1}"):
        serving.fails(f"%predict good/1 {bad}", BadOptions)
    serving.fails("%predict good {}", BadOptions)


def test_a_model_that_cannot_load_says_why(serving: Notebook) -> None:
    assert "not my weights" in serving.fails("%deploy broken/1", DeployFailed)
    assert "Failed" in rows(serving)["broken/1"]
    assert "not my weights" in rows(serving)["broken/1"]
    serving.good("%undeploy broken/1")


def test_unknown_models_and_clusters(serving: Notebook) -> None:
    assert "versions of good: 1, 2" in serving.fails("%deploy good/9", ModelNotFound)
    serving.fails("%deploy good/1 --to nowhere", UnknownCluster)
    serving.fails("%deploy good", BadOptions)
    serving.fails("%undeploy good/1 --from nowhere", UnknownCluster)
    serving.fails("%predict good/9 {}", NotFound)
    assert open_registry().cluster(CLUSTER).connections("configmaps") == []


def test_an_engine_that_is_down_is_a_row_and_an_end(serving: Notebook) -> None:
    serving.attach({CLUSTER: [("http://127.0.0.1:9", TOKEN)]})
    sentence = serving.fails("%deploy good/1 --timeout 0.5", DeployFailed)
    assert "not ready" in sentence
    assert "127.0.0.1:9" in sentence
    assert "Unknown" in rows(serving)["good/1"]
    assert "does not answer" in rows(serving)["good/1"]
    serving.fails("%predict good/1 {}", EngineDown)


def test_every_member_must_be_ready(serving: Notebook, deployment: RunningDeployment) -> None:
    serving.attach({CLUSTER: [(deployment.url, TOKEN), ("http://127.0.0.1:9", TOKEN)]})
    assert "not ready" in serving.fails("%deploy good/1 --timeout 1.5", DeployFailed)


def test_no_deployment_cluster_is_a_sentence(serving: Notebook) -> None:
    serving.attach({})
    assert "No deployment cluster" in serving.fails("%deploy good/1", KdError)
    assert "No deployment cluster" in serving.fails("%predict good/1 {}", KdError)


def test_several_deployment_clusters_want_a_name(
    serving: Notebook, deployment: RunningDeployment
) -> None:
    serving.good("%deploy good/1")
    at = [(deployment.url, TOKEN)]
    serving.attach({"other-deploy": [("http://127.0.0.1:9", TOKEN)], CLUSTER: at})
    assert "other-deploy" in serving.fails("%deploy good/1", BadOptions)
    # Where a model is deployed on one of them only, that one is asked.
    assert serving.good("%predict good/1 {}").value == 0
    assert "not on" in serving.good("%undeploy good/1").text


def test_a_model_that_lacks_its_label_is_told(empty_notebook: Notebook) -> None:
    registry = open_registry()
    assert isinstance(registry, FolderRegistry)
    manifest = ModelConfig("bare", "1", "models/bare", "code/bare.py").to_manifest()
    del manifest["metadata"]["labels"]
    registry.path.mkdir(exist_ok=True, parents=True)
    (registry.path / "bare.yaml").write_text(yaml.safe_dump(manifest))
    sentence = "ConfigMap 'bare-1' looks like a model but lacks the label"
    assert sentence in empty_notebook.good("%models").text
    registry.register(ModelConfig("whole", "1", "models/whole", "code/whole.py"))
    assert sentence in str(empty_notebook.good("%models").outputs[0]["text/plain"])


def test_an_empty_registry_is_a_sentence(empty_notebook: Notebook) -> None:
    assert "%register" in empty_notebook.good("%models").text


def test_an_alias_is_set_asked_moved_and_deleted(
    serving: Notebook, deployment: RunningDeployment
) -> None:
    serving.good("%deploy good/1")
    assert serving.good("%alias good/1 champion").text == "good/champion is good/1.\n"
    eventually(lambda: serving.run('%predict good/champion {"n": [1]}').value == 1)
    said = serving.good("%alias good/2 champion").text.splitlines()
    assert said[0] == "good/champion is good/2, was 1."
    assert said[1].endswith(f"%deploy good/2 --to {CLUSTER}")
    assert serving.good('%predict good/champion {"n": [2]}').value == 2
    serving.good("%deploy good/champion")
    assert "champion" in rows(serving)["good/2"]
    assert "champion" not in rows(serving)["good/1"]

    def answered() -> bool:
        return bool(deployment.ask("good/champion", {"n": [1]}).json()["version"] == "2")

    eventually(answered)
    assert "move the alias first. %alias good/1" in serving.fails("%undeploy good/2", Conflict)
    serving.good("%undeploy good/1")
    assert "champion  2" in str(serving.good("%alias good").outputs[0]["text/plain"])
    serving.good("%undeploy good/2")
    assert open_registry().cluster(CLUSTER).connections("configmaps") == []
    assert serving.good("%alias good champion --delete").text == "good/champion is deleted.\n"
    assert "no alias" in serving.good("%alias good").text


def test_a_version_is_described_and_unregistered(
    serving: Notebook, deployment: RunningDeployment
) -> None:
    registry = open_registry()
    registry.register(ModelConfig("short", "1", "models/good", registry.model("good", "1").path))
    serving.good("%describe short/1 'without airports'")
    assert "without airports" in rows(serving)["short/1"]
    registry.connect(CLUSTER, "configmaps", "short-1")
    assert f"%undeploy short/1 --from {CLUSTER}" in serving.fails("%unregister short/1", Conflict)
    registry.disconnect(CLUSTER, "configmaps", "short-1")
    serving.good("%alias short/1 best")
    assert "has the alias best" in serving.fails("%unregister short/1", Conflict)
    serving.good("%alias short best --delete")
    said = serving.good("%unregister short/1").text
    assert said == "short/1 is not registered any more; its files are still at models/good.\n"
    serving.fails("%unregister short/1", ModelNotFound)
    serving.fails("%describe short/1 x", ModelNotFound)


def test_a_wrong_alias_is_told(serving: Notebook) -> None:
    serving.fails("%alias good/9 champion", ModelNotFound)
    assert "a letter first" in serving.fails("%alias good/1 7", InvalidModel)
    assert "lists those it has" in serving.fails("%alias good champion --delete", NotFound)
    for line in ("good/1", "good champion", "good/1 champion --delete", "good --delete"):
        assert "Give NAME/VERSION and ALIAS" in serving.fails(f"%alias {line}", BadOptions)


def test_rule_14_a_model_is_connected_seen_live_and_tried_with_its_example(
    serving: Notebook, deployment: RunningDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KD_PROJECT_REPO", str(deployment.repository))
    script = deployment.script("good.py", GOOD)
    register = f"%register tried --version 1 --path models/good --scoring {script}"
    serving.good(f"{register} --example '{{\"n\": [3, 4]}}'")
    serving.good("%deploy tried/1")
    assert "tried-1" in open_registry().cluster(CLUSTER).connections("configmaps")
    assert "Ready" in rows(serving)["tried/1"]
    assert serving.good("%predict tried/1").value == 7
    request = serving.good("%predict tried/1 --curl").text
    assert f"{deployment.url}/tried/1/predict" in request
    assert TOKEN not in request
    done = subprocess.run(
        ["sh", "-c", request],
        env={**os.environ, "TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["result"] == 7


def test_without_an_example_the_arguments_are_asked_for(serving: Notebook) -> None:
    assert "was registered without an example" in serving.fails("%predict good/1", BadOptions)


def test_a_description_breaks_no_table(serving: Notebook) -> None:
    described = "first\nsecond\t\x1b[2Jthird \u202egnisrever\u202c & <b>"
    open_registry().describe("old", "2", described)
    shown = serving.good("%models").outputs[0]
    (row,) = [line for line in shown["text/plain"].splitlines() if "first" in line]
    assert "first second [2Jthird gnisrever & <b>" in row
    assert row.startswith("old")
    assert "first second [2Jthird gnisrever &amp; &lt;b&gt;</td>" in shown["text/html"]
    open_registry().describe("old", "2", "a model")


def test_a_configmap_that_is_deleted_while_it_is_deployed_is_told(serving: Notebook) -> None:
    registry = open_registry()
    gone = ModelConfig("gone", "1", "models/good", "code/good.py")
    registry.register(gone)
    serving.good("%deploy gone/1")
    registry.delete_model("gone", "1")
    for line in ("%models", "%deployments"):
        shown = serving.good(line)
        text = shown.outputs[0]["text/plain"] if shown.outputs else shown.text
        assert f"{CLUSTER} is connected to gone-1, which no ConfigMap of a model is any" in text
        assert "take it off with %undeploy NAME/VERSION." in text
    serving.good("%undeploy gone/1")
    assert "gone-1" not in serving.good("%models").outputs[0]["text/plain"]
