"""The form of a model's arguments, from its signature or its example."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_extension.predictions import form_of, magic_line
from kd_magics.commands.predict import parser
from kd_magics.options import json_option
from kd_pipeline.model_config import ModelConfig


def model(**extra: Any) -> ModelConfig:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in
             extra.items()}  # fmt: skip
    return ModelConfig("taxi", "1", "p", "s", extra=texts)


def shown(found: ModelConfig) -> list[tuple[str, str, Any]]:
    return [(field.name, field.type, field.value) for field in form_of(found).fields]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_signature_gives_the_types_and_the_example_the_values(wrapped: bool) -> None:
    inputs = [
        {"name": "distance", "datatype": "FP64", "shape": [-1, 1], "description": "in miles"},
        {"name": "hour", "type": "long"},
        {"name": "airport", "datatype": "BOOL"},
        {"name": "zone", "type": "string"},
        {"name": "pixels", "datatype": "FP32", "shape": [-1, 28, 28]},
        {"name": "odd", "type": {"type": "object"}},
    ]
    found = model(signature={"inputs": inputs} if wrapped else inputs, example={"hour": 7})
    assert shown(found) == [
        ("distance", "number", None),
        ("hour", "integer", 7),
        ("airport", "boolean", None),
        ("zone", "string", None),
        ("pixels", "json", None),
        ("odd", "json", None),
    ]
    form = form_of(found)
    assert (form.source, form.example) == ("signature", {"hour": 7})
    assert form.fields[0].description == "in miles"


def test_mlflow_s_signature_is_a_text_in_a_text() -> None:
    found = model(signature={"inputs": json.dumps([{"name": "a", "type": "double"}])})
    assert shown(found) == [("a", "number", None)]


@pytest.mark.parametrize("example", [{"a": 1, "b": True, "c": "x", "d": 1.5, "e": [1], "f": None}])
def test_an_example_gives_fields_of_its_own_types(example: dict[str, Any]) -> None:
    types = ["integer", "boolean", "string", "number", "json", "json"]
    for given_example in (example, [example, {"a": 2}]):
        form = form_of(model(example=given_example))
        assert [field.type for field in form.fields] == types
        assert {field.name: field.value for field in form.fields} == example
        assert (form.source, form.example) == ("example", given_example)


@pytest.mark.parametrize("example", ["--a 1", [1, 2], [], {}, 5, None])
def test_what_has_no_fields_is_edited_as_json(example: Any) -> None:
    form = form_of(model(example=json.dumps(example)))
    assert (form.fields, form.example, form.source) == ([], example, "none")


def test_without_anything_there_is_no_form() -> None:
    form = form_of(model())
    assert (form.fields, form.example, form.source) == ([], None, "none")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_any_signature_and_example_make_a_form(signature: Any, example: Any) -> None:
    form = form_of(model(signature=json.dumps(signature), example=json.dumps(example)))
    assert form.source in ("signature", "example", "none")
    assert form.example == example


@given(st.text(), st.text())
def test_texts_that_are_no_json_make_a_form(signature: str, example: str) -> None:
    assert isinstance(form_of(model(signature=signature, example=example)).fields, list)


@given(st.dictionaries(st.text(), JSON, max_size=4) | st.lists(JSON, max_size=3) | st.text())
def test_the_magic_s_line_asks_the_same(args: Any) -> None:
    line = magic_line("taxi", "1", args, "deploy")
    options = parser().read(line.removeprefix("%predict "), {"a": 1})
    assert (options.model, options.cluster) == (("taxi", "1"), "deploy")
    assert json_option(options.args, {}, "it") == args
