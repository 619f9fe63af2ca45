"""`kd doctor` on a pipeline that runs, and on one of which each part is broken in turn."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kd_engines.local.running_home import TRAINING, RunningHome
from tests.kd_engines.running_server import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHome]:
    """Return a home that runs."""
    home = RunningHome(tmp_path_factory.mktemp("kd") / "home")
    home.environment["KUBECONFIG"] = str(home.path / "none")
    home.up()
    yield home
    home.kd("down")


def test_what_is_well_is_told_and_no_token(home: RunningHome) -> None:
    done = home.kd("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ok    training cluster {TRAINING}: http://127.0.0.1:" in done.stdout
    assert f"ok    registry: folder, {home.manifests}" in done.stdout
    assert f"ok    project repository: {home.repository}" in done.stdout
    assert not [token for token in home.secrets() if token in done.stdout]


def test_what_is_wrong_is_told_with_what_to_do(home: RunningHome) -> None:
    record = home.folder(TRAINING) / "configmeta.json"
    whole = record.read_text()
    token = next(token for token in home.secrets() if token in whole)
    record.write_text(whole.replace(token, "0" * 32))
    eventually(lambda: "does not accept the token of configmeta.json" in home.kd("doctor").stdout)
    assert "connect it again" in home.kd("doctor").stdout
    record.write_text(whole)
    eventually(lambda: home.kd("doctor").returncode == 0)
    (home.manifests / "kdcluster-broken.yaml").write_text("spec: [")
    assert "kdcluster-broken.yaml is no readable YAML" in home.kd("doctor").stdout
    (home.manifests / "kdcluster-broken.yaml").unlink()
    home.kd("down")
    shown = home.kd("doctor").stdout
    assert "does not answer (ConnectionError)" in shown
    assert "see `kd status`" in shown


def test_where_nothing_is_it_says_how_to_begin(tmp_path: Path) -> None:
    environment = {"KD_HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none"), "PATH": ""}
    command = [sys.executable, "-m", "kd_engines", "doctor"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Start `kd up`, or set KD_CONFIGMETA." in done.stdout
    assert done.stderr == ""
