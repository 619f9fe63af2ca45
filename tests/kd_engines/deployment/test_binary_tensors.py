"""Requests of Triton's clients, whose tensors are bytes after the JSON, answer as JSON does."""

import json
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kd_engines.deployment.binary_tensors import as_json
from kd_pipeline.errors import InvalidInput
from kd_pipeline.model_config import ModelConfig
from tests.kd_engines.deployment.formats import trained
from tests.kd_engines.deployment.running_deployment import RunningDeployment

TYPES = {
    **{"BOOL": "?", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"},
    **{f"INT{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
}


def request(*tensors: tuple[dict[str, Any], bytes]) -> tuple[bytes, str]:
    """Return a body as such a client makes it, and its header's value."""
    inputs = [
        {**tensor, "parameters": {"binary_data_size": len(content)}} for tensor, content in tensors
    ]
    head = json.dumps({"inputs": inputs}).encode()
    return head + b"".join(content for _, content in tensors), str(len(head))


@given(st.data())
def test_every_datatype_is_read_as_numpy_wrote_it(data: st.DataObject) -> None:
    datatype = data.draw(st.sampled_from(sorted(TYPES)))
    array = data.draw(arrays.arrays(TYPES[datatype], st.integers(0, 9)))
    tensor = {"name": "x", "shape": [len(array)], "datatype": datatype}
    after = {"name": "y", "shape": [1], "datatype": "BYTES"}
    body, length = request((tensor, array.tobytes()), (after, b"\x02\0\0\0\xc3\xa4"))
    found = msgspec.json.decode(as_json(body, length))["inputs"]
    assert found[1]["data"] == ["ä"]
    wanted = [None if isinstance(v, float) and not np.isfinite(v) else v for v in array.tolist()]
    assert found[0]["data"] == wanted


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    values = [1.0, -2.5, 0.15625]
    content = b"".join(struct.pack("<f", value)[2:] for value in values)
    body, length = request(({"name": "x", "shape": [3], "datatype": "BF16"}, content))
    assert msgspec.json.decode(as_json(body, length))["inputs"][0]["data"] == values


def test_what_has_no_bytes_of_its_own_stays_as_it_is() -> None:
    whole = {"id": "7", "inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}
    body = json.dumps(whole).encode()
    assert msgspec.json.decode(as_json(body, str(len(body)))) == whole


FP32 = {"name": "x", "shape": [1], "datatype": "FP32"}


@pytest.mark.parametrize(
    ("body", "length", "words"),
    [
        (b"{}", "3", "is '3'; it is the number of bytes of the JSON, of 2 in all"),
        (b"{}", "-1", "is '-1'"),
        (b"{]", "2", "first 2 bytes are not JSON"),
        (*request((FP32, b"123")), "'x' has 3 bytes; an element of FP32 has 4"),
        (request((FP32, b"1234"))[0] + b"5", request((FP32, b"1234"))[1], "1 bytes after the"),
        (request((FP32, b"1234"))[0][:-1], request((FP32, b"1234"))[1], "3 bytes are left"),
        (*request(({**FP32, "datatype": "FP8"}, b"1")), "datatype 'FP8', which is unknown"),
        (*request(({**FP32, "datatype": "BYTES"}, b"\x09\0\0\0a")), "is not a row of UTF-8 texts"),
        (*request(({**FP32, "datatype": "BYTES"}, b"\x01\0\0\0\xff")), "(byte 0)"),
        (*request(({**FP32, "datatype": "BYTES"}, b"\x01\0")), "(byte 0)"),
    ],
)
def test_a_wrong_one_is_told_in_a_sentence(body: bytes, length: str, words: str) -> None:
    with pytest.raises(InvalidInput) as told:
        as_json(body, length)
    assert words in str(told.value)


@given(st.binary(max_size=200), st.integers(0, 250))
def test_any_bytes_are_read_or_refused(body: bytes, length: int) -> None:
    try:
        as_json(body, str(length))
    except InvalidInput as error:
        assert str(error)  # noqa: PT017 - either is right


def test_an_engine_answers_such_a_request_as_it_does_json(engine: RunningDeployment) -> None:
    path = engine.repository / "models" / "trees.ubj"
    trained.booster("reg:squarederror").save_model(path)
    config = ModelConfig("trees", "1", "repo://project_repo/models/trees.ubj", "")
    engine.models["trees/1"] = config.to_manifest()
    engine.write_configmeta()
    engine.wait("trees/1")
    values = np.array([list(trained.ROW.values())] * 2, "<f4")
    tensor = {"name": "rows", "shape": list(values.shape), "datatype": "FP32"}
    url = "/v2/models/trees/infer"
    plain = engine.call("POST", url, json={"inputs": [{**tensor, "data": values.tolist()}]})
    body, length = request((tensor, values.tobytes()))
    headers = {"Inference-Header-Content-Length": length}
    found = engine.call("POST", url, data=body, headers=headers)
    assert found.status_code == 200, found.text
    assert found.json() == plain.json()
    headers = {"Inference-Header-Content-Length": "x"}
    wrong = engine.call("POST", url, data=body, headers=headers)
    assert wrong.status_code == 422
    assert "Inference-Header-Content-Length" in wrong.json()["error"]
    assert "binary_tensor_data" in engine.get("/v2")["extensions"]
