"""`kd doctor` on a pipeline that runs, and on one of which each part is broken in turn."""

import base64
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from kd_engines.doctor import compared
from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, TRAINING, RunningHome
from tests.kubedirector.operator import running_cluster
from tests.real_api_server import ApiServer
from tests.shipped import new_tenant

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHome]:
    """Return a home that runs."""
    home = RunningHome(tmp_path_factory.mktemp("kd") / "home", deployment=True)
    home.environment["KUBECONFIG"] = os.devnull
    home.up()
    yield home
    home.kd("down")


def test_what_is_well_is_told_and_no_token(home: RunningHome) -> None:
    done = home.kd("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ok    training cluster {TRAINING}: http://127.0.0.1:" in done.stdout
    versions = f"kd-magics {version('kd-magics')}, Python {platform.python_version()}"
    for engine in (f"training cluster {TRAINING}", f"deployment cluster {DEPLOYMENT}"):
        assert done.stdout.count(f"ok    versions of {engine}: {versions}\n") == 1
    assert "configmeta.json, written " in done.stdout
    assert " seconds ago with the tokens of then, connects 2 clusters" in done.stdout
    assert f"ok    registry: folder, {home.manifests}" in done.stdout
    assert f"ok    project repository: {home.repository}" in done.stdout
    assert not [token for token in home.secrets() if token in done.stdout]


def test_what_is_wrong_is_told_with_what_to_do(home: RunningHome) -> None:
    token = home.connections().cluster(TRAINING).api_endpoints()[0].token
    stale = home.path / "stale.json"
    stale.write_text(
        (home.folder(NOTEBOOK) / "configmeta.json").read_text().replace(token, "0" * 32)
    )
    home.environment |= {"KD_CONFIGMETA": str(stale), "KD_REGISTRY": str(home.manifests)}
    shown = home.kd("doctor").stdout
    assert "does not accept the token of configmeta.json" in shown
    assert "connect it again" in shown
    for name in ("KD_CONFIGMETA", "KD_REGISTRY"):
        del home.environment[name]
    assert home.kd("doctor").returncode == 0
    (home.manifests / "kdcluster-broken.yaml").write_text("spec: [")
    bare = {"name": "taxi", "model-version": "1", "path": "p", "scoring-path": "s"}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bare"}, "data": bare}
    (home.manifests / "bare.yaml").write_text(json.dumps(manifest))
    shown = home.kd("doctor").stdout
    assert "kdcluster-broken.yaml is not readable YAML" in shown
    assert "ConfigMap 'bare' looks like a model but lacks the label" in shown
    (home.manifests / "kdcluster-broken.yaml").unlink()
    home.kd("down")
    shown = home.kd("doctor").stdout
    assert "does not answer (ConnectionError)" in shown
    assert "see `kd status`" in shown


def test_an_engine_of_another_version_is_told(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "kd_magics-0.0.7.dist-info" / "METADATA"
    package.parent.mkdir(parents=True)
    package.write_text("Metadata-Version: 2.1\nName: kd-magics\nVersion: 0.0.7\n")
    home = RunningHome(tmp_path / "home")
    home.environment |= {
        "KUBECONFIG": os.devnull,
        "PYTHONPATH": str(package.parents[1]),
    }
    try:
        home.up()
        del home.environment["PYTHONPATH"]
        done = home.kd("doctor")
    finally:
        home.kd("down")
    assert done.returncode == 1
    here = f"Python {platform.python_version()}; here is kd-magics {version('kd-magics')}\n"
    assert f"wrong versions of training cluster {TRAINING}: kd-magics 0.0.7, {here}" in done.stdout
    assert "→ Give both one version" in done.stdout


@pytest.mark.parametrize(
    ("python", "words"), [("3.10.9", "here is Python 3."), ("4.11.2", "here is Python 3.")]
)
def test_another_python_is_told(python: str, words: str) -> None:
    finding = compared("versions of it", python, version("kd-magics"))
    assert f"Python {python}; {words}" in finding.seen
    assert "pickled" in (finding.fix or "")
    major, minor, _ = platform.python_version_tuple()
    assert compared("it", f"{major}.{minor}.999", version("kd-magics")).fix is None


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Run an API server with the tenant's role, whose users are ana (of its group) and bob."""
    users = {"of-ana": ("ana", "data-scientists"), "of-bob": ("bob", "others")}
    with running_cluster(tmp_path_factory.mktemp("kubernetes"), users) as (server, _):
        assert new_tenant(server) == "tenant1"
        yield server


def doctor_on(cluster: ApiServer, folder: Path, token: str) -> tuple[int, str]:
    """Return the exit code of `kd doctor` with a kubeconfig, and what it printed."""
    environment = {
        "KD_HOME": str(folder),
        "KD_REGISTRY": "kubernetes",
        "KUBECONFIG": str(cluster.kubeconfig(folder / "config", token, "tenant1")),
        "PATH": "",
    }
    command = [sys.executable, "-m", "kd_engines", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert token not in done.stdout
    return done.returncode, done.stdout


def test_on_a_cluster_it_tells_namespace_permissions_and_models(
    cluster: ApiServer, tmp_path: Path
) -> None:
    registry = ApiServerRegistry(cluster.client(), "tenant1")
    registry.register(ModelConfig("taxi", "1", "models/taxi/1", "code/score.py"))
    cluster.kubectl("-n", "tenant1", "create", "configmap", "bare", "--from-literal=scoring-path=s")
    _, shown = doctor_on(cluster, tmp_path, "of-ana")
    assert f"ok    registry: kubernetes, namespace tenant1 of {cluster.url}\n" in shown
    assert "ok    permissions: all that the magics need\n" in shown
    assert "ok    models: 1 registered\n" in shown
    assert (
        "wrong ConfigMap bare: cannot be used\n      → ConfigMap 'bare' looks like a model" in shown
    )


def test_on_a_cluster_it_tells_what_is_forbidden_and_whom_to_ask(
    cluster: ApiServer, tmp_path: Path
) -> None:
    code, shown = doctor_on(cluster, tmp_path, "of-bob")
    assert code == 1
    assert "wrong permissions: you may not get configmaps, list configmaps, " in shown
    assert "→ Ask the administrator for the Role of deploy/rbac.yaml." in shown
    assert "You may not list configmaps in namespace tenant1; ask the admin" in shown


def test_on_a_cluster_it_tells_of_expired_credentials(cluster: ApiServer, tmp_path: Path) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1600000000}').decode().rstrip("=")
    code, shown = doctor_on(cluster, tmp_path, f"head.{claims}.signature")
    assert code == 1
    assert "wrong credentials: expired 2020-09-13 12:26 UTC\n      → Log in to the" in shown


def test_where_nothing_is_it_says_how_to_begin(tmp_path: Path) -> None:
    environment = {"KD_HOME": str(tmp_path), "KUBECONFIG": os.devnull, "PATH": ""}
    command = [sys.executable, "-m", "kd_engines", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Start `kd up`, or set KD_CONFIGMETA." in done.stdout
    assert done.stderr == ""
