"""A model's ConfigMap: the tutorial's keys and label, limits that are named, no shared names."""

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from kd_pipeline.errors import InvalidModel
from kd_pipeline.model_config import ModelConfig, configmap_name

TAXI = ModelConfig(
    "taxi", "1", "repo://project_repo/models/taxi/1", "repo://project_repo/code/s.py"
)

OF_THE_TUTORIAL = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: taxi-duration
  labels: {kubedirector.hpe.com/cmType: model, createdByUserName: ana}
data:
  name: taxi-duration
  description: "example model"
  model-version: "1"
  path: /bd-fs-mnt/project_repo/models/taxi/1
  scoring-path: /bd-fs-mnt/project_repo/code/score_taxi.py
  modelType: kubedirector
"""


def test_the_tutorials_configmap_is_read_and_kept() -> None:
    model = ModelConfig.from_manifest(yaml.safe_load(OF_THE_TUTORIAL)).validate()
    assert (model.name, model.version) == ("taxi-duration", "1")
    assert model.scoring_path == "/bd-fs-mnt/project_repo/code/score_taxi.py"
    assert model.extra == {"modelType": "kubedirector"}
    assert model.configmap_name == "taxi-duration"
    assert model.to_manifest() == yaml.safe_load(OF_THE_TUTORIAL)


@pytest.mark.parametrize("description", ["description: null", ""])
def test_a_description_that_is_null_or_missing_is_empty(description: str) -> None:
    text = OF_THE_TUTORIAL.replace('description: "example model"', description)
    assert ModelConfig.from_manifest(yaml.safe_load(text)).validate().description == ""


def test_a_name_with_capitals_and_an_underscore_is_one_as_published() -> None:
    published, other = (
        ModelConfig(name, "1", "p", "s").validate() for name in ("Taxi_Duration", "taxi-duration")
    )
    assert published.key == ("Taxi_Duration", "1")
    assert published.configmap_name.startswith("taxi-duration-1-")
    assert other.configmap_name == "taxi-duration-1"


def test_what_we_write_has_the_label_that_connects_it() -> None:
    manifest = TAXI.with_extra(model_sha256="abc").to_manifest()
    assert manifest["metadata"]["labels"] == {"kubedirector.hpe.com/cmType": "model"}
    assert manifest["metadata"]["name"] == "taxi-1"
    assert manifest["data"]["model-sha256"] == "abc"


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (ModelConfig("My Model", "1", "p", "s"), "'My Model'.*'My-Model' would do"),
        (ModelConfig("", "1", "p", "s"), "1 to 63"),
        (ModelConfig("a" * 64, "1", "p", "s"), "1 to 63"),
        (ModelConfig("taxi", "v/1", "p", "s"), "model-version 'v/1'"),
        (ModelConfig("taxi", "1", " ", "s"), "path of model 'taxi' is empty"),
        (ModelConfig("taxi", "1", "p", "s", extra={"a b": "x"}), "'a b' cannot be a further key"),
        (ModelConfig("taxi", "1", "p", "s", extra={"path": "x"}), "'path' cannot be a further key"),
        (ModelConfig("taxi", "1", "p", "s", extra={"x": "y" * 70_000}), "65,536 are the limit"),
    ],
)
def test_a_broken_limit_is_named(model: ModelConfig, sentence: str) -> None:
    with pytest.raises(InvalidModel, match=sentence):
        model.validate()


def test_missing_keys_and_numbers_are_named() -> None:
    with pytest.raises(InvalidModel, match="'x' lacks model-version, path"):
        ModelConfig.from_data("x", {"name": "taxi"})
    with pytest.raises(InvalidModel, match="model-version is not a text"):
        ModelConfig.from_data("x", {"name": "taxi", "model-version": 1})


NAMES = st.from_regex(r"[A-Za-z0-9]([-_A-Za-z0-9]{0,6}[A-Za-z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(r"[A-Za-z0-9]([-_.A-Za-z0-9]{0,6}[A-Za-z0-9])?", fullmatch=True)


@given(NAMES, VERSIONS, NAMES, VERSIONS)
def test_two_versions_never_share_a_configmap(a: str, v: str, b: str, w: str) -> None:
    assume((a, v) != (b, w))
    assert configmap_name(a, v) != configmap_name(b, w)


@given(NAMES, VERSIONS, st.text(max_size=20), st.dictionaries(NAMES, st.text(), max_size=3))
def test_round_trip(name: str, version: str, description: str, extra: dict[str, str]) -> None:
    assume(not {"name", "description", "path"} & set(extra))
    model = ModelConfig(name, version, "p", "s", description, extra).validate()
    again = ModelConfig.from_manifest(yaml.safe_load(yaml.safe_dump(model.to_manifest())))
    assert again.data() == model.data()
    assert again.configmap_name == model.configmap_name
