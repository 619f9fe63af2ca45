"""A real MLflow server that wants a password, and a real S3 server, as docs/from-2020.md says."""

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from kd_client.errors import EngineDown
from kd_pipeline.errors import NotFound
from tests.free_port import free_port
from tests.kd_engines.local.running_home import NOTEBOOK, RunningHome
from tests.kd_engines.running_server import eventually
from tests.kd_magics.running_notebook import Notebook
from tests.test_from_2020 import SECTIONS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
BIN = Path(__file__).resolve().parents[1] / ".venv" / "mlflow" / "bin"
USER, PASSWORD, KEY = "admin", secrets.token_hex(12), secrets.token_hex(16)
LOG = """
import mlflow
with mlflow.start_run(run_name={name!r}) as run:
    mlflow.log_metric("rmse", 4.5)
    mlflow.log_text("of {name}", "note.txt")
print("artifacts:", run.info.artifact_uri)
"""


def started(command: list[str], url: str, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start a server and wait until it answers."""
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=log.parent,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def answers() -> bool:
        assert server.poll() is None, log.read_text()[-3000:]
        try:
            return requests.get(url, timeout=2).status_code < 500
        except requests.RequestException:
            return False

    eventually(answers, 90)
    return server


def ended(server: subprocess.Popen[bytes]) -> None:
    """End a server and what it has started."""
    os.killpg(server.pid, 15)
    server.wait(30)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run an S3 server with a bucket; return its URL."""
    assert BIN.exists(), "make .venv/mlflow/ready sets up the environment of this test"
    url = f"http://127.0.0.1:{free_port()}"
    port = url.rpartition(":")[2]
    log = tmp_path_factory.mktemp("s3") / "log"
    server = started([str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", port], url, log)
    requests.put(f"{url}/runs", timeout=10).raise_for_status()
    yield url
    ended(server)


@pytest.fixture(scope="module")
def tracking(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run MLflow with a password, whose artifacts clients put into the S3 server."""
    folder = tmp_path_factory.mktemp("mlflow")
    (folder / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder}/auth.db\n"
        f"admin_username = {USER}\nadmin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    url = f"http://127.0.0.1:{free_port()}"
    command = [
        *(str(BIN / "mlflow"), "server", "--app-name", "basic-auth", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", url.rpartition(":")[2]),
        *("--backend-store-uri", f"sqlite:///{folder}/runs.db"),
        *("--default-artifact-root", "s3://runs/all", "--no-serve-artifacts"),
    ]
    server = started(
        command,
        f"{url}/health",
        folder / "log",
        MLFLOW_AUTH_CONFIG_PATH=str(folder / "auth.ini"),
        MLFLOW_FLASK_SERVER_SECRET_KEY=secrets.token_hex(16),
        PATH=f"{BIN}:{os.environ['PATH']}",
    )
    yield url
    ended(server)


@pytest.fixture
def home(tracking: str, store: str, tmp_path: Path) -> Iterator[RunningHome]:
    """Run engines that the documented kdcluster and secret of MLflow are connected to."""
    home = RunningHome(tmp_path / "home")
    (block,) = re.findall(r"```yaml\n(.*?)```", SECTIONS["MLflow"], re.S)
    app, cluster, secret = yaml.safe_load_all(block)
    cluster["metadata"]["annotations"] = {
        "kd-magics/endpoint.mlflow-server": tracking,
        "kd-magics/endpoint.minio-server": store,
    }
    secret["stringData"] |= {
        "AWS_SECRET_ACCESS_KEY": KEY,
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    }
    (home.manifests / "mlflow.yaml").write_text(yaml.safe_dump_all([app, cluster, secret]))

    def connect(spec: dict[str, dict[str, list[str]]]) -> None:
        spec["connections"]["clusters"].append(cluster["metadata"]["name"])
        spec["connections"]["secrets"] = [secret["metadata"]["name"]]

    home.edit(NOTEBOOK, connect)
    home.up()
    yield home
    home.kd("down")


@pytest.fixture
def notebook(home: RunningHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_S3_ENDPOINT_URL"):
        monkeypatch.setenv(name, "")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "")
    notebook = Notebook(home.surround(monkeypatch))
    notebook.good("%load_ext kd_magics")
    yield notebook
    notebook.close()
    told = [shown.everything for shown in notebook.shown]
    assert not [text for text in told if PASSWORD in text or KEY in text]


def in_the_kernels_environment(code: str) -> str:
    """Return what code prints that has MLflow, and what the kernel has in its environment."""
    done = subprocess.run(
        [str(BIN / "python"), "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_notebook_and_jobs_log_to_a_real_mlflow_and_its_object_store(
    home: RunningHome, notebook: Notebook, tracking: str, store: str
) -> None:
    assert home.kd("status").stdout.count("note: mlflow") == 0
    cells = re.findall(r"```\n(%loadMlflow.*?)\n```", SECTIONS["MLflow"], re.S)[0].splitlines()
    said = [notebook.good(cell).text for cell in cells]
    assert said[0].startswith("Backend configured\n")
    assert said[1] == "Experiment: demoexp, which is new.\n"
    assert "artifacts: s3://runs/all/" in in_the_kernels_environment(LOG.format(name="notebook"))
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = in_the_kernels_environment(where).strip()
    cell = f"%%trainingengineinstance --wait --no-preflight --env PYTHONPATH={packages}\n"
    assert "artifacts: s3://runs/all/" in notebook.good(cell + LOG.format(name="job")).text
    api = f"{tracking}/api/2.0/mlflow"
    runs = requests.post(
        f"{api}/runs/search", json={"experiment_ids": ["1"]}, auth=(USER, PASSWORD), timeout=30
    ).json()["runs"]
    assert {run["info"]["run_name"] for run in runs} == {"notebook", "job"}
    for run in runs:
        uri = f"{run['info']['artifact_uri']}/note.txt"
        assert requests.get(uri.replace("s3:/", store), timeout=30).status_code == 403
        read = f"import mlflow\nprint(mlflow.artifacts.load_text({uri!r}))"
        assert in_the_kernels_environment(read) == f"of {run['info']['run_name']}\n"


def test_credentials_are_nowhere_in_the_project_repository_once_a_job_has_started(
    home: RunningHome, notebook: Notebook
) -> None:
    notebook.good("%loadMlflow")
    source = "import os\nprint(len(os.environ['MLFLOW_TRACKING_PASSWORD']))\n1 / 0"
    notebook.run(f"%%trainingengineinstance --wait\n{source}")
    assert f"{len(PASSWORD)}\n" in notebook.shown[-1].text
    notebook.run("%rerun --wait")
    assert f"{len(PASSWORD)}\n" in notebook.shown[-1].text
    for path in home.repository.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD.encode() not in content, path
            assert KEY.encode() not in content, path


def test_what_kd_up_cannot_connect_is_noted(home: RunningHome, notebook: Notebook) -> None:
    path = home.manifests / "mlflow.yaml"
    app, cluster, secret = yaml.safe_load_all(path.read_text())
    prefix = "kd-magics/endpoint."
    for annotations, note, error in (
        ({f"{prefix}mlflow-server": "127.0.0.1:5000"}, "it must be a URL such as", NotFound),
        ({f"{prefix}mlflow-server": "http://"}, "it must be a URL such as", NotFound),
        ({f"{prefix}mlflow-server": "http://a b:1"}, "it must be a URL such as", NotFound),
        (["a"], "annotations that are a list or text", NotFound),
        ({f"{prefix}mlflow": "http://127.0.0.1:1"}, "they have: minio-server, mlflow-s", NotFound),
        ({}, f"an annotation {prefix}<service>", EngineDown),
    ):
        cluster["metadata"]["annotations"] = annotations
        path.write_text(yaml.safe_dump_all([app, cluster, secret]))
        eventually(lambda note=note: note in home.kd("status").stdout)
        eventually(lambda error=error: type(notebook.run("%loadMlflow").error) is error)
