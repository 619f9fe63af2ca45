"""The form that registers a model: its draft of a real job, its checks, and what is written."""

import json
import os

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_extension import registration
from jupyter_extension.pipeline import Pipeline
from kd_magics.errors import BadOptions
from kd_pipeline.errors import (
    InvalidInput,
    InvalidModel,
    NotFound,
    PathNotFound,
    UnknownCluster,
    VersionTaken,
)
from kd_pipeline.messages.sidebar_models import Registration, RegistrationCheck
from tests.jupyter_extension.surroundings import Surroundings
from tests.kd_engines.training.running_engine import CLUSTER, TOKEN, RunningEngine

GOOD = Registration("taxi", "1", "models/taxi/1", "code/score.py")


def but(**fields: str) -> Registration:
    return msgspec.structs.replace(GOOD, **fields)


def problems(found: RegistrationCheck) -> dict[str, str]:
    return {problem.field: problem.message for problem in found.problems}


@pytest.fixture
def files(anywhere: Surroundings) -> Surroundings:
    """Write a model and its script."""
    anywhere.write("models/taxi/1/model.bin")
    anywhere.write("code/score.py", "print(1)")
    return anywhere


def without_times(text: str) -> dict[str, object]:
    manifest: dict[str, object] = yaml.safe_load(text)
    assert isinstance(manifest["data"], dict)
    manifest["data"].pop("created")
    return manifest


class TestRegistration:
    def test_what_is_checked_is_what_is_written(
        self, files: Surroundings, pipeline: Pipeline
    ) -> None:
        wanted = but(description="größer", metrics='{"rmse": 5}', example='{"a": [1]}')
        found = registration.check(pipeline, wanted)
        assert (found.problems, found.configmap, found.free_version) == ([], "taxi-1", "1")
        assert 0 < found.size_bytes < found.limit_bytes
        assert pipeline.registry().models() == []
        model, is_new = registration.register(pipeline, wanted)
        assert is_new
        written = pipeline.registry().model("taxi", "1").to_manifest()
        assert without_times(found.yaml) == without_times(yaml.safe_dump(written))
        assert (model.metrics, model.lineage.author, model.size_bytes) == ({"rmse": 5}, "ada", 7)
        assert model.path == "repo://project_repo/models/taxi/1"

    def test_the_same_again_changes_nothing(self, files: Surroundings, pipeline: Pipeline) -> None:
        registration.register(pipeline, GOOD)
        assert registration.check(pipeline, GOOD).problems == []
        model, is_new = registration.register(pipeline, GOOD)
        assert (model.version, is_new) == ("1", False)

    def test_a_version_that_is_taken_is_told_with_a_free_one(
        self, files: Surroundings, pipeline: Pipeline
    ) -> None:
        registration.register(pipeline, GOOD)
        files.write("models/taxi/1/model.bin", "others!")
        found = registration.check(pipeline, GOOD)
        assert list(problems(found)) == ["version"]
        assert "register this one as version 2" in problems(found)["version"]
        assert found.free_version == "2"
        with pytest.raises(VersionTaken):
            registration.register(pipeline, GOOD)


@pytest.fixture
def local(here: Surroundings) -> Pipeline:
    """Return a pipeline over a folder, with a model and its script."""
    here.write("models/taxi/1/model.bin")
    here.write("code/score.py", "print(1)")
    return here.pipeline()


@pytest.mark.parametrize(
    ("fields", "words", "error"),
    [
        ({"name": "Taxi!"}, {"name": "'Taxi' would do"}, InvalidModel),
        ({"name": ""}, {"name": "cannot name a model"}, InvalidModel),
        ({"version": "1/2"}, {"version": "'1/2' is not allowed"}, InvalidModel),
        ({"path": ""}, {"path": "path is empty"}, InvalidModel),
        ({"path": "models/no"}, {"path": "'models/no' does not exist"}, PathNotFound),
        ({"path": "/etc"}, {"path": "leads out of the project"}, InvalidInput),
        ({"path": "models/../.."}, {"path": "'..'"}, InvalidInput),
        ({"scoring_path": "code/no.py"}, {"scoring_path": "does not exist"}, PathNotFound),
        ({"scoring_path": "code"}, {"scoring_path": "is a folder"}, PathNotFound),
        ({"scoring_path": ""}, {"scoring_path": "of no known format; name one of"}, InvalidModel),
        ({"metrics": "{rmse"}, {"metrics": "metrics is not valid JSON"}, InvalidInput),
        ({"metrics": "[1]"}, {"metrics": "not a JSON object"}, InvalidInput),
        ({"example": "nobody"}, {"example": "example is not valid JSON"}, InvalidInput),
        ({"job": "nine"}, {"job": "is not a job number: write 9 or CLUSTER/9"}, BadOptions),
        ({"description": "x" * 70_000}, {"": "65,536 are the limit"}, InvalidModel),
        (
            {"name": "A!", "version": "", "path": "x", "scoring_path": "", "metrics": "{"},
            {"name": "", "version": "", "path": "", "metrics": ""},
            InvalidModel,
        ),
    ],
)
def test_each_wrong_field_has_its_problem(
    local: Pipeline, fields: dict[str, str], words: dict[str, str], error: type[Exception]
) -> None:
    found = problems(registration.check(local, but(**fields)))
    assert set(found) == set(words)
    for field, part in words.items():
        assert part in found[field]
        assert "\n" not in found[field]
    with pytest.raises(error):
        registration.register(local, but(**fields))
    assert local.registry().models() == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_texts_are_checked(
    local: Pipeline, name: str, version: str, path: str, script: str
) -> None:
    found = registration.check(local, Registration(name, version, path, script))
    assert {"name", "version", "path"} & {*problems(found)}
    assert isinstance(yaml.safe_load(found.yaml), dict)


def test_a_draft_without_a_job_has_a_name_and_a_free_version(local: Pipeline) -> None:
    empty = registration.draft(local, "", "")
    assert (empty.registration, empty.paths) == (Registration("", "", "", ""), [])
    registration.register(local, GOOD)
    assert registration.draft(local, "", "taxi").registration == Registration("taxi", "2", "", "")


SAVE = """
import os, pathlib
os.chdir({root!r})
for path in {paths!r}:
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text("# of a job")
print("rmse=5.5")
"""


class TestDraft:
    @pytest.fixture
    def trained(self, here: Surroundings, engine: RunningEngine) -> Pipeline:
        """Return a pipeline to which a real training engine is connected."""
        here.attach({CLUSTER: [(engine.url, TOKEN)]})
        return here.pipeline()

    def job(self, here: Surroundings, engine: RunningEngine, *paths: str, **fields: object) -> str:
        """Run a job that writes files into the project repository; return its name."""
        code = SAVE.format(root=str(here.repository), paths=list(paths))
        job, log = engine.run(code, **fields)
        assert job["status"] == "Finished", log
        return f"{CLUSTER}/{job['id']}"

    def test_it_has_what_the_job_wrote(
        self, here: Surroundings, engine: RunningEngine, trained: Pipeline
    ) -> None:
        job = self.job(here, engine, "models/taxi/7/model.bin", "code/score.py", params={"lr": 1})
        found = registration.draft(trained, job, "")
        wanted = found.registration
        assert (wanted.name, wanted.version, wanted.job) == ("taxi", "1", job)
        assert (wanted.path, wanted.scoring_path) == ("models/taxi/7", "code/score.py")
        assert (json.loads(wanted.metrics), wanted.example, found.note) == ({"rmse": 5.5}, "", "")
        assert registration.check(trained, wanted).problems == []
        lineage = registration.register(trained, wanted)[0].lineage
        assert f"{lineage.job_cluster}/{lineage.job_id}" == job
        assert lineage.params == {"lr": 1}
        assert len(lineage.code_sha256) == 64

    def test_the_newest_version_gives_script_and_example(
        self, here: Surroundings, engine: RunningEngine, trained: Pipeline
    ) -> None:
        for path in ("models/old/1/model.bin", "code/old.py"):
            os.utime(here.write(path), (0, 0))  # no job wrote it
        example = '{"miles": 1}'
        old = Registration("old", "1", "models/old/1", "code/old.py", example=example)
        registration.register(trained, old)
        job = self.job(here, engine, "models/old/2/model.bin", "models/other/1/m", "code/new.py")
        found = registration.draft(trained, job, "old")
        assert found.registration.version == "2"
        assert found.paths == ["models/old/2", "models/other/1"]
        assert found.registration.path == "models/old/2"
        assert found.scripts[0] == found.registration.scoring_path == "code/old.py"
        assert "code/new.py" in found.scripts
        assert found.registration.example == example

    def test_a_job_that_gives_nothing_says_why(
        self, here: Surroundings, engine: RunningEngine, trained: Pipeline
    ) -> None:
        failed, _ = engine.run("raise ValueError")
        found = registration.draft(trained, f"{CLUSTER}/{failed['id']}", "taxi")
        assert "is Failed; only what a finished job wrote" in found.note
        assert (found.paths, found.registration.version) == ([], "1")
        idle, _ = engine.run("pass")
        found = registration.draft(trained, f"{CLUSTER}/{idle['id']}", "taxi")
        assert "wrote no file under models/" in found.note

    @pytest.mark.parametrize(
        ("job", "error"),
        [("x", BadOptions), (f"{CLUSTER}/999999", NotFound), ("nowhere/1", UnknownCluster)],
    )
    def test_a_job_that_is_none_is_an_error(
        self, trained: Pipeline, job: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            registration.draft(trained, job, "")
        assert list(problems(registration.check(trained, but(job=job)))).count("job") == 1
