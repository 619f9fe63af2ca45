"""A pipeline goes from one machine to a cluster and back, and runs there."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from kd_engines.local.exchange import exported, import_into, read_stream
from kd_pipeline.clusters import CLUSTER_KIND
from kd_pipeline.errors import Conflict, InvalidManifest, TooLarge
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import FolderRegistry
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, RunningHome
from tests.kd_engines.running_server import eventually
from tests.real_api_server import ApiServer
from tests.shipped import new_tenant

MOUNT = "/bd-fs-mnt/project_repo"
HALF = (
    "def load(path): return float(open(path).read())\ndef predict(model, args): return model * 2\n"
)


@pytest.fixture
def home(tmp_path: Path) -> RunningHome:
    """Return a home with a model whose paths are this machine's."""
    home = RunningHome(tmp_path / "home", deployment=True)
    for path, text in (("models/half/1", "0.5"), ("code/half.py", HALF)):
        (home.repository / path).parent.mkdir(parents=True, exist_ok=True)
        (home.repository / path).write_text(text)
    model, script = home.repository / "models/half/1", home.repository / "code/half.py"
    FolderRegistry(home.manifests).register(ModelConfig("half", "1", str(model), str(script)))
    home.edit(DEPLOYMENT, lambda spec: spec.update(connections={"configmaps": ["half-1"]}))
    return home


def export(home: RunningHome) -> tuple[dict[str, Any], list[str]]:
    manifests, notes = exported(FolderRegistry(home.manifests), home.repository, None)
    return {f"{m['kind']}/{m['metadata']['name']}": m for m in manifests}, notes


def test_paths_become_those_of_pods_and_files_are_named(home: RunningHome) -> None:
    manifests, notes = export(home)
    data = manifests["ConfigMap/half-1"]["data"]
    assert data["path"] == f"{MOUNT}/models/half/1"
    assert data["scoring-path"] == f"{MOUNT}/code/half.py"
    assert "Copy models/half/1 to the cluster's project repository." in notes
    assert len(manifests) == 7


def test_secrets_stay_at_home(home: RunningHome) -> None:
    secret = {"kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"a": "hunter2"}}
    (home.manifests / "secret.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", **secret}))
    env = [{"name": "JUPYTER_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "fast"}]
    home.edit(NOTEBOOK, lambda spec: spec["roles"][0].update(env=env))
    done = home.kd("export")
    assert done.returncode == 0, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "fast" in done.stdout
    assert "Secret 'keys' is left out" in done.stderr
    assert "JUPYTER_PASSWORD of jupyter-notebook/controller is left out" in done.stderr


def test_a_path_outside_is_told(home: RunningHome) -> None:
    model = ModelConfig("far", "1", "/elsewhere/model", "repo://project_repo/code/half.py")
    FolderRegistry(home.manifests).register(model)
    done = home.kd("export")
    assert done.returncode == 1
    assert "path of ConfigMap 'far-1' is '/elsewhere/model'" in done.stderr


def test_there_and_back_is_the_same(home: RunningHome, tmp_path: Path) -> None:
    stream = tmp_path / "pipeline.yaml"
    assert home.kd("export", "--namespace", "data-science", "-o", str(stream)).returncode == 0
    assert all(m["metadata"]["namespace"] for m in yaml.safe_load_all(stream.read_text()))
    other = RunningHome(tmp_path / "other")
    for path in other.manifests.iterdir():
        path.unlink()
    assert "7 written" in other.kd("import", str(stream)).stdout
    assert "0 written" in other.kd("import", str(stream)).stdout
    assert export(other)[0] == export(home)[0]


def test_what_differs_is_not_overwritten_unasked(home: RunningHome) -> None:
    registry = FolderRegistry(home.manifests)
    manifests, _ = exported(registry, home.repository, None)
    before = registry.generation()
    with pytest.raises(Conflict, match=r"ConfigMap 'half-1'.*nothing was written"):
        import_into(registry, manifests, replace=False)
    assert registry.generation() == before
    assert import_into(registry, manifests, replace=True) == (1, 6)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{{{", "The file is not valid YAML"),
        ("", "has no manifest"),
        ("[1, 2]", "'None' cannot be imported"),
        ("{kind: Secret, metadata: {name: a}}", "make the Secret by hand"),
        ("{kind: Deployment, metadata: {name: a}}", "'Deployment' cannot be imported"),
        ("{kind: ConfigMap}", "A ConfigMap has the name 'None'"),
        ("{kind: ConfigMap, metadata: {name: ../../etc/x}}", "has the name '../../etc/x'"),
        ("{kind: ConfigMap, metadata: {name: a}}\n---\n" * 2, "is in the file twice"),
        ("{kind: KubeDirectorCluster, metadata: {name: a}}", "'a' has no spec"),
        ("{kind: KubeDirectorCluster, metadata: {name: a}, spec: {app: b, roles: 3}}", "shape"),
        (
            "{kind: ConfigMap, metadata: {name: a, labels: {kubedirector.hpe.com/cmType: model}}}",
            "lacks name, model-version, path",
        ),
    ],
)
def test_bad_files_are_told_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InvalidManifest) as error:
        read_stream(text.encode())
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


def test_a_huge_file_is_told() -> None:
    with pytest.raises(TooLarge, match="16,777,216 are the limit"):
        read_stream(b"#" * 17_000_000)


NUMBERS = ("08", "1e3", "0340914", "1_000", "12:30", "0x1F", "y", "1E6", "2e0")


@pytest.mark.slow
def test_what_looks_like_a_number_is_text_to_kubectl(api_server: ApiServer, tmp_path: Path) -> None:
    home, stream = RunningHome(tmp_path / "home"), tmp_path / "pipeline.yaml"
    registry = FolderRegistry(home.manifests)
    for version in (v for v in NUMBERS if ":" not in v):
        path, script = "repo://project_repo/models/num", "repo://project_repo/code/num.py"
        model = ModelConfig("num", version, path, script, description=f"{version}")
        registry.register(model)
    others = {**{f"k{n}": text for n, text in enumerate(NUMBERS)}, "taxi": "Taxi 🚕"}
    emoji = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "others"}}
    (home.manifests / "emoji.json").write_text(json.dumps({**emoji, "data": others}))
    (home.manifests / "by-hand.yaml").write_text(
        "kind: ConfigMap\napiVersion: v1\nmetadata: {name: by-hand, labels: {a: 1, b: true}}\n"
        "data: {whole: 5, half: .5, on: yes, nothing: null}\n"
    )
    (home.manifests / "unreadable.yaml").write_text("a: [")
    done = home.kd("export", "-o", str(stream))
    assert done.returncode == 0, done.stderr
    assert "unreadable.yaml is not readable YAML" in done.stderr  # and hides no other
    namespace = new_tenant(api_server)
    maps = tmp_path / "maps.yaml"
    manifests = stream.read_text().split("---\n")
    maps.write_text("---\n".join(text for text in manifests if "kind: ConfigMap" in text))
    api_server.kubectl("-n", namespace, "apply", "-f", str(maps))
    answer = api_server.kubectl("-n", namespace, "get", "configmaps", "-o", "json").stdout
    found = {item["metadata"]["name"]: item["data"] for item in json.loads(answer)["items"]}
    versions = {data.get("model-version") for data in found.values()} - {None}
    assert versions == {v for v in NUMBERS if ":" not in v}
    assert found["others"] == others
    assert found["by-hand"] == {"whole": "5", "half": "0.5", "true": "true", "nothing": ""}


@pytest.mark.slow
def test_by_way_of_a_cluster_to_another_machine_where_it_predicts(
    home: RunningHome, api_server: ApiServer, tmp_path: Path
) -> None:
    namespace = new_tenant(api_server)
    stream, back = tmp_path / "pipeline.yaml", tmp_path / "back.yaml"
    assert home.kd("export", "-o", str(stream)).returncode == 0
    api_server.kubectl("-n", namespace, "apply", "-f", str(stream))
    # As a cluster's controllers do, where there are any.
    ca = ("create", "configmap", "kube-root-ca.crt", "--from-literal=ca.crt=theirs")
    api_server.kubectl("-n", namespace, *ca, check=False)
    kinds = "configmaps,kdapp,kdcluster"
    back.write_text(api_server.kubectl("-n", namespace, "get", kinds, "-o", "yaml").stdout)
    home.environment["KUBECONFIG"] = str(
        api_server.kubeconfig(tmp_path / "kubeconfig", namespace=namespace)
    )
    home.environment["KD_REGISTRY"] = "kubernetes"
    of_cluster = list(yaml.safe_load_all(home.kd("export", "--from-cluster").stdout))
    for manifest in of_cluster:
        if manifest["kind"] == CLUSTER_KIND:
            assert manifest["spec"].pop("namingScheme") == "UID"  # KubeDirector's webhook's
    assert of_cluster == list(yaml.safe_load_all(stream.read_text()))

    other = RunningHome(tmp_path / "other")
    for path in other.manifests.iterdir():
        path.unlink()
    done = other.kd("import", str(back))
    assert "7 written" in done.stdout, done.stderr
    for path in ("models/half/1", "code/half.py"):
        (other.repository / path).parent.mkdir(parents=True, exist_ok=True)
        (other.repository / path).write_text((home.repository / path).read_text())
    other.up()
    try:
        endpoint = other.connections().cluster(DEPLOYMENT).api_endpoints()[0]

        def predicted() -> Any:
            answer = requests.post(
                f"{endpoint.url}/half/1/predict",
                json={"scoring_args": {}},
                headers={"X-Auth-Token": endpoint.token},
                timeout=10,
            )
            return answer.json().get("result")

        assert eventually(predicted) == 1.0
    finally:
        other.kd("down")
