"""What a job's code imports, as its text says."""

import time

import pytest

from kd_engines.training.queue.usual_imports import LONGEST, RECENT, UsualImports, imports_of


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
        ("import numpy; import pandas", ["numpy", "pandas"]),
        ("from os import path\nimport numpy\nimport pandas as pd", ["numpy", "pandas"]),
        ("from a import b\nimport numpy", ["a", "a.b", "numpy"]),
        ("import " + "a" * 200 + ", numpy", ["numpy"]),
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
        ("from os import environ as e; e['A'] = '1'", True),
        ("e = os.environ", True),
        ("os.environ.__setitem__('A', '1')", True),
        ("import sys; sys.path.insert(0, 'v')", True),
        ("sys.modules['a'] = None", True),
        ("sys.path[:0] = ['v']", True),
        ("del sys.modules['a']", True),
        ("sys.meta_path.append(f)", True),
        ("sys.path.append('v')", False),
        ("print('a' in sys.modules, sys.modules['a'] == b, sys.path)", False),
        ("x = os.environ['A']", False),
        ("if os.environ['A'] == '1': pass", False),
        ("os.environ.get('A')", False),
    ],
)
def test_what_may_change_an_import_is_seen(code: str, changes: bool) -> None:
    assert imports_of(code).is_special is changes


@pytest.mark.parametrize(
    "part",
    ["environ[", "import a, ", "from a import (b,\n", "del ", "sys.path ", " ", ";", "a.", "("],
)
def test_long_code_costs_little(part: str) -> None:
    began = time.process_time()
    imports_of(part * (LONGEST // len(part)))
    assert time.process_time() - began < 1


def test_the_usual_are_those_of_the_last_jobs_most_frequent_first() -> None:
    usual = UsualImports()
    usual.saw(["old"])
    for number in range(RECENT):
        usual.saw(["numpy", "pandas"] if number % 2 else ["numpy"])
        usual.saw([])
    assert usual.usual() == ["numpy", "pandas"]
