"""What is sent with a job's code is there when it begins, and what is wanted of it is kept."""

import base64
from typing import Any

import msgspec
import numpy
import pandas
import pytest

from kd_pipeline.messages import Value
from kd_pipeline.values import decode, encode
from tests.kd_engines.training.running_engine import RunningEngine


def wire(value: Any, **options: Any) -> Any:
    """Return a value as it stands in a submission's JSON."""
    return msgspec.to_builtins(encode(value, **options))


def kept(engine: RunningEngine, job: dict[str, Any], name: str) -> Value:
    """Return a job's output as the engine sends it."""
    return msgspec.convert(engine.get(f"/jobs/{job['id']}/values/{name}"), Value)


def file(text: str) -> str:
    """Return a file's content as it stands in a submission's JSON."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.slow
def test_tables_arrays_and_dicts_go_in_and_come_out(engine: RunningEngine) -> None:
    df = pandas.DataFrame({"miles": [1.0, 2.0]}, index=pandas.Index(["a", "b"], name="ride"))
    array = numpy.asfortranarray(numpy.arange(6, dtype="int16").reshape(2, 3))
    code = (
        "print(type(df).__name__, weights.shape, weights.dtype, setup['depth'])\n"
        "df['minutes'] = df.miles * 3\n"
        "weights = weights + 1\n"
        "metrics = {'rmse': 0.5, 'loss': float('nan'), 'rows': len(df)}"
    )
    job, log = engine.run(
        code,
        inputs={"df": wire(df), "weights": wire(array), "setup": wire({"depth": 6})},
        outputs=["df", "weights", "metrics"],
    )
    assert (job["status"], log) == ("Finished", "DataFrame (2, 3) int16 6\n")
    assert (job["inputs"], job["outputs"]) == (
        ["df", "setup", "weights"],
        ["df", "weights", "metrics"],
    )
    listed = engine.get(f"/jobs/{job['id']}/values")
    assert [(v["name"], v["format"], v["kind"]) for v in listed["values"]] == [
        ("df", "arrow", "pandas.DataFrame"),
        ("weights", "arrow", "numpy.ndarray"),
        ("metrics", "json", "dict"),
    ]
    assert listed["missing"] == {}
    pandas.testing.assert_frame_equal(
        decode(kept(engine, job, "df")), df.assign(minutes=df.miles * 3)
    )
    back = decode(kept(engine, job, "weights"))
    assert (back.tolist(), back.dtype) == ((array + 1).tolist(), array.dtype)
    metrics = decode(kept(engine, job, "metrics"))
    assert (metrics["rmse"], metrics["rows"], metrics["loss"] != metrics["loss"]) == (0.5, 2, True)


def test_params_are_variables_of_the_code(engine: RunningEngine) -> None:
    params = {"lr": 0.1, "layers": [3, 4], "name": "é", "big": 2**63, "none": None}
    job, log = engine.run("print(lr, layers, name, big, none)", params=params)
    assert log == "0.1 [3, 4] é 9223372036854775808 None\n"
    assert job["params"] == params


def test_a_missing_output_is_told_and_the_job_ends_well(engine: RunningEngine) -> None:
    code = "class Model: pass\nmodel = Model()\npair = (1, 2)\nlarge = 'x' * 17_000_000\ngood = [1]"
    outputs = ["model", "pair", "large", "absent", "good"]
    job, log = engine.run(code, outputs=outputs)
    assert job["status"] == "Finished"
    listed = engine.get(f"/jobs/{job['id']}/values")
    assert [v["name"] for v in listed["values"]] == ["good"]
    missing = listed["missing"]
    assert "model (__main__.Model) has no JSON or Arrow form: only a pickle" in missing["model"]
    assert "pair is a tuple" in missing["pair"]
    assert "17 MB as JSON, 16 MiB are the limit" in missing["large"]
    assert "not defined" in missing["absent"]
    for name in missing:
        assert f"Output {name} is not kept: {missing[name]}\n" in log
        answer = engine.call("GET", f"/jobs/{job['id']}/values/{name}")
        assert answer.status_code == 404
        assert missing[name] in answer.json()["error"]["message"]


def test_all_outputs_together_have_a_cap(engine: RunningEngine) -> None:
    code = "a = b = c = 'x' * 16_000_000"
    job, log = engine.run(code, outputs=["a", "b", "c"])
    listed = engine.get(f"/jobs/{job['id']}/values")
    assert [v["name"] for v in listed["values"]] == ["a", "b"]
    assert "leave 1.6 MB of 32 MiB" in listed["missing"]["c"]
    assert "Output c is not kept" in log


def test_a_pickle_is_kept_only_where_it_was_wanted(engine: RunningEngine) -> None:
    code = "import fractions\nhalf = fractions.Fraction(1, 2)"
    refused, _ = engine.run(code, outputs=["half"])
    assert "half" in engine.get(f"/jobs/{refused['id']}/values")["missing"]
    job, _ = engine.run(code, outputs=["half"], pickle_outputs=True)
    value = kept(engine, job, "half")
    assert (value.format, value.kind) == ("pickle", "fractions.Fraction")
    python = engine.get(f"/jobs/{job['id']}/values")["python"]
    assert value.python == python
    half = decode(value, allow_pickle=True, python=python)
    back, log = engine.run("print(half + 1)", inputs={"half": wire(half, allow_pickle=True)})
    assert (back["status"], log) == ("Finished", "3/2\n")


def test_an_input_that_cannot_be_read_ends_the_job_with_a_sentence(engine: RunningEngine) -> None:
    old = {"format": "pickle", "data": file("x"), "kind": "a.B", "python": "2.7.1"}
    job, log = engine.run("print('never')", inputs={"model": old}, outputs=["x"])
    assert job["status"] == "Failed"
    assert "model was pickled by Python 2.7.1" in log
    assert "never" not in log
    assert "job_values.py" not in log
    failure = engine.get(f"/jobs/{job['id']}/failure")
    assert (failure["kind"], failure["frames"]) == ("InvalidInput", [])
    reason = engine.get(f"/jobs/{job['id']}/values")["missing"]["x"]
    assert "ended as Failed" in reason


def test_files_can_be_imported_and_read(engine: RunningEngine) -> None:
    code = (
        "import os, pathlib, sys\n"
        "import features, lib.scale\n"
        "print(features.double(lib.scale.FACTOR))\n"
        "print((pathlib.Path(os.environ['KD_JOB_FILES']) / 'data/a.csv').read_text())\n"
        "print(sys.path[0] == os.environ['KD_JOB_FILES'])"
    )
    files = {
        "features.py": file("def double(x):\n    return 2 * x\n"),
        "lib/__init__.py": file(""),
        "lib/scale.py": file("FACTOR = 21\n"),
        "data/a.csv": file("x,y"),
    }
    job, log = engine.run(code, files=files)
    assert (job["status"], log) == ("Finished", "42\nx,y\nTrue\n")
    assert job["files"] == sorted(files)


def test_a_good_exit_keeps_outputs_and_a_helper_process_does_not(engine: RunningEngine) -> None:
    code = (
        "import os, sys\n"
        "best = 1\n"
        "if os.fork() == 0:\n"
        "    best = 2\n"
        "else:\n"
        "    os.wait()\n"
        "    sys.exit()\n"
    )
    job, log = engine.run(code, outputs=["best"])
    assert (job["status"], log) == ("Finished", "")
    assert decode(kept(engine, job, "best")) == 1


def test_a_job_with_code_alone_has_no_file_for_values(engine: RunningEngine) -> None:
    job, _ = engine.run("pass")
    names = {path.name for path in engine.job_folder(job["id"]).iterdir()}
    assert names == {"code.py", "exit.json", "job.json", "log", "log-times.jsonl", "started.json"}
    assert engine.get(f"/jobs/{job['id']}/values") == {"values": [], "missing": {}, "python": ""}
