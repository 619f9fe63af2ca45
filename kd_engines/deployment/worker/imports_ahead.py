"""Import the libraries of a script before its first request, which would pay for them.

Libraries alone: what lies beside the script in the project repository is the user's own code, which
may read its arguments or do its work when it is imported. It is looked through for the libraries
that it imports, and runs in each fork. Nor is anything imported that stands in some branch, behind
one that may return, or behind what decides which library is found, or how it sets itself up
(`sys.path.insert`, `os.environ[…] = …`).
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Collection, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from kd_engines.deployment.results import reason_of
from kd_engines.deployment.worker.pickled_names import modules_of_pickle
from kd_engines.deployment.worker.script_kind import is_guard

# In sys and os. What is appended to sys.path comes behind the libraries that are found already.
_PLACES = frozenset({"environ", "path", "modules", "meta_path", "path_hooks"})
_CHANGES = frozenset({"insert", "setdefault", "update", "pop", "clear", "remove", "extend"})
_DECIDING = frozenset({"putenv", "unsetenv"})
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ENDS = (ast.Return, ast.Raise, ast.Yield, ast.YieldFrom, ast.Break, ast.Continue)
_OPEN = (ast.Try, ast.TryStar, ast.With, *_NAMED)


def import_ahead(tree: ast.Module, script: Path, root: Path, model: Path) -> None:
    """Import the libraries of a script below ``root``; failures come later, in its own process.

    Those that its ``model`` names, where that is a pickle, the script need not import itself.
    """
    sys.argv[:] = [str(script)]
    seen: set[str] = set()
    found = [*_libraries(tree, root, seen), *_libraries(_importing(model), root, seen)]
    for name in dict.fromkeys(found):
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(f"import {name}: {reason_of(error)}", file=sys.stderr)


def called_by(tree: ast.Module, entries: Collection[str]) -> ast.Module:
    """Return the functions and classes of a script that these of its functions may come to.

    None of them where one of them decides what an import finds, or does.
    """
    defined = {node.name: node for node in tree.body if isinstance(node, _NAMED)}
    waiting, found = list(entries), dict[str, ast.stmt]()
    while waiting:
        name = waiting.pop()
        if name in defined and name not in found:
            found[name] = defined[name]
            waiting += (node.id for node in ast.walk(found[name]) if isinstance(node, ast.Name))
    body = list(found.values())
    return ast.Module([] if any(_decides(n) for one in body for n in ast.walk(one)) else body, [])


def _importing(model: Path) -> ast.Module:
    """Return imports of the modules that a pickle names."""
    names = [name for name in modules_of_pickle(model) if name.replace(".", "_").isidentifier()]
    aliases = [ast.alias(name) for name in names if name.partition(".")[0] != "__main__"]
    return ast.Module([ast.Import(aliases)] if aliases else [], [])


def _libraries(tree: ast.Module, root: Path, seen: set[str]) -> Iterator[str]:
    """Yield the names of the libraries that a script, or a module of the user's, imports."""
    for name in _imported(tree.body):
        if name in seen:
            continue
        seen.add(name)
        top = name.partition(".")[0]
        spec = _found(top)
        if spec is None:
            continue
        places = [spec.origin or "", *(spec.submodule_search_locations or ())]
        if not any(Path(place).is_relative_to(root) for place in places if place):
            yield name
            continue
        for file in _files(Path(spec.origin or places[1]), name):
            yield from _libraries(_parsed(file), root, seen)


def _imported(body: list[ast.stmt]) -> Iterator[str]:
    """Yield what is imported on the way: at the top level, and in functions and try blocks."""
    for node in body:
        if any(map(_decides, ast.walk(node))):
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
        elif isinstance(node, _OPEN) or is_guard(node):
            yield from _imported(node.body)
        if not isinstance(node, _NAMED) and any(isinstance(n, _ENDS) for n in ast.walk(node)):
            return  # what comes after it may never be come to


def _decides(node: ast.AST) -> bool:
    """Tell whether something changes what an import after it finds, or does."""
    if isinstance(node, ast.Attribute):
        return node.attr in _DECIDING
    if isinstance(node, ast.Subscript):
        is_set = isinstance(node.ctx, ast.Store | ast.Del)
        return is_set and _last_name(node.value) in _PLACES
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _CHANGES and _last_name(node.func.value) in _PLACES
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(t, ast.Attribute) and t.attr in _PLACES for t in targets)
    return False


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _found(top: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None


def _files(origin: Path, name: str) -> Iterator[Path]:
    """Yield the files of a module and of its packages: those that importing it runs."""
    package = origin.parent if origin.name == "__init__.py" else origin.with_suffix("")
    if origin.is_file():
        yield origin
    for part in name.split(".")[1:]:
        package /= part
        yield from (f for f in (package / "__init__.py", package.with_suffix(".py")) if f.is_file())


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])
