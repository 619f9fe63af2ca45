"""`bdvcli` of the product of 2020 on the PATH of jobs, scoring scripts and notebooks."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kd_engines.commands_path import path_with_commands
from kd_engines.kubedirector import configcli
from tests.configmeta import configmeta
from tests.kd_engines.deployment.running_deployment import RunningDeployment
from tests.kd_engines.training.running_engine import RunningEngine

ASK = "import os; repo = os.popen('bdvcli --get cluster.project_repo').read()"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[RunningEngine]:
    (tmp_path / "project_repo").mkdir()
    engine = RunningEngine(tmp_path / "project_repo", tmp_path / "configmeta.json")
    yield engine
    engine.stop()


def test_a_job_is_told_its_project_repository_and_cluster(engine: RunningEngine) -> None:
    code = (
        f"{ASK}\n"
        "open(repo.rstrip() + 'models/a', 'w').close()\n"
        "open(repo.rstrip() + '/models/b', 'w').close()\n"  # for those who add a slash themselves
        "for key in ('cluster.name', 'connections.secrets'):\n"
        "    os.system(f'bdvcli --get {key}')"
    )
    job, log = engine.run(code)
    assert job["status"] == "Finished", log
    assert {path.name for path in (engine.repository / "models").iterdir()} == {"a", "b"}
    name, told = log.splitlines()
    assert name == "training-engine-instance"
    assert told.startswith("configcli: connections.secrets is not told to jobs")


@pytest.mark.parametrize(
    ("source", "args"),
    [
        (f"{ASK}\ndef predict(model, args): return repo", {}),
        (f"{ASK}\nprint(repo)", {}),
    ],
)
def test_a_scoring_script_is_told_its_project_repository(
    tmp_path: Path, source: str, args: dict[str, str]
) -> None:
    deployment = RunningDeployment(tmp_path)
    try:
        label = deployment.serve("where", "1", source)
        output = deployment.ask(label, args).json()["output"]
        assert output.strip() == f"{deployment.repository}/"
    finally:
        deployment.stop()


def test_a_notebook_is_told_all_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "configmeta.json").write_text(json.dumps(configmeta("jupyter-notebook", ["t"])))
    asked = {
        "KD_CONFIGMETA": str(tmp_path / "configmeta.json"),
        "KD_PROJECT_REPO": str(tmp_path),
        "PATH": path_with_commands(),
    }
    found = {
        key: subprocess.run(
            ["bdvcli", "--get", key], env=asked, capture_output=True, text=True, check=True
        ).stdout.strip()
        for key in ("cluster.name", "node.role_id", "cluster.project_repo", "connections")
    }
    assert found["cluster.name"] == "jupyter-notebook"
    assert found["cluster.project_repo"] == f"{tmp_path}/"
    assert found["node.role_id"]
    assert "clusters" in found["connections"].split(",")


def test_our_commands_hide_none_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", "/usr/bin")
    assert path_with_commands() == f"/usr/bin{os.pathsep}{ours}"
    monkeypatch.setenv("PATH", f"{ours}{os.pathsep}/usr/bin")
    assert path_with_commands() == f"{ours}{os.pathsep}/usr/bin"


def test_no_project_repository_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("KD_PROJECT_REPO", str(tmp_path / "none"))
    assert configcli.main(["--get", "cluster.project_repo"]) == 1
    assert "which is not a folder" in capsys.readouterr().err
