"""%loadMlflow and %Setexp, with a server that answers the two calls as MLflow documents them."""

import base64
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kd_magics.errors import BadOptions, EngineDown
from kd_pipeline.errors import InvalidInput, NotFound, Unauthorized
from tests.kd_engines.training.running_engine import RunningEngine
from tests.kd_magics.running_notebook import Notebook

USER, PASSWORD = "ada", "correct horse battery"
MINIO_KEY = "minio-secret-key"


class Tracking(ThreadingHTTPServer):
    """MLflow's REST API 2.0, as far as experiments are asked for by name and created."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TrackingRoutes)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.experiments: dict[str, dict[str, Any]] = {"gone": {"lifecycle_stage": "deleted"}}


class TrackingRoutes(BaseHTTPRequestHandler):
    server: Tracking

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        name = parse_qs(url.query).get("experiment_name", [""])[0]
        if url.path != "/api/2.0/mlflow/experiments/get-by-name":
            return self.answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "no route"})
        if name not in self.server.experiments:
            told = f"Could not find experiment with name '{name}'"
            return self.answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": told})
        return self.answer(200, {"experiment": self.server.experiments[name]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/api/2.0/mlflow/experiments/create":
            return self.answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "no route"})
        number = str(len(self.server.experiments))
        self.server.experiments[body["name"]] = {
            "experiment_id": number,
            "name": body["name"],
            "lifecycle_stage": "active",
        }
        return self.answer(200, {"experiment_id": number})

    def answer(self, status: int, body: object) -> None:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers["Authorization"] != wanted:
            status, body = 401, {"message": "You are not authenticated."}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def tracking() -> Iterator[Tracking]:
    with Tracking() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put MLflow's variables back as they were, whatever a test sets."""
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "AWS_")):
            monkeypatch.delenv(name)
    for name in (
        "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD", "AWS_SECRET_ACCESS_KEY",
    ):  # fmt: skip
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def encoded(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = base64.b64encode(text.encode()).decode()
    return text


def secret(name: str, data: dict[str, str], times: int = 1) -> dict[str, Any]:
    """Return a secret as KubeDirector writes it: every string base64."""
    values = {key: encoded(value, times) for key, value in data.items()}
    return {"metadata": {"name": encoded(name)}, "data": values, "labels": {}, "annotations": {}}


CREDENTIALS = {
    "MLFLOW_TRACKING_USERNAME": USER,
    "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    "AWS_SECRET_ACCESS_KEY": MINIO_KEY,
    "note": "no credential",
}


def attach(notebook: Notebook, *urls: str, times: int = 1, secrets: int = 1) -> None:
    clusters = {f"tracking{n or ''}": [(url, "")] for n, url in enumerate(urls)}
    notebook.attach(
        clusters,
        distros=dict.fromkeys(clusters, "bluedata/mlflow"),
        secrets={"mlflow": [secret(f"creds{n or ''}", CREDENTIALS, times) for n in range(secrets)]},
    )


@pytest.mark.parametrize("times", [1, 2], ids=["plain", "in Kubernetes' own base64"])
def test_mlflow_is_found_and_no_secret_is_shown(
    empty_notebook: Notebook, tracking: Tracking, times: int
) -> None:
    attach(empty_notebook, tracking.url, times=times)
    shown = empty_notebook.good("%loadMlflow")
    assert shown.text == (
        "Backend configured\n"
        f"MLflow is that of cluster tracking: {tracking.url} (AWS_SECRET_ACCESS_KEY, "
        "MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_USERNAME from secret creds).\n"
    )
    assert os.environ["MLFLOW_TRACKING_URI"] == tracking.url
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == PASSWORD
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == MINIO_KEY
    for one in empty_notebook.shown:
        assert PASSWORD not in one.everything
        assert MINIO_KEY not in one.everything


def test_an_experiment_is_created_once(empty_notebook: Notebook, tracking: Tracking) -> None:
    attach(empty_notebook, tracking.url)
    empty_notebook.good("%loadMlflow")
    name = '"Größe & Zahl"'
    assert empty_notebook.good(f"%Setexp --name {name}").text == (
        "Experiment: Größe & Zahl, which is new.\n"
    )
    assert empty_notebook.good(f"%Setexp --name {name}").text == "Experiment: Größe & Zahl.\n"
    assert tracking.experiments["Größe & Zahl"]["lifecycle_stage"] == "active"
    assert os.environ["MLFLOW_EXPERIMENT_NAME"] == "Größe & Zahl"


def test_jobs_get_the_place_the_name_and_the_credentials(
    empty_notebook: Notebook, tracking: Tracking
) -> None:
    attach(empty_notebook, tracking.url)
    empty_notebook.good("%loadMlflow")
    empty_notebook.good("%Setexp --name demoexp")
    session = empty_notebook.shell._kd_magics.session
    assert session.mlflow == {
        "MLFLOW_TRACKING_URI": tracking.url,
        "MLFLOW_EXPERIMENT_NAME": "demoexp",
    }
    assert session.credentials == {k: v for k, v in CREDENTIALS.items() if k.isupper()}


def test_another_cluster_gets_nothing_of_the_first(
    empty_notebook: Notebook, tracking: Tracking
) -> None:
    attach(empty_notebook, tracking.url)
    empty_notebook.good("%loadMlflow")
    session = empty_notebook.shell._kd_magics.session
    session.mlflow["MLFLOW_S3_ENDPOINT_URL"] = os.environ["MLFLOW_S3_ENDPOINT_URL"] = "http://s3"
    os.environ["MLFLOW_TRACKING_USERNAME"] = "mine"
    attach(empty_notebook, "http://127.0.0.1:9", secrets=0)
    empty_notebook.good("%loadMlflow")
    assert session.mlflow == {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    assert session.credentials == {}
    left = {name for name in os.environ if name.startswith(("MLFLOW_", "AWS_"))}
    assert left == {"MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME"}


def test_a_job_finds_them_in_its_environment(notebook: Notebook, engine: RunningEngine) -> None:
    session = notebook.shell._kd_magics.session
    session.mlflow["MLFLOW_EXPERIMENT_NAME"] = "demoexp"
    os.environ["MLFLOW_TRACKING_PASSWORD"] = PASSWORD
    code = "import os\nprint({k: v for k, v in os.environ.items() if k.startswith('MLFLOW')})"
    notebook.good(f"%%trainingengineinstance --wait\n{code}")
    log = engine.log(notebook.shell.user_ns["_job"].id)
    assert log == "{'MLFLOW_EXPERIMENT_NAME': 'demoexp'}\n"


def test_what_is_wrong_is_told(empty_notebook: Notebook, tracking: Tracking) -> None:
    empty_notebook.attach({"training": [("http://127.0.0.1:9", "")]})
    assert "No MLflow cluster" in empty_notebook.fails("%loadMlflow", NotFound)
    assert empty_notebook.good("%Setexp --name early").text == (
        "Experiment: early; no tracking server is set, %loadMlflow sets one.\n"
    )
    attach(empty_notebook, tracking.url, "http://127.0.0.1:9", secrets=2)
    assert "--cluster" in empty_notebook.fails("%loadMlflow", BadOptions)
    assert "--credentials" in empty_notebook.fails("%loadMlflow --cluster tracking", BadOptions)
    assert "'no'" in empty_notebook.fails("%loadMlflow --cluster no", NotFound)
    empty_notebook.good("%loadMlflow --cluster tracking1 --credentials creds1")
    assert "does not answer" in empty_notebook.fails("%Setexp --name x", EngineDown)
    empty_notebook.good("%loadMlflow --cluster tracking --credentials creds")
    assert "is deleted" in empty_notebook.fails("%Setexp --name gone", InvalidInput)
    assert "--name" in empty_notebook.fails("%Setexp", BadOptions)
    empty_notebook.fails('%Setexp --name " "', InvalidInput)
    os.environ["MLFLOW_TRACKING_PASSWORD"] = "wrong"
    sentence = empty_notebook.fails("%Setexp --name x", Unauthorized)
    assert "wrong" not in sentence
    assert os.environ["MLFLOW_EXPERIMENT_NAME"] == "early"  # what failed changed nothing
