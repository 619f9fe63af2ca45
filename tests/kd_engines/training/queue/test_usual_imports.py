"""What a job's code imports, as its text says."""

import pytest

from kd_engines.training.queue.usual_imports import RECENT, UsualImports, imports_of


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import numpy", ["numpy"]),
        ("import os, numpy as np , pandas", ["numpy", "pandas"]),
        ("    import numpy.linalg as la", ["numpy.linalg"]),
        ("from matplotlib import pyplot as plt", ["matplotlib", "matplotlib.pyplot"]),
        ("from a.b import (c,\n  d as e,\n)", ["a.b", "a.b.c", "a.b.d"]),
        ("from a import *", ["a"]),
        ("from . import a", []),
        ("from .a import b", []),
        ("important = 1\nx = 'import y'\n# import z", []),
        ("import", []),
        ("from a import", ["a"]),
        ("import numpy; import pandas", ["numpy"]),
        ("", []),
    ],
)
def test_imports_are_found_at_the_beginning_of_a_line(code: str, names: list[str]) -> None:
    assert list(imports_of(code).names) == names


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("os.environ['A'] = '1'", True),
        ("os.environ.update(A='1')", True),
        ("os.environ |= {}", True),
        ("os.putenv('A', '1')", True),
        ("from dotenv import load_dotenv", True),
        ("del os.environ['A']", True),
        ("x = os.environ['A']", False),
        ("if os.environ['A'] == '1': pass", False),
        ("os.environ.get('A')", False),
    ],
)
def test_a_change_of_the_environment_is_seen(code: str, changes: bool) -> None:
    assert imports_of(code).sets_variables is changes


def test_long_code_costs_no_time() -> None:
    assert imports_of("import " + "a" * 5_000_000).names[0].startswith("aaa")
    assert imports_of("from a import (" + "b, " * 1_000_000).names[0] == "a"
    assert imports_of(" " * 2_000_000 + "x").names == ()


def test_the_usual_are_those_of_the_last_jobs_most_frequent_first() -> None:
    usual = UsualImports()
    usual.saw(["old"])
    for number in range(RECENT):
        usual.saw(["numpy", "pandas"] if number % 2 else ["numpy"])
        usual.saw([])
    assert usual.usual() == ["numpy", "pandas"]
