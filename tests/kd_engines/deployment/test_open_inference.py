"""The Open Inference Protocol on a live engine."""

from typing import Any

import msgspec
import pytest
import requests

from kd_pipeline.messages import InferAnswer
from kd_pipeline.model_aliases import ModelAliases
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.formats import trained
from tests.kd_engines.deployment.running_deployment import TOKEN, RunningDeployment

VALUES = list(trained.ROW.values())
TABLE = {"name": "rows", "shape": [2, 4], "datatype": "FP32"}
COLUMNS = [
    {"name": name, "shape": [2], "datatype": "FP64", "data": [value, value]}
    for name, value in trained.ROW.items()
]


@pytest.fixture(scope="module")
def trees(engine: RunningDeployment) -> str:
    for version, objective in (("2", "reg:squarederror"), ("10", "binary:logistic")):
        path = engine.repository / "models" / f"trees-{version}.ubj"
        trained.booster(objective).save_model(path)
        uri = f"repo://project_repo/models/{path.name}"
        engine.models[f"trees/{version}"] = ModelConfig("trees", version, uri, "").to_manifest()
    engine.write_configmeta()
    for version in ("2", "10"):
        engine.wait(f"trees/{version}")
    return "trees"


def infer(engine: RunningDeployment, model: str, *inputs: Any, **more: Any) -> requests.Response:
    return engine.call("POST", f"/v2/models/{model}/infer", json={"inputs": list(inputs), **more})


def outputs(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found = msgspec.json.decode(answer.content, type=InferAnswer)
    return {one.name: (one.datatype, one.shape, one.data) for one in found.outputs}


def told(answer: requests.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    return str(answer.json()["error"])


@pytest.mark.parametrize("data", [[*VALUES, *VALUES], [VALUES, VALUES]])
def test_a_table_or_a_tensor_a_column(engine: RunningDeployment, trees: str, data: Any) -> None:
    wanted = [engine.predict("trees/2", trained.ROW)] * 2
    by_table = infer(engine, "trees/versions/2", {**TABLE, "data": data}, id="seven")
    assert outputs(by_table) == {"predict": ("FP64", [2], wanted)}
    assert {**by_table.json(), "outputs": 0} == {
        **{"model_name": "trees", "model_version": "2", "id": "seven", "outputs": 0}
    }
    by_column = infer(engine, "trees/versions/2", *reversed(COLUMNS))
    assert outputs(by_column) == outputs(by_table)
    assert engine.get("/history")[0]["model"] == "trees/2"


def test_without_a_version_it_is_the_champion_or_the_highest(
    engine: RunningDeployment, trees: str
) -> None:
    assert infer(engine, "trees", *COLUMNS).json()["model_version"] == "10"
    engine.aliases = [ModelAliases("trees", {"champion": "2", "next": "10"}).to_manifest()]
    engine.write_configmeta()
    engine.wait("trees/2")
    assert infer(engine, "trees", *COLUMNS).json()["model_version"] == "2"
    assert infer(engine, "trees/versions/next", *COLUMNS).json()["model_version"] == "10"


@pytest.mark.parametrize(
    ("result", "wanted"),
    [
        ("row['a']", {"predict": ("INT64", [2], [1, 2])}),
        ("row['a'] > 1", {"predict": ("BOOL", [2], [False, True])}),
        ("'x' * row['a']", {"predict": ("BYTES", [2], ["x", "xx"])}),
        ("row['a'] / 2 if row['a'] > 1 else None", {"predict": ("FP64", [2], [None, 1.0])}),
        ("[row['a'], 0.5]", {"predict": ("FP64", [2, 2], [1.0, 0.5, 2.0, 0.5])}),
        (
            "{'value': row['a'], 'why': str(row['a'])}",
            {"value": ("INT64", [2], [1, 2]), "why": ("BYTES", [2], ["1", "2"])},
        ),
        ("[1] * row['a']", {"predict": ("BYTES", [2], ["[1]", "[1,1]"])}),
        ("1 if row['a'] > 1 else 'one'", {"predict": ("BYTES", [2], ["one", "1"])}),
    ],
)
def test_what_a_script_returns_is_a_tensor(
    engine: RunningDeployment, result: str, wanted: dict[str, Any]
) -> None:
    label = engine.serve("shapes", "1", f"def predict(model, row): return {result}")
    name = label.partition("/")[0]
    assert outputs(infer(engine, name, {**COLUMNS[0], "name": "a", "data": [1, 2]})) == wanted
    last = list(wanted)[-1]
    one = infer(engine, name, {**COLUMNS[0], "name": "a", "data": [1, 2]}, outputs=[{"name": last}])
    assert outputs(one) == {last: wanted[last]}


def test_a_script_of_2020_takes_one_row(engine: RunningDeployment) -> None:
    engine.serve("old", "1", "import json, sys\nprint(json.loads(sys.argv[1])['a'] + 1)")
    one = {"name": "a", "shape": [1], "datatype": "INT64", "data": [2]}
    assert outputs(infer(engine, "old", one)) == {"predict": ("INT64", [1], [3])}
    assert "takes one row" in told(infer(engine, "old", {**one, "shape": [1, 1]}), 422)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ([], "inputs is empty"),
        ([{**TABLE, "data": VALUES}], "has 4 elements; its shape [2, 4] has 8"),
        ([{**TABLE, "data": [VALUES], "shape": [-1, 4]}], "it is [rows] or [rows, columns]"),
        ([{**TABLE, "data": VALUES, "shape": [1, 2, 2]}], "it is [rows] or [rows, columns]"),
        ([{**TABLE, "data": VALUES, "shape": []}], "it is [rows] or [rows, columns]"),
        ([{**TABLE, "data": VALUES, "shape": [10**9, 10**9]}], "has 4 elements"),
        ([{**TABLE, "data": VALUES, "datatype": "FLOAT"}], "the datatype 'FLOAT'"),
        ([COLUMNS[0], COLUMNS[0]], "Two inputs have the same name"),
        ([COLUMNS[0], {**COLUMNS[1], "shape": [1], "data": [1]}], "as many rows, here [2]"),
        ([COLUMNS[0]], "'hour', 'weekday', 'passengers' are missing"),
        ([{**TABLE, "data": [*VALUES[:3], "x", *VALUES]}], "'passengers' is 'x'"),
        ([{"name": "rows"}], "missing required field"),
    ],
)
def test_what_cannot_be_asked_is_told(
    engine: RunningDeployment, trees: str, inputs: list[Any], sentence: str
) -> None:
    assert sentence in told(infer(engine, "trees/versions/2", *inputs), 422)


def test_errors_have_the_protocols_shape(engine: RunningDeployment, trees: str) -> None:
    for path in ("nobody", "trees/versions/3"):
        told(infer(engine, path, *COLUMNS), 404)
    unknown = infer(engine, "trees", *COLUMNS, outputs=[{"name": "probabilities"}])
    assert "no output 'probabilities', but has predict" in told(unknown, 422)
    engine.serve("fails", "1", "def predict(model, row): raise KeyError('a')")
    assert "KeyError: 'a'" in told(infer(engine, "fails", COLUMNS[0]), 500)


def test_metadata_and_health(engine: RunningDeployment, trees: str) -> None:
    assert engine.get("/v2")["name"] == "kd-magics"
    model = engine.get("/v2/models/trees")
    assert (model["name"], model["versions"]) == ("trees", ["2", "10"])
    assert model["platform"] == "kd-magics_xgboost"
    assert [one["name"] for one in model["inputs"]] == trained.NAMES
    assert engine.get("/v2/models/trees/versions/2/ready") == {"name": "trees", "ready": True}
    assert engine.call("GET", "/v2/models/nobody/ready").status_code == 404
    for path, key in (("live", "live"), ("ready", "ready")):
        answer = requests.get(f"{engine.url}/v2/health/{path}", timeout=10)  # without a token
        assert (answer.status_code, answer.json()[key]) == (200, True)
    for path in ("/v2", "/v2/models/trees", "/v2/models/trees/ready"):
        assert requests.get(f"{engine.url}{path}", timeout=10).status_code == 401
    asked = requests.post(f"{engine.url}/v2/models/trees/infer", json={}, timeout=10)
    assert asked.status_code == 401


def test_it_is_the_same_without_asgi(engine: RunningDeployment, trees: str) -> None:
    """A chunked body is read by ASGI, a plain one is not."""
    bodies = [
        msgspec.json.encode({"inputs": inputs})
        for inputs in ([{**TABLE, "data": [VALUES] * 2}], COLUMNS, [], [{**TABLE, "data": [1]}])
    ]
    for body in (*bodies, b"", b"{", b"[1]", b"\xff"):
        for path in ("trees", "trees/versions/2", "trees/versions/3", "nobody"):
            url = f"{engine.url}/v2/models/{path}/infer"
            headers = {"X-Auth-Token": TOKEN}
            plain, chunked = (
                requests.post(url, data=data, headers=headers, timeout=10)
                for data in (body, iter([body] if body else []))
            )
            assert (plain.status_code, plain.json()) == (chunked.status_code, chunked.json())
