"""The house keeps its order: who may import whom, how long a module is, what has a docstring."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("kd_pipeline", "kd_client", "kd_magics", "kd_engines", "jupyter_extension")
MAY_IMPORT = {
    "kd_pipeline": set(),
    "kd_client": {"kd_pipeline"},
    "kd_magics": {"kd_pipeline", "kd_client"},
    "kd_engines": {"kd_pipeline"},
    "jupyter_extension": {"kd_pipeline", "kd_client"},
}
LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
CATCH_ALL_NAMES = {"utils", "helpers", "handlers", "manager", "common", "misc"}
MODULES = sorted(
    path
    for room in ROOMS
    for path in (ROOT / room).rglob("*.py")
    if "node_modules" not in path.parts
)
FRONTEND = ROOT / "jupyter_extension" / "frontend"
TYPESCRIPT = sorted(p for f in ("src", "tests") for p in (FRONTEND / f).rglob("*.ts*"))
VIEWS = [path for path in TYPESCRIPT if path.parent.name == "views"]
# What is imported at run time: not `import type …`.
TYPESCRIPT_IMPORT = re.compile(r"""^(?:import|export)\s+(?!type\b)[^'"]*?['"]([^'"]+)['"]""", re.M)
# What fetches: views are given their data and what they may do.
FETCHES = re.compile(r"^@jupyterlab/services\b|(^|/)(request|api)$")


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield (node.module or "").partition(".")[0]


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                is_function = isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                if is_function and not inner.name.startswith("_"):
                    yield inner


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    ours = set(imported(ast.parse(path.read_text()))) & set(ROOMS)
    assert ours <= MAY_IMPORT[room] | {room}


def imported_modules(path: Path) -> Iterator[str]:
    """Yield our modules that one imports when it is imported itself."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
            yield node.module or ""


def test_no_modules_import_each_other() -> None:
    by_name = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in MODULES
    }
    graph = {
        name: {other for other in imported_modules(path) if other in by_name} - {name}
        for name, path in by_name.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names them


CLIENT = [path for path in MODULES if path.relative_to(ROOT).parts[0] == "kd_client"]


@pytest.mark.parametrize("path", CLIENT, ids=names(CLIENT))
def test_what_one_can_do_prints_nothing_and_knows_no_face(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert {*imported(tree)}.isdisjoint({"IPython", "argparse", "ipywidgets", "traitlets", "typer"})
    called = {node.func.id for node in ast.walk(tree) if is_call_by_name(node)}
    assert called.isdisjoint({"print", "input", "display"})


COMMAND = re.compile(r"%%?[a-zA-Z]\w|(?<![\w-])--[a-z]")


@pytest.mark.parametrize("path", CLIENT, ids=names(CLIENT))
def test_what_one_can_do_says_no_magic_and_no_option(path: Path) -> None:
    """An error's sentence is for all faces: what to type is its hint's."""
    tree = ast.parse(path.read_text())
    hints = [n for n in ast.walk(tree) if is_call_by_name(n) and n.func.id in ("Hint", "_naming")]
    left_out = {id(part) for hint in hints for part in ast.walk(hint)}
    left_out |= {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}  # docstrings
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in left_out
    ]
    assert [text for text in texts if COMMAND.search(text) and " " in text] == []


def is_call_by_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


@pytest.mark.slow
def test_what_one_can_do_loads_at_once() -> None:
    code = "import sys, kd_client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*done.stdout.split()}.isdisjoint({"IPython", "kubernetes", "pandas", "requests"})


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_a_module_can_be_read_at_once(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    assert len(source.splitlines()) <= LONGEST_MODULE
    assert path.stem not in CATCH_ALL_NAMES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.body[0].lineno + 1
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=names(MODULES))
def test_whatever_is_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module has none"
    without = [node.name for node in public(tree) if not ast.get_docstring(node)]
    assert without == []


@pytest.mark.parametrize("path", TYPESCRIPT, ids=names(TYPESCRIPT))
def test_a_typescript_module_can_be_read_at_once(path: Path) -> None:
    assert path.name.partition(".")[0] not in CATCH_ALL_NAMES
    if path.name != "messages.ts":  # written by a program
        assert len(path.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", VIEWS, ids=names(VIEWS))
def test_a_view_fetches_nothing(path: Path) -> None:
    source = path.read_text()
    assert [one for one in TYPESCRIPT_IMPORT.findall(source) if FETCHES.search(one)] == []
    assert not re.search(r"\bfetch\(|\bXMLHttpRequest\b|\bServerConnection\b", source)
