"""docs/from-2020.md: its rows name tests that exist, and its commands do what it says they do."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_pipeline.model_config import ModelConfig
from kd_pipeline.registry import FolderRegistry
from kd_pipeline.registry.api_server import ApiServerRegistry
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, TRAINING, RunningHome
from tests.kd_magics.running_notebook import Notebook
from tests.kubedirector.operator import Operator, running_cluster
from tests.real_api_server import ApiServer
from tests.shipped import lay_out, new_tenant
from tests.test_pains import defined

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TEXT = (Path(__file__).resolve().parents[1] / "docs" / "from-2020.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))
SCORE = """
import json, sys
with open("/bd-fs-mnt/project_repo/models/Taxi_Duration/1") as file:
    per_mile = float(file.read())
print(per_mile * json.loads(sys.argv[1])["miles"])
"""
TAXI = ModelConfig(
    "Taxi_Duration",
    "1",
    "repo://project_repo/models/Taxi_Duration/1",
    "repo://project_repo/code/score.py",
)
READS = "[open(place).read() for place in ('/bd-fs-mnt/trips/2020.csv', 's3://bucket/2020.csv')]"
READ = ["the trips", "of the bucket"]
SCORE_PLACES = f"def predict(model, args):\n    return {READS}"


def commands(section: str) -> list[str]:
    """Return the lines of a section's shell blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", SECTIONS[section], re.S)
    return [line for block in blocks for line in block.splitlines()]


def test_each_piece_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \|(.*)\|$", SECTIONS["What runs as it is"], re.M | re.I)[1:]
    assert len(rows) == 12
    for piece, row in rows:
        named = set(re.findall(r"`(test_\w+)`", row.rpartition("|")[2]))
        assert named, piece
        assert named <= defined(), piece


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ApiServer, Operator]]:
    with running_cluster(tmp_path_factory.mktemp("kubernetes")) as cluster:
        yield cluster


@pytest.fixture
def tenant(cluster: tuple[ApiServer, Operator], tmp_path: Path) -> Path:
    """Return the kubeconfig of a tenant that serves a model."""
    server, _ = cluster
    name = new_tenant(server)
    lay_out(server, name)
    registry = ApiServerRegistry(server.client(), name)
    registry.register(TAXI)
    registry.connect(DEPLOYMENT, "configmaps", TAXI.configmap_name)
    config = server.kubeconfig(tmp_path / "kubeconfig")
    server.kubectl("config", "set-context", "--current", f"--namespace={name}", kubeconfig=config)
    return config


def test_a_tenant_moves_to_one_machine(
    cluster: tuple[ApiServer, Operator], tenant: Path, tmp_path: Path
) -> None:
    server, _ = cluster
    home = tmp_path / "home"
    state = home / ".kd-magics"
    pod = tmp_path / "pod"  # its mounted project repository: there is no kubelet here
    for folder in ("models/Taxi_Duration", "code", "data", "misc"):
        (pod / folder).mkdir(parents=True)
    (pod / "models" / "Taxi_Duration" / "1").write_text("2.5")
    (pod / "code" / "score.py").write_text(SCORE)
    home.mkdir()
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("KD_")},
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    said = {}
    try:
        for line in commands("Move a tenant to one machine"):
            if line.startswith("kubectl cp "):
                shutil.copytree(pod, state / "project_repo", dirs_exist_ok=True)
            elif line.startswith("kubectl "):
                words, _, file = line.removeprefix("kubectl ").partition(" > ")
                done = server.kubectl(*words.split(), kubeconfig=tenant)
                (home / file).write_text(done.stdout)
            else:
                ran = subprocess.run(
                    ["sh", "-c", line],
                    cwd=home,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
                assert ran.returncode == 0, (line, ran.stdout, ran.stderr)
                said[line] = ran.stdout
    finally:
        subprocess.run(["kd", "down"], env=environment, timeout=90, check=True)
    assert "no LoadBalancer: it has one engine" in said["kd status"]
    assert "Taxi_Duration" in said["kd models"]
    (predicted,) = (out for line, out in said.items() if line.startswith("kd predict"))
    assert predicted == "7.5\n"


def test_a_tenant_moves_to_these_images(
    cluster: tuple[ApiServer, Operator], tenant: Path, tmp_path: Path
) -> None:
    server, operator = cluster
    shutil.copytree(
        Path(__file__).resolve().parents[1] / "kd_engines" / "local" / "manifests",
        tmp_path / "my-tenant" / "manifests",
    )
    for line in commands("Move a tenant to this project's images"):
        words = [
            str(tmp_path / word) if word.startswith("my-tenant/") else word
            for word in line.removeprefix("kubectl ").split()
        ]
        server.kubectl(*words, kubeconfig=tenant)
    found = server.kubectl("get", "kdcluster,configmap", "-o", "name", kubeconfig=tenant).stdout
    assert {line.partition("/")[2] for line in found.split()} >= {
        *(TRAINING, DEPLOYMENT, NOTEBOOK),
        TAXI.configmap_name,
    }
    assert (operator.errors, operator.panics) == ([], 0)


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Open a notebook whose project repository has other mounts and buckets, as documented."""
    home = RunningHome(tmp_path / "home", deployment=True)
    (tmp_path / "trips").mkdir()
    (tmp_path / "trips" / "2020.csv").write_text(READ[0])
    home.up()
    for line in commands("Where its places are"):
        line = line.replace("~/.kd-magics", str(home.path)).replace("~", str(tmp_path))
        subprocess.run(["sh", "-c", line], check=True)
    (home.repository / "s3" / "bucket").mkdir(parents=True)
    (home.repository / "s3" / "bucket" / "2020.csv").write_text(READ[1])
    notebook = Notebook(home.surround(monkeypatch))
    notebook.good("%load_ext kd_magics")
    yield notebook
    notebook.close()
    home.kd("down")


def test_places_of_a_tenant_are_found_by_cells_jobs_and_scoring_scripts(
    notebook: Notebook, tmp_path: Path
) -> None:
    assert notebook.good(READS).value == READ
    assert notebook.good("x = !cat /bd-fs-mnt/trips/2020.csv\nlist(x)").value == READ[:1]
    shown = notebook.good(f"%%trainingengineinstance --wait\nprint({READS})")
    assert str(READ) in shown.text
    # What is sent is the cell as it was written.
    repository = tmp_path / "home" / "project_repo"
    code = (repository / "misc" / TRAINING / "jobs" / "1" / "code.py").read_text()
    assert code.strip() == f"print({READS})"
    (repository / "models" / "places").write_text("none")
    (repository / "code" / "places.py").write_text(SCORE_PLACES)
    notebook.good("%register places --version 1 --path models/places --scoring code/places.py")
    notebook.good("%deploy places/1")
    assert notebook.good("%predict places/1 {}").value == READ
    (model,) = FolderRegistry(tmp_path / "home" / "manifests").models()
    assert json.dumps(model.extra).count(str(tmp_path)) == 0
