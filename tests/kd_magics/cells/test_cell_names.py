"""Which names a cell lacks: what must be found, and above all what must not."""

import json
import sysconfig
from pathlib import Path

import pytest

from kd_magics.cells.cell_names import undefined_names

ROOT = Path(__file__).parents[3]
STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
# Packages of the standard library that use the language in every way.
PACKAGES = ("asyncio", "collections", "concurrent", "email", "http", "importlib", "json", "logging")
PACKAGES += ("multiprocessing", "re", "unittest", "urllib", "xml", "wsgiref", "zoneinfo", "dbm")


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("print(df)", {"df": 1}),
        ("x = 1\nx + rate", {"rate": 2}),
        ("df = df.dropna()", {"df": 1}),
        ("total += 1", {"total": 1}),
        ("for row in rows:\n    print(row)", {"rows": 1}),
        ("[f(x) for x in range(3)]", {"f": 1}),
        (
            "class Net(Base):\n    def go(self):\n        return F.relu(1)\nNet()",
            {"Base": 1, "F": 3},
        ),
        ("def fit():\n    return model.fit()\nfit()", {"model": 2}),
        ("def a():\n    return b()\ndef b():\n    return rate\nprint(a())", {"rate": 4}),
        ("key = lambda row: row[column]\nsorted([], key=key)", {"column": 1}),
        ("@decorated\ndef f(): pass", {"decorated": 1}),
        ("with opened as file: pass", {"opened": 1}),
        ("try:\n    pass\nfinally:\n    close()", {"close": 4}),
        ("match 1:\n    case Shape(): pass", {"Shape": 2}),
        ("get_ipython().run_line_magic('time', '')", {"get_ipython": 1}),
        ("await result", {"result": 1}),
        ("print(f'{rate:.2f}')", {"rate": 1}),
        ("del gone", {}),
        ("def f(x: Frame): pass", {"Frame": 1}),
        ("if verbose:\n    print(1)", {"verbose": 1}),
        ("vars(thing)", {"thing": 1}),
        ("class A:\n    x = 1\n    y = [x for _ in (1,)]", {"x": 3}),
    ],
)
def test_a_name_that_nothing_gives_is_found(code: str, names: dict[str, int]) -> None:
    assert undefined_names(code) == names


@pytest.mark.parametrize(
    "code",
    [
        "from numpy import *\narray(1)",
        "try:\n    unicode\nexcept NameError:\n    unicode = str",
        "try:\n    helper()\nexcept Exception as error:\n    print(error, helper)",
        "import contextlib\nwith contextlib.suppress(NameError):\n    helper()",
        "exec('x = 1')\nprint(x)",
        "globals()['x'] = 1\nprint(x)",
        "if 'x' in dir():\n    print(x)",
        "def set_it():\n    global x\n    x = 1\nset_it()\nprint(x)",
        "def outer():\n    n = 0\n    def inner():\n        nonlocal n\n        n += 1\nouter()",
        "if (n := 3) > 2:\n    print(n)",
        "[last := x for x in range(3)]\nprint(last)",
        "match [1, 2]:\n    case [a, *rest]:\n        print(a, rest)",
        "match {}:\n    case {'k': v, **more}:\n        print(v, more)",
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import B\n    C = B()\n"
        "def f(x: 'B'): pass",
        "from __future__ import annotations\ndef f(x: Frame) -> Other: pass",
        "import sys\nif sys.version_info < (3,):\n    text = unicode",
        "if __name__ == '__main__':\n    display(__name__)",
        "class A:\n    x = 1\n    y = [i for i in (x,)]\n    def m(self): return __class__",
        "class A:\n    one = 1\n    two = one + 1\n    def one(self): pass",
        "def never_called():\n    return nowhere",
        "def late():\n    return after\nafter = 1\nlate()",
        "for i in range(3):\n    if i:\n        print(before)\n    before = i",
        "import os.path as p, sys\np.sep, sys.path",
        "(lambda *a, b=1, **k: (a, b, k))()",
        "def f(*args: int, key: str = '', **rest: float) -> None: ...\nf()",
        "async def f():\n    async for x in range(3):\n        yield x\n[x async for x in f()]",
        "async def g():\n    yield 1\ng()",
        "x: int\nprint(exit, quit, help, __name__)",
    ],
)
def test_nothing_is_said_where_a_name_is_or_may_be_there(code: str) -> None:
    assert undefined_names(code) == {}


def test_names_that_the_cell_receives_are_there() -> None:
    assert undefined_names("print(df, lr, other)", {"df", "lr"}) == {"other": 1}


def test_no_cell_of_the_notebooks_is_suspected() -> None:
    cells = 0
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            magic, _, code = "".join(cell["source"]).partition("\n")
            if cell["cell_type"] == "code" and magic.startswith("%%training"):
                cells += 1
                assert undefined_names(code) == {}, path
    assert cells


def modules_of(place: str) -> list[Path]:
    if place == "modules":
        return sorted(STANDARD_LIBRARY.glob("*.py"))
    return sorted(STANDARD_LIBRARY.joinpath(place).rglob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("place", ["modules", *PACKAGES])
def test_no_module_of_the_standard_library_is_suspected(place: str) -> None:
    looked_at = 0
    for path in modules_of(place):
        if "test" not in path.parts:
            looked_at += 1
            assert undefined_names(path.read_text(encoding="utf-8")) == {}, path
    assert looked_at
