"""What a cell needs of an engine: only what surely comes about is told."""

import pytest

from kd_magics.cells.cell_needs import imported_modules, parsed, read_files, replaced_params


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        (
            "import numpy as np, sklearn.svm\nfrom xgboost.core import a",
            ["numpy", "sklearn", "xgboost"],
        ),
        ("import os, json\nfrom pathlib import Path", []),
        ("try:\n    import cupy\nexcept ImportError:\n    cupy = None", []),
        ("if gpu:\n    import cupy", []),
        ("def f():\n    import cupy", []),
        ("from . import sibling\nimport __main__", []),
        ("import mine\nimport sys\nsys.path.append('code')\nimport other", ["mine"]),
        ("from sys import path\nimport other", []),
        ("import subprocess\nsubprocess.run(['pip', 'install', 'other'])\nimport other", []),
        ("with warnings.catch_warnings():\n    import tensorflow", ["tensorflow"]),
    ],
)
def test_modules_that_surely_are_imported(code: str, modules: list[str]) -> None:
    assert list(imported_modules(parsed(code))) == modules


@pytest.mark.parametrize(
    ("code", "paths"),
    [
        ("open('data/a.csv')", ["data/a.csv"]),
        (
            "with open('repo://project_repo/data/a.csv', 'rb') as f: pass",
            ["repo://project_repo/data/a.csv"],
        ),
        (
            "df = pd.read_csv('/bd-fs-mnt/project_repo/data/a.csv')",
            ["/bd-fs-mnt/project_repo/data/a.csv"],
        ),
        ("m = joblib.load('models/m.bin')", ["models/m.bin"]),
        ("open('data/a.csv', 'w')", []),
        ("open('data/a.csv', mode)", []),
        ("open('data/a.csv', mode='a')", []),
        ("open('notes.txt')", []),
        ("fetch('data/a.csv')\nopen('data/a.csv')", []),
        ("for i in range(3):\n    open(f'data/{i}.csv', 'w')\nopen('data/0.csv')", []),
        ("(Path('data') / 'a.csv').write_text('')\nopen('data/a.csv')", []),
        ("if fresh:\n    open('data/a.csv')", []),
        ("try:\n    open('data/a.csv')\nexcept OSError:\n    pass", []),
        ("x = open('data/a.csv') if fresh else None", []),
        ("later = lambda: open('data/a.csv')", []),
        ("pd.read_parquet('data/*.parquet')", []),
        ("pd.read_csv('https://example.org/data/a.csv')", []),
    ],
)
def test_files_that_surely_are_read(code: str, paths: list[str]) -> None:
    assert list(read_files(parsed(code), code)) == paths


def test_params_that_come_to_nothing() -> None:
    code = (
        "import x\nlr: float = 0.1\ndepth = depth + 1\nif True:\n    deep = 1\nrate = lr\nrate = 2"
    )
    found = replaced_params(parsed(code), ["lr", "depth", "deep", "rate", "other"])
    assert found == {"lr": 2, "rate": 6}
