"""What may be sent beside a job's code: each limit has its sentence."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kd_engines.training.intake import payload_limits
from kd_engines.training.intake.payload_limits import check
from kd_pipeline.errors import InvalidInput, TooLarge
from kd_pipeline.messages import SubmitJob, Value

ONE = Value("json", b"1", "int")
DEEP = "/".join(["a"] * 20)


def job(**fields: Any) -> SubmitJob:
    """Return a submission with these fields."""
    return SubmitJob(code="pass", **fields)


@pytest.mark.parametrize("field", ["params", "inputs", "outputs"])
@pytest.mark.parametrize(
    "name", ["", "a b", "1a", "class", "None", "a.b", "../x", "__name__", "x" * 101, "\ufb01t"]
)
def test_a_name_is_a_variables(field: str, name: str) -> None:
    names: Any = {"params": {name: 1}, "inputs": {name: ONE}, "outputs": [name]}[field]
    with pytest.raises(InvalidInput, match=f"{field} has the name"):
        check(job(**{field: names}))


def test_good_names_pass() -> None:
    check(
        job(params={"lr": 1}, inputs={"größe": ONE, "_x": ONE}, outputs=["lr", "match", "x" * 100])
    )


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"outputs": [f"a{i}" for i in range(101)]}, "outputs has 101 names, 100"),
        ({"params": {f"a{i}": 0 for i in range(101)}}, "params has 101 names"),
        ({"params": {"a": "x" * 65_536}}, r"params has 65,\d+ bytes as JSON, 65,536.*inputs"),
        ({"inputs": {"x": Value("json", b"1" * (16 * 1024**2 + 1))}}, "x has 17 MB.*16 MiB"),
        ({"files": {"a.bin": b"1" * (32 * 1024**2 + 1)}}, r"together \(most of all a.bin.*32 MiB"),
        ({"files": {f"{i}.py": b"" for i in range(1001)}}, "files has 1,001 files, 1,000"),
    ],
)
def test_what_is_too_much_is_told_with_its_limit(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(TooLarge, match=told):
        check(job(**fields))


def test_a_param_is_no_input_too() -> None:
    with pytest.raises(InvalidInput, match="x is a param and an input at once; rename"):
        check(job(params={"x": 1}, inputs={"x": ONE}))


def test_a_param_has_at_most_64_bits() -> None:
    check(job(params={"x": 2**64 - 1}))
    with pytest.raises(InvalidInput, match="64 bits"):
        check(job(params={"x": [2**64]}))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../a",
        "a/../b",
        "a/./b",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "a\0",
        "a\nb",
        "\x7f",
        DEEP + "/b",
        "x" * 256,
        "é" * 128,
        "a/" * 10 + "x" * 490,
    ],
)
def test_a_path_leads_nowhere_else(path: str) -> None:
    with pytest.raises(InvalidInput, match="files has the path"):
        check(job(files={path: b""}))


def test_good_paths_pass() -> None:
    check(job(files={"a.py": b"", "lib/b.py": b"", "..hidden": b"", ".env": b"", DEEP: b""}))


def test_a_file_is_no_folder_too() -> None:
    with pytest.raises(InvalidInput, match="'a/b' as a file and as a folder"):
        check(job(files={"a/b": b"", "a/b/c/d": b""}))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_a_path_that_passes_stays_below_its_folder(path: str) -> None:
    try:
        check(job(files={path: b""}))
    except InvalidInput:
        return
    parts = path.split("/")
    assert not path.startswith("/")
    assert not {"", ".", ".."} & set(parts)
    assert len(parts) <= payload_limits.DEEPEST_PATH
