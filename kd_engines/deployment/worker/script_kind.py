"""Which kind of scoring script one is, by what stands at its top level.

A script that defines ``predict(model, args)`` or ``predict_batch(model, rows)`` is a function
script. One that reads its command line, or prints when it is run, is one of 2020, also where it
has a function of that name. What is neither is refused in words when it is loaded.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

FUNCTIONS = frozenset({"predict", "predict_batch"})
# Modules that read sys.argv in a script's place, and what of absl does.
READERS = frozenset(
    {"absl", "argparse", "click", "docopt", "fire", "getopt", "optparse", "tap", "typer"}
)
_OF_ABSL = frozenset({"app", "flags"})
FUNCTION, SCRIPT, MODEL = "function", "script", "model"
COMPILER = "compiler"  # has nothing to serve; see compiler.py
PREPARE = "prepare"
_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With)
_PLAIN = (ast.Import, ast.ImportFrom, ast.Pass, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class NoScoringScript(Exception):
    """A script that neither has a predictor nor runs; says what it has instead."""


def kind_of(tree: ast.Module, folder: Path) -> str:
    """Return what a script of ``folder`` is: "function", "script", or "model" for one that only
    prepares rows for a model of a known format; raises NoScoringScript.
    """
    runs = _runs(tree.body)
    by_arguments = _reads_arguments(tree)
    predictors = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in FUNCTIONS]
    if any(map(_takes_two, predictors)):
        asks_itself = _calls_predictor(tree)
        return SCRIPT if runs and (by_arguments or asks_itself) else FUNCTION
    if not runs and any(map(_prepares, tree.body)):
        return MODEL
    never, seldom = _misplaced(tree)
    prints = "print" in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if runs and (by_arguments or prints or not never):
        return SCRIPT
    misplaced = never + seldom
    if not runs and not misplaced and (by_arguments or _imports_of(tree, folder)):
        return SCRIPT
    instead = misplaced or [f"{node.name} (line {node.lineno})" for node in _defined(tree)]
    found = f"It has {', '.join(instead[:5])} instead" if instead else "It runs nothing either"
    raise NoScoringScript(
        "No plain function predict(model, args) or predict_batch(model, rows) stands at the top "
        f"level of the script. {found}"
    )


def without_guards(tree: ast.Module) -> ast.Module:
    """Take ``if __name__ == "__main__":`` blocks off: they try a function script by hand."""
    tree.body = [part for node in tree.body for part in (node.orelse if is_guard(node) else [node])]
    return tree


def is_guard(node: ast.stmt) -> TypeGuard[ast.If]:
    """Tell whether a statement is ``if __name__ == "__main__":``, or that ``and`` more."""
    return isinstance(node, ast.If) and _asks_for_main(node.test)


def _asks_for_main(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_asks_for_main, test.values))
    if not isinstance(test, ast.Compare) or not all(isinstance(op, ast.Eq) for op in test.ops):
        return False
    sides = [test.left, *test.comparators]
    names = {side.id for side in sides if isinstance(side, ast.Name)}
    return "__name__" in names and any(
        isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
    )


def _runs(body: list[ast.stmt]) -> bool:
    """Tell whether statements do anything but define, import and assign what nothing computes."""
    for node in body:
        if isinstance(node, _BLOCKS):
            handlers = [h for h in getattr(node, "handlers", ()) for h in h.body]
            inner = [*node.body, *getattr(node, "orelse", ()), *handlers]
            if _runs([*inner, *getattr(node, "finalbody", ())]):
                return True
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            if any(isinstance(part, ast.Call) for part in ast.walk(node)):
                return True
        elif not isinstance(node, _PLAIN) and not _is_constant(node):
            return True
    return False


def _calls_predictor(tree: ast.Module) -> bool:
    """Tell whether a script calls its predictor at its top level.

    In a guard it may be to try a function script by hand.
    """
    nodes = [n for n in tree.body if not isinstance(n, _PLAIN) and not is_guard(n)]
    calls = [part.func for n in nodes for part in ast.walk(n) if isinstance(part, ast.Call)]
    return bool({f.id for f in calls if isinstance(f, ast.Name)} & FUNCTIONS)


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _reads_arguments(tree: ast.Module) -> bool:
    """Tell whether a script reads its command line, of which ``sys.argv[0]`` is no part."""
    own_name = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, ast.Constant)
        and node.slice.value == 0
    }
    readers = set(_readers(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "argv" and id(node) not in own_name:
            return True
        if isinstance(node, ast.Name) and node.id == "argv" and id(node) not in own_name:
            return True
        if isinstance(node, ast.Call) and _uses(node.func, readers):
            return True
        decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
        if any(_uses(decorator, readers) for decorator in decorators):
            return True
    return False


def _readers(tree: ast.Module) -> Iterator[str]:
    """Yield the names by which a script has what reads a command line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] in READERS:
                    yield alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            top = (node.module or "").partition(".")[0]
            for alias in node.names:
                if top in READERS and (top != "absl" or alias.name in _OF_ABSL):
                    yield alias.asname or alias.name


def _uses(function: ast.expr, readers: set[str]) -> bool:
    """Tell whether a function, as ``click.command``, is one of the readers'."""
    if isinstance(function, ast.Attribute) and function.attr == "Namespace":
        return False
    while isinstance(function, ast.Attribute | ast.Call):
        function = function.value if isinstance(function, ast.Attribute) else function.func
    return isinstance(function, ast.Name) and function.id in readers


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _imports_of(tree: ast.Module, folder: Path) -> bool:
    """Tell whether a script imports one beside it, which may do all its work."""
    tops = {name.partition(".")[0] for name in _imported(tree)}
    return any((folder / f"{top}.py").exists() or (folder / top).is_dir() for top in tops)


def _functions(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def _takes_two(node: ast.FunctionDef) -> bool:
    """Tell whether a function can be called with two arguments in order."""
    arguments = node.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    keywords = [default for default in arguments.kw_defaults if default is None]
    return needed <= 2 and (positional >= 2 or arguments.vararg is not None) and not keywords


def _prepares(node: ast.stmt) -> bool:
    """Tell whether a statement defines ``prepare(row)``."""
    if not isinstance(node, ast.FunctionDef) or node.name != PREPARE:
        return False
    positional = [*node.args.posonlyargs, *node.args.args]
    return len(positional) - len(node.args.defaults) <= 1 <= len(positional)


def _defined(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in tree.body if isinstance(node, kinds)]


def _misplaced(tree: ast.Module) -> tuple[list[str], list[str]]:
    """Say what looks like a predictor and is none that can be called as one.

    First what a script of 2020 hardly has, then what it may have for its own use.
    """
    never, seldom = [], []
    for node in tree.body:
        where = f"(line {node.lineno})"
        if isinstance(node, ast.AsyncFunctionDef) and node.name in FUNCTIONS:
            never.append(f"async def {node.name} {where}")
        elif isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS:
            count = len(node.args.posonlyargs) + len(node.args.args)
            plural = "" if count == 1 else "s"
            seldom.append(f"{node.name} with {count} argument{plural} {where}")
        elif isinstance(node, (ast.ClassDef, *_BLOCKS)):
            inner = next((name for name in _functions(node) if name in FUNCTIONS), None)
            if inner and isinstance(node, ast.ClassDef):
                seldom.append(f"{inner} inside class {node.name} {where}")
            elif inner:
                never.append(f"{inner} inside {_word(node)} {where}")
        elif isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
            seldom += [f"an imported {name} {where}" for name in sorted(names & FUNCTIONS)]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            never += [f"a lambda {name} {where}" for name in sorted(names & FUNCTIONS)]
    return never, seldom


def _word(node: ast.stmt) -> str:
    return type(node).__name__.lower().removesuffix("star")
