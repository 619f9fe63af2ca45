"""``kd export --apply`` on an API server that KubeDirector sees to, and a tenant's way back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kd_engines.local import applying
from kd_engines.local.exchange import in_order, read_stream
from kd_pipeline.cluster_status import state_of
from kd_pipeline.errors import InvalidManifest, Unavailable
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import FolderRegistry
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, TRAINING, RunningHome
from tests.kd_engines.running_server import eventually
from tests.kubedirector.operator import Operator, running_cluster
from tests.kubedirector.pods import running_pods
from tests.kubedirector.rules import READ_ONLY
from tests.real_api_server import ApiServer
from tests.shipped import lay_out, manifests, new_tenant

KINDS = "configmaps,kdapp,kdcluster"
HALF = """
def load(path):
    return float(open(path).read())
def predict(model, args):
    return model * args["miles"]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Operator]]:
    with running_cluster(tmp_path_factory.mktemp("kubernetes"), race=0.1) as cluster:
        yield cluster
        assert {*cluster[1].admission.refused} <= {READ_ONLY}
        assert cluster[1].panics == 0


@pytest.fixture
def home(cluster: tuple[ApiServer, Operator], tmp_path: Path) -> RunningHome:
    """Return a home with a deployed model, and a kubeconfig beside it."""
    home = RunningHome(tmp_path / "home", deployment=True)
    for path, text in (("models/half/1", "0.5"), ("code/half.py", HALF)):
        (home.repository / path).parent.mkdir(parents=True, exist_ok=True)
        (home.repository / path).write_text(text)
    model = ModelConfig("half", "1", "models/half/1", "code/half.py")
    registry = FolderRegistry(home.manifests)
    registry.register(model)
    registry.connect(DEPLOYMENT, "configmaps", "half-1")
    home.environment["KUBECONFIG"] = str(cluster[0].kubeconfig(tmp_path / "kubeconfig"))
    return home


def states(registry: ApiServerRegistry) -> dict[str, str]:
    return {cluster.name: state_of(cluster.manifest) for cluster in registry.clusters()}


@pytest.mark.slow
def test_all_of_a_home_runs_in_a_cluster(
    cluster: tuple[ApiServer, Operator], home: RunningHome
) -> None:
    server, _ = cluster
    registry = ApiServerRegistry(server.client(), new_tenant(server))
    line = ("export", "--apply", "--namespace", registry.namespace)
    done = home.kd(*line)
    assert done.returncode == 0, done.stderr
    assert states(registry) == dict.fromkeys((DEPLOYMENT, NOTEBOOK, TRAINING), "configured")
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == ["half-1"]
    said = done.stdout.splitlines()
    assert "KubeDirectorApp deployment-engine: unchanged" in said  # an administrator's
    made = [line.split()[1] for line in said if line.startswith("KubeDirectorCluster")]
    assert made[-1] == f"{NOTEBOOK}:"
    assert "Copy models/half/1" in done.stderr

    again = home.kd(*line)
    assert (again.returncode, ": written" in again.stdout) == (0, False)
    registry.describe("half", "1", "by another hand")
    registry.connect(DEPLOYMENT, "configmaps", "another-1")
    refused = home.kd(*line)
    assert refused.returncode == 1
    assert f"2 of the manifests are in namespace {registry.namespace} of https" in refused.stderr
    assert "nothing was written. --replace overwrites them." in refused.stderr
    assert registry.model("half", "1").description == "by another hand"
    assert home.kd(*line, "--replace").returncode == 0
    assert registry.cluster(DEPLOYMENT).connections("configmaps") == ["half-1"]
    assert states(registry)[DEPLOYMENT] == "configured"


@pytest.mark.slow
def test_a_kdcluster_that_is_never_configured_is_told(
    cluster: tuple[ApiServer, Operator], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = cluster
    registry = ApiServerRegistry(server.client(), new_tenant(server))
    told: list[str] = []
    monkeypatch.setattr(applying, "CONFIGURED_WITHIN_S", 1.0)
    monkeypatch.setattr(applying, "state_of", lambda manifest: "creating")
    with pytest.raises(Unavailable, match=r"is creating after 1 s\. +What was written stays"):
        applying.apply(registry, manifests(), replace=False, tell=told.append)
    assert told[-1].startswith("waiting for ")
    assert told[-1].endswith(": creating")


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_live_tenant_is_brought_up_again_elsewhere_and_predicts(
    cluster: tuple[ApiServer, Operator], home: RunningHome, tmp_path: Path
) -> None:
    """By way of one machine: nothing of KubeDirector's own marks gets there."""
    server, operator = cluster
    live = ApiServerRegistry(server.client(), new_tenant(server))
    lay_out(server, live.namespace)
    live.register(ModelConfig("half", "1", "models/half/1", "code/half.py"))
    live.connect(DEPLOYMENT, "configmaps", "half-1")
    exported = server.kubectl("-n", live.namespace, "get", KINDS, "-o", "yaml").stdout
    assert "kubedirector.hpe.com/status-backup-exists" in exported
    (tmp_path / "live.yaml").write_text(exported)
    server.kubectl("delete", "kdcluster", "--all", "--all-namespaces")  # only the new one runs
    for path in home.manifests.iterdir():
        path.unlink()
    done = home.kd("import", str(tmp_path / "live.yaml"))
    assert "7 written" in done.stdout, done.stderr

    anew = ApiServerRegistry(server.client(), new_tenant(server))
    with running_pods(operator, anew, tmp_path / "pods", home.repository) as containers:
        done = home.kd("export", "--apply", "--namespace", anew.namespace)
        assert done.returncode == 0, done.stderr
        assert states(anew) == dict.fromkeys((DEPLOYMENT, NOTEBOOK, TRAINING), "configured")
        assert anew.model("half", "1") == live.model("half", "1")
        (balancer,) = containers.of(DEPLOYMENT, "LoadBalancer")
        assert eventually(lambda: balancer.predict("half/1", miles=7).get("result"), 60) == 3.5


def test_a_file_has_the_notebook_last_and_says_what_to_wait_for(home: RunningHome) -> None:
    done = home.kd("export")
    made = [m for m in yaml.safe_load_all(done.stdout) if m["kind"] == "KubeDirectorCluster"]
    assert [m["metadata"]["name"] for m in made] == [DEPLOYMENT, TRAINING, NOTEBOOK]
    waits = f"Apply kdcluster {NOTEBOOK} when {DEPLOYMENT}, {TRAINING} are configured"
    assert waits in done.stderr
    assert home.kd("export", "--apply", "--from-cluster").returncode == 1


def test_kdclusters_in_a_circle_are_told() -> None:
    text = "\n---\n".join(
        f"{{kind: KubeDirectorCluster, metadata: {{name: {one}}}, "
        f"spec: {{app: x, connections: {{clusters: [{other}]}}}}}}"
        for one, other in (("a", "b"), ("b", "a"))
    )
    with pytest.raises(InvalidManifest, match="kdclusters a, b are connected to each other in a"):
        in_order(read_stream(text.encode()))
