"""%register: a ConfigMap with its lineage; the same again, other content, and bad paths."""

import json
import os
from pathlib import Path

import pytest

from kd_magics.errors import BadOptions
from kd_pipeline.errors import InvalidModel, PathNotFound, UnsafePath, VersionTaken
from kd_pipeline.model_formats import UnknownFormat
from kd_pipeline.project_repository import ProjectRepository
from kd_pipeline.registry import open_registry
from tests.kd_engines.training.running_engine import CLUSTER, RunningEngine
from tests.kd_magics.running_notebook import Notebook

REGISTER = "%register taxi --version 1 --path models/taxi/1 --scoring code/score.py"


@pytest.fixture(autouse=True)
def repository(surroundings: Path) -> Path:
    """A project repository with a model and its script."""
    root = surroundings / "project_repo"
    for path, text in {"models/taxi/1/model.bin": "weights", "code/score.py": "print(1)"}.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text)
        os.utime(root / path, (0, 0))  # no job of these tests wrote it
    return root


def registered(version: str = "1") -> dict[str, str]:
    return open_registry().model("taxi", version).data()


def test_a_model_becomes_a_configmap_with_its_lineage(empty_notebook: Notebook) -> None:
    shown = empty_notebook.good(
        REGISTER + ' --description "how long" --metrics {"mae": 20} --example \'{"a": [1]}\''
    )
    assert shown.text == "Registered taxi/1 as ConfigMap taxi-1.\n"
    data = registered()
    assert data["path"] == "repo://project_repo/models/taxi/1"
    assert data["scoring-path"] == "repo://project_repo/code/score.py"
    assert data["description"] == "how long"
    assert json.loads(data["metrics"]) == {"mae": 20}
    assert json.loads(data["example"]) == {"a": [1]}
    assert data["size-bytes"] == "7"
    assert len(data["model-sha256"]) == len(data["scoring-sha256"]) == 64
    assert data["author"] == "ada"
    assert data["created"].endswith("Z")


def test_a_model_of_a_known_format_needs_no_script(
    empty_notebook: Notebook, repository: Path
) -> None:
    (repository / "models/taxi/trees.txt").write_text("tree\nversion=v4\n")
    empty_notebook.good("%register taxi --version 1 --path models/taxi/trees.txt")
    assert (registered()["scoring-path"], registered()["format"]) == ("", "lightgbm")
    assert "scoring-sha256" not in registered()
    # A further version has none either; one may have a script, and no longer.
    (repository / "models/taxi/more.txt").write_text("tree\nversion=v4\n#")
    empty_notebook.good("%register taxi --version 2 --path models/taxi/more.txt")
    more = "--path models/taxi/trees.txt --scoring"
    empty_notebook.good(f"%register taxi --version 3 {more} code/score.py")
    empty_notebook.good(f"%register taxi --version 4 {more} ''")
    scripts = [registered(version)["scoring-path"][-8:] for version in "1234"]
    assert scripts == ["", "", "score.py", ""]
    sentence = empty_notebook.fails("%register x --path models/taxi/1 --scoring ''", UnknownFormat)
    assert "'1' has no scoring script and is of no known format" in sentence


def test_ways_to_write_a_path_mean_the_same(empty_notebook: Notebook, repository: Path) -> None:
    empty_notebook.good(REGISTER)
    for root in ("repo://project_repo/", "/bd-fs-mnt/project_repo/", f"{repository}/"):
        again = empty_notebook.good(
            f"%register taxi --version 1 --path {root}models/taxi/1 --scoring {root}code/score.py"
        )
        assert "registered already" in again.text
        assert "nothing to do" in again.text


def test_variables_name_versions_and_metrics(empty_notebook: Notebook) -> None:
    empty_notebook.good("v, scores = 2, {'mae': 1.5}")
    empty_notebook.good(
        "%register taxi --version {v} --path models/taxi/1 --scoring code/score.py --metrics scores"
    )
    assert json.loads(registered("2")["metrics"]) == {"mae": 1.5}


def test_other_content_needs_another_version(empty_notebook: Notebook, repository: Path) -> None:
    empty_notebook.good(REGISTER)
    before = registered()
    (repository / "models/taxi/1/model.bin").write_text("others!")
    sentence = empty_notebook.fails(REGISTER, VersionTaken)
    assert "register this one as version 2" in sentence
    assert "model-sha256" in sentence
    assert registered() == before
    (repository / "models/taxi/1/model.bin").rename(repository / "models/taxi/1/renamed.bin")
    empty_notebook.fails(REGISTER, VersionTaken)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (
            "taxi --version 1 --path models/none --scoring code/score.py",
            PathNotFound,
            "models/none",
        ),
        ("taxi --version 1 --path models/taxi/1 --scoring code/no.py", PathNotFound, "code/no.py"),
        ("taxi --version 1 --path models/taxi/1 --scoring code", PathNotFound, "is a folder"),
        ("taxi --path models/taxi/1 --scoring code/bad.py", InvalidModel, "valid Python (line 2:"),
        ("taxi --version 1 --path ../x --scoring code/score.py", UnsafePath, "'..'"),
        ("taxi --version 1 --path /etc/passwd --scoring code/score.py", UnsafePath, "/etc/passwd"),
        ("Taxi! --version 1 --path models/taxi/1 --scoring code/score.py", InvalidModel, "'Taxi'"),
        ("taxi --version / --path models/taxi/1 --scoring code/score.py", InvalidModel, "version"),
        ("taxi --path models/taxi/1", BadOptions, "--scoring"),
        ("taxi", BadOptions, "%register NAME --job CLUSTER/9"),
        ("taxi --job nine", BadOptions, "is not a job number: write 9 or CLUSTER/9"),
        ("", BadOptions, "NAME"),
        (REGISTER[10:] + " --metrics {bad", BadOptions, "--metrics"),
        (REGISTER[10:] + " --metrics nobody", BadOptions, "nobody"),
        (REGISTER[10:] + " --token abc", BadOptions, "takes no token"),
    ],
)
def test_what_is_wrong_is_told_and_registers_nothing(
    empty_notebook: Notebook, options: str, error: type[Exception], words: str
) -> None:
    bad = ProjectRepository.default().root / "code" / "bad.py"
    bad.write_text("import json\nprint json.dumps(1)\n")
    assert words in empty_notebook.fails(f"%register {options}", error)
    assert open_registry().models() == []


def test_the_last_job_is_named_and_kept(notebook: Notebook, engine: RunningEngine) -> None:
    notebook.good("%%trainingengineinstance --wait\nprint('trained')")
    job = notebook.shell.user_ns["_job"]
    notebook.good(REGISTER)
    assert registered()["job-id"] == str(job.id)
    assert registered()["code-sha256"] == engine.get(f"/jobs/{job.id}")["code_sha256"]
    # The cell runs again and writes the same model: it is the same version still.
    notebook.good("%%trainingengineinstance --wait\nprint('trained')")
    assert "nothing to do" in notebook.good(REGISTER).text
    assert registered()["job-id"] == str(job.id)


def train(engine: RunningEngine, code: str, **fields: object) -> int:
    """Run a job that writes where this notebook's project repository is; return its number."""
    root = os.environ["KD_PROJECT_REPO"]
    job, log = engine.run(f"import os\nos.chdir({root!r})\n{code}", **fields)
    assert job["status"] == "Finished", log
    return int(job["id"])


SAVE = """
import pathlib
path = pathlib.Path("models/taxi/{version}")
path.mkdir(parents=True)
(path / "model.bin").write_text("weights of {version}")
(path / "meta.json").write_text("[]")
print("saved", path)
"""


def test_a_job_s_model_gets_the_next_version_and_its_lineage(
    notebook: Notebook, engine: RunningEngine
) -> None:
    notebook.good(REGISTER)
    origin = {"notebook": "taxi.ipynb", "git_commit": "abc123", "cell_id": "c1"}
    params = {"lr": 0.1}
    job = train(engine, SAVE.format(version=2), origin=origin, params=params)
    shown = notebook.good(f'%register taxi --job {job} --metrics {{"mae": 3}}')
    first, second = shown.text.splitlines()
    assert first == "Registered taxi/2 as ConfigMap taxi-2."
    assert second == (
        f"From job {CLUSTER}/{job}: repo://project_repo/models/taxi/2, scored by "
        "repo://project_repo/code/score.py."
    )
    data = registered("2")
    assert data["path"] == "repo://project_repo/models/taxi/2"
    assert data["scoring-path"] == "repo://project_repo/code/score.py"  # of version 1
    assert json.loads(data["metrics"]) == {"mae": 3}
    assert json.loads(data["params"]) == params
    assert (data["job-id"], data["job-cluster"]) == (str(job), CLUSTER)
    told = {key: data[key] for key in ("notebook", "git-commit", "cell-id")}
    assert told == {key.replace("_", "-"): value for key, value in origin.items()}
    again = notebook.good(f"%register taxi --job {CLUSTER}/{job}")
    assert "taxi/2 is registered already" in again.text


def test_the_first_version_takes_the_script_that_the_job_wrote(
    notebook: Notebook, engine: RunningEngine
) -> None:
    write = 'pathlib.Path("code/own.py").write_text("print(1)")'
    train(engine, SAVE.format(version="a") + write, user="ada")
    assert "--scoring code/SCRIPT.py" in notebook.fails(
        "%register taxi --version 1 --path models/taxi/a", BadOptions
    )
    notebook.good("%logs")  # the newest job is this notebook's last one now
    notebook.good("%register taxi")
    assert registered()["scoring-path"] == "repo://project_repo/code/own.py"
    assert registered()["path"] == "repo://project_repo/models/taxi/a"


def test_several_models_of_a_job_are_listed_and_none_is_registered(
    notebook: Notebook, engine: RunningEngine
) -> None:
    code = SAVE.format(version=5) + SAVE.format(version=6)
    job = train(engine, code)
    sentence = notebook.fails(f"%register taxi --job {job} --scoring code/score.py", BadOptions)
    assert "models/taxi/5, models/taxi/6" in sentence
    assert "--path models/taxi/5" in sentence
    assert open_registry().models() == []


def test_a_failed_job_registers_nothing(notebook: Notebook, engine: RunningEngine) -> None:
    job = engine.run("1/0")[0]["id"]
    sentence = notebook.fails(f"%register taxi --job {job} --scoring code/score.py", BadOptions)
    assert "is Failed" in sentence
    assert "--path" in sentence


def test_other_files_without_a_version_become_the_next_one(
    empty_notebook: Notebook, repository: Path
) -> None:
    short = "%register taxi --path models/taxi/1 --scoring code/score.py"
    assert "taxi/1 as" in empty_notebook.good(short).text
    assert "nothing to do" in empty_notebook.good(short).text
    (repository / "models/taxi/1/model.bin").write_text("others!")
    assert "taxi/2 as" in empty_notebook.good("%register taxi --path models/taxi/1").text


def test_a_failed_job_is_no_lineage(notebook: Notebook) -> None:
    notebook.good("%%trainingengineinstance\n1/0")
    notebook.good("_job.wait()")
    notebook.good(REGISTER)
    assert "job-id" not in registered()
