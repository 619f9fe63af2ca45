"""What ``connect()`` returns: each verb takes plain arguments, returns data, and prints nothing."""

import inspect
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kd_client
from kd_client import Client, connect
from kd_client.errors import BadOptions, EngineDown, PredictFailed
from kd_client.jobs.listing import Wanted
from kd_pipeline.errors import ModelNotFound, NoConnections, NotFound, PathNotFound, VersionTaken
from kd_pipeline.messages import Environment
from tests.configmeta import configmeta
from tests.kd_engines.local.running_home import DEPLOYMENT, NOTEBOOK, RunningHome
from tests.kd_engines.running_server import eventually
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

NONE = "def predict(model, args): return args.get('answer')"


def test_what_is_exported_is_what_is_said() -> None:
    public = {
        name
        for name, value in vars(kd_client).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public == {*kd_client.__all__}


def test_without_a_connection_it_says_so_at_once(surroundings: Path) -> None:
    with pytest.raises(NoConnections, match="kd up"):
        connect()


@pytest.fixture
def kd(surroundings: Path, engine: RunningEngine) -> Client:
    clusters = {CLUSTER: [(engine.url, TOKEN)], "down": [("http://127.0.0.1:9", TOKEN)]}
    (surroundings / "configmeta.json").write_text(json.dumps(configmeta(clusters=clusters)))
    return connect()


def test_a_job_is_sent_followed_and_found(kd: Client, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BadOptions, match="several training clusters"):
        kd.submit("pass")
    job = kd.submit(
        "x = a + 1\nprint('hello')", CLUSTER, name="first", params={"a": 1}, outputs=["x"]
    )
    assert job.wait().status == "Finished"
    assert (job.log(), job.result, job.last.user) == ("hello\n", 2, "ada")
    assert kd.job(f"{CLUSTER}/{job.id}").status == "Finished"
    assert capsys.readouterr().out == ""


def test_jobs_of_a_cluster_that_is_down_are_a_trouble_and_the_others_are_there(kd: Client) -> None:
    for name in ("one", "other", "one"):
        kd.submit("pass", CLUSTER, name=name).wait()
    found = kd.jobs(Wanted(name="one", limit=1))
    assert [job.last.name for job in found.jobs] == ["one"]
    assert found.more
    assert {name: type(error) for name, error in found.troubles.items()} == {"down": EngineDown}
    assert kd.jobs(Wanted(cluster=CLUSTER, status="Failed", name="none")).jobs == []


def test_a_log_is_followed_to_its_end_through_a_restart_of_the_engine(
    kd: Client, engine: RunningEngine
) -> None:
    code = "import time\nfor n in range(40):\n    print(n, flush=True)\n    time.sleep(0.05)"
    job = kd.submit(code, CLUSTER)
    read = b""
    for part in job.follow():
        if not read:
            engine.stop(signal.SIGKILL)
            engine.start()
        read += part
    assert read.decode() == job.log() == "".join(f"{n}\n" for n in range(40))
    assert job.log(offset=len(read) - 3) == "39\n"


def test_a_job_says_why_it_failed_and_runs_again(kd: Client) -> None:
    job = kd.submit("print(1 / n)", CLUSTER, params={"n": 0}).wait()
    why = job.why()
    assert "ZeroDivisionError: division by zero (line 1)" in why.sentence
    assert why.frames[-1].source == "print(1 / n)"
    again = job.rerun({"n": 2}).wait()
    assert (again.status, again.log()) == ("Finished", "0.5\n")
    taken = kd.candidates(again, "halves")
    assert (taken.version, taken.paths) == ("1", [])
    assert "wrote no file under models/" in taken.note
    (found, down) = sorted(kd.attachments().training, key=lambda one: one.state)
    assert (found.name, down.state) == (CLUSTER, "Down")


def test_clusters_tell_what_a_job_finds_there(kd: Client) -> None:
    found = kd.training_clusters()
    assert isinstance(found[CLUSTER], Environment)
    assert isinstance(found["down"], EngineDown)


def run(script: str) -> str:
    """Return what a Python script prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHome]:
    home = RunningHome(tmp_path_factory.mktemp("kd") / "home", deployment=True)
    home.up()
    yield home
    home.kd("down")


@pytest.mark.slow
def test_a_model_is_registered_deployed_asked_and_taken_off(
    home: RunningHome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KD_CONFIGMETA", str(home.folder(NOTEBOOK) / "configmeta.json"))
    monkeypatch.setenv("KD_PROJECT_REPO", str(home.repository))
    monkeypatch.setenv("KD_REGISTRY", str(home.manifests))
    for name, text in {"models/none": "x", "code/none.py": NONE}.items():
        (home.repository / name).write_text(text)
    kd = connect()
    given = {"path": "models/none", "scoring_path": "code/none.py", "example": {"answer": 5}}
    with pytest.raises(PathNotFound):
        kd.register("none", **{**given, "path": "models/nowhere"})
    looked = kd.register("none", **given, dry_run=True)
    assert (looked.is_new, looked.manifest["metadata"]["name"], kd.models()) == (True, "none-1", [])
    assert kd.register("none", **given).is_new
    assert not kd.register("none", **given).is_new
    assert [model.key for model in kd.models()] == [("none", "1")]
    (home.repository / "models/none").write_text("y")
    with pytest.raises(VersionTaken):
        kd.register("none", version="1", **given, dry_run=True)
    (home.repository / "models/none").write_text("x")
    with pytest.raises(ModelNotFound):
        kd.deploy("none", "9")
    done = kd.deploy("none", "1")
    assert (done.cluster, done.url.endswith("/none/1/predict")) == (DEPLOYMENT, True)
    assert kd.predict("none", "1").result == 5
    told = kd.predict("none", "1", {"answer": None})
    assert (told.result, told.seconds < 60) == (None, True)
    assert "X-Auth-Token: $TOKEN" in told.request.curl
    monkeypatch.setenv("TOKEN", kd.deployment(DEPLOYMENT).api_endpoints()[0].token)
    script = kd.predict("none", "1").request.python
    assert run(script) == "5\n"
    kd.describe("none", "1", "says what it is told")
    kd.alias("none", "champion", "1")
    assert kd.aliases("none") == {"champion": "1"}
    eventually(lambda: "champion" in kd.deployments().aliases(DEPLOYMENT).get(("none", "1"), []))
    assert kd.predict("none", "champion").result == 5
    kd.alias("none", "champion", None)
    assert kd.aliases("none") == {}
    assert kd.deployments().of(DEPLOYMENT, ("none", "1")).state == "Ready"
    with pytest.raises(BadOptions, match="takes an object"):
        kd.predict("none", "1", 3)
    with pytest.raises(PredictFailed, match="AttributeError"):
        kd.predict("none", "1", "a text")
    assert kd.undeploy("none", "1") == (DEPLOYMENT, True)
    assert kd.undeploy("none", "1") == (DEPLOYMENT, False)
    with pytest.raises(NotFound, match="No MLflow cluster"):
        kd.mlflow()
    assert kd.unregister("none", "1").description == "says what it is told"
    assert kd.models() == []
    assert capsys.readouterr().out == ""
