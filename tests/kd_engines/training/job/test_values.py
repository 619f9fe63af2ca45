"""What is sent with a job's code is there when it begins, and what is wanted of it is kept."""

import base64
import fractions
from typing import Any

import msgspec
import numpy
import pandas
import pytest
import sklearn

from kd_pipeline.messages import Value
from kd_pipeline.values import NeedsConsent, decode, encode
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
    code = "import threading\nlock = threading.Lock()\npair = (1, 2)\ngood = [1]"
    job, log = engine.run(code, outputs=["lock", "pair", "absent", "good"])
    assert job["status"] == "Finished"
    listed = engine.get(f"/jobs/{job['id']}/values")
    assert [v["name"] for v in listed["values"]] == ["pair", "good"]
    missing = listed["missing"]
    assert "lock (_thread.lock) cannot be pickled" in missing["lock"]
    assert "not defined" in missing["absent"]
    for name in missing:
        assert f"Output {name} is not kept: {missing[name]}\n" in log
        answer = engine.call("GET", f"/jobs/{job['id']}/values/{name}")
        assert answer.status_code == 404
        assert missing[name] in answer.json()["error"]["message"]


def test_what_a_types_own_code_does_loses_no_other_value(engine: RunningEngine) -> None:
    code = (
        "import sys, types\n"
        "class Lazy(types.ModuleType):\n"
        "    def __getattr__(self, name): raise ImportError('no tf')\n"
        "sys.modules['lazymod'] = Lazy('lazymod')\n"
        "class Odd:\n"
        "    def __init__(self, error): self.error = error\n"
        "    def __reduce__(self): raise self.error\n"
        "leaves = Odd(SystemExit(3))\n"
        "long = Odd(ValueError('postgres://me:hunter2pw@db/x' + 'a' * 30_000_000))\n"
        "x = (1, 2)\n"
        "sys.stderr = None\n"
    )
    job, log = engine.run(code, outputs=["leaves", "long", "x"])
    assert (job["status"], job["exit_code"]) == ("Finished", 0)
    listed = engine.get(f"/jobs/{job['id']}/values")
    assert [value["name"] for value in listed["values"]] == ["x"]
    assert "cannot be pickled: SystemExit: 3" in listed["missing"]["leaves"]
    assert "postgres://me:[hidden]@db/xaaa" in listed["missing"]["long"]
    assert len(listed["missing"]["long"]) < 1100
    assert f"Output long is not kept: {listed['missing']['long']}\n" in log


def test_keeping_a_large_table_costs_no_copy_of_it(engine: RunningEngine) -> None:
    code = (
        "import numpy, pandas\n"
        "table = pandas.DataFrame(numpy.ones((5 * 131072, 64)), copy=False)\n"  # 336 MB
    )
    job, log = engine.run(code, outputs=["table"], resources={"memory_bytes": 700 * 1024**2})
    assert job["status"] == "Finished", log
    [value] = engine.get(f"/jobs/{job['id']}/values")["values"]
    assert (value["format"], value["size_bytes"] > 320_000_000) == ("pickle", True)


def test_a_model_is_kept_though_nobody_asked_for_a_pickle(engine: RunningEngine) -> None:
    code = (
        "import numpy, sklearn.linear_model\n"
        "x = numpy.arange(6.0).reshape(3, 2)\n"
        "model = sklearn.linear_model.LinearRegression().fit(x, x[:, 0])"
    )
    job, _ = engine.run(code, outputs=["model"])
    listed = engine.get(f"/jobs/{job['id']}/values")
    assert listed["libraries"]["sklearn"] == sklearn.__version__
    value = kept(engine, job, "model")
    assert (value.format, value.python) == ("pickle", listed["python"])
    with pytest.raises(NeedsConsent, match=r"sklearn\.linear_model"):
        decode(value)
    assert decode(value, allow_pickle=True).predict([[1.0, 2.0]]).tolist() == pytest.approx([1.0])


def test_what_is_large_is_kept_whole_and_read_in_parts(engine: RunningEngine) -> None:
    code = "import numpy\nlarge = numpy.arange(3_000_000)\npair = (large, 'x' * 20_000_000)"
    job, _ = engine.run(code, outputs=["large", "pair"])
    large, pair = engine.get(f"/jobs/{job['id']}/values")["values"]
    assert (large["format"], pair["format"]) == ("arrow", "pickle")
    refused = engine.call("GET", f"/jobs/{job['id']}/values/large")
    assert refused.status_code == 413
    assert f"/jobs/{job['id']}/values/large/data" in refused.json()["error"]["message"]
    content = b""
    while len(content) < pair["size_bytes"]:
        path = f"/jobs/{job['id']}/values/pair/data?offset={len(content)}"
        content += engine.call("GET", path).content
    back = decode(Value("pickle", content, "tuple"))
    assert (back[0].tolist()[-1], len(back[1])) == (2_999_999, 20_000_000)
    part = engine.call("GET", f"/jobs/{job['id']}/values/pair/data?offset=3&limit=2")
    assert (part.content, part.headers["Content-Type"]) == (
        content[3:5],
        "application/octet-stream",
    )


def test_values_over_the_cap_are_told_and_those_before_stay(
    engine: RunningEngine,
) -> None:
    code = (
        "from kd_engines.training.job import values\n"
        "values.LARGEST_KEPT = 30_000_000\n"
        "a = b = c = 'x' * 16_000_000\nd = 1"
    )
    job, log = engine.run(code, outputs=["a", "b", "c", "d"])
    listed = engine.get(f"/jobs/{job['id']}/values")
    assert [v["name"] for v in listed["values"]] == ["a", "d"]
    assert "b has 16 MB as a pickle, 13 MiB are the limit" in listed["missing"]["b"]
    assert "Output c is not kept" in log


def test_an_input_may_be_a_pickle(engine: RunningEngine) -> None:
    half = fractions.Fraction(1, 2)
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
    assert engine.get(f"/jobs/{job['id']}/values") == {
        "values": [],
        "missing": {},
        "python": "",
        "libraries": {},
    }
