"""The options of a cell: how their values are read, and which are refused."""

import argparse
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kd_magics.cells.cell_options import (
    MOST_JOBS,
    environment,
    grid,
    param,
    parser,
    requirements,
)
from kd_magics.errors import BadOptions


def read(line: str, **variables: object) -> argparse.Namespace:
    return parser("cluster").read(line, variables)


def test_values_are_json_or_text() -> None:
    line = (
        """--param lr=0.1 --param name=big --param 'sizes=[1, 2]' --param on=true --param n={n}"""
    )
    assert dict(read(line, n=7).param) == {
        "lr": 0.1,
        "name": "big",
        "sizes": [1, 2],
        "on": True,
        "n": 7,
    }


@given(st.integers() | st.booleans() | st.none() | st.lists(st.integers()))
def test_what_json_has_comes_back(value: object) -> None:
    assert param(f"n={json.dumps(value)}") == ("n", value)


def test_lists_may_be_given_again() -> None:
    options = read("--in a,b --in c --out m --files util.py,pkg/ -o job --gpus 1 --memory 4g")
    assert (options.inputs, options.outputs, options.files) == (
        ["a", "b", "c"],
        ["m"],
        ["util.py", "pkg/"],
    )
    assert (options.variable, options.gpus, options.memory) == ("job", 1, 4 * 1024**3)


@pytest.mark.parametrize(
    "line",
    [
        *["--in a,", "--in 1a", "--out class", "-o a.b", "--param lr", "--param 1=2", "--env =x"],
        *["--cpus 0", "--cpus many", "--gpus 0", "--memory lots", "--grid lr=", "--timeout soon"],
    ],
)
def test_what_is_wrong_is_refused(line: str) -> None:
    with pytest.raises(BadOptions, match="--"):
        read(line)


@pytest.mark.parametrize("name", ["HF_TOKEN", "DB_PASSWORD", "aws_secret_access_key", "API_KEY"])
def test_a_secret_on_the_line_is_refused(name: str) -> None:
    for line in (f"--env {name}=abc", f"--env '{name}=abc'", f'--env {name}="abc"'):
        with pytest.raises(BadOptions, match="Kubernetes secret"):
            environment(read(line).env, line)
    # From a variable it is not in the notebook.
    line = f"--env {name}={{key}}"
    assert environment(read(line, key="abc").env, line) == {name: "abc"}


def test_other_variables_of_the_environment_are_taken() -> None:
    line = "--env OMP_NUM_THREADS=2 --env MONKEY=1 --env URL=http://x/?a=b"
    assert environment(read(line).env, line) == {
        "OMP_NUM_THREADS": "2",
        "MONKEY": "1",
        "URL": "http://x/?a=b",
    }


def test_requirements_are_words_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.txt").write_text(
        "# what it needs\npolars==1.9  # tables\n\nxgboost\n"
    )
    assert requirements(["duckdb", "requirements.txt"]) == [
        "duckdb",
        "polars==1.9",
        "xgboost",
    ]
    with pytest.raises(BadOptions, match=r"other\.txt"):
        requirements(["other.txt"])


def test_a_grid_is_every_combination() -> None:
    options = read("--grid lr=0.1,0.01 --grid 'depth=[3, 6]' --grid kind=a")
    assert grid(options.grid) == [
        {"lr": 0.1, "depth": 3, "kind": "a"},
        {"lr": 0.1, "depth": 6, "kind": "a"},
        {"lr": 0.01, "depth": 3, "kind": "a"},
        {"lr": 0.01, "depth": 6, "kind": "a"},
    ]
    assert grid([]) == [{}]
    with pytest.raises(BadOptions, match=f"121 jobs, {MOST_JOBS} are the limit"):
        grid([("a", list(range(11))), ("b", list(range(11)))])
    with pytest.raises(BadOptions, match="a twice"):
        grid([("a", [1]), ("a", [2])])


def test_a_param_is_a_variable() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="class"):
        param("class=1")
