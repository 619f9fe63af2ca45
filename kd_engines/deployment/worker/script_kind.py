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
# What reads sys.argv in a script's place.
READERS = frozenset(
    {"absl", "argparse", "click", "docopt", "fire", "getopt", "optparse", "tap", "typer"}
)
FUNCTION, SCRIPT = "function", "script"
_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With)
_PLAIN = (ast.Import, ast.ImportFrom, ast.Pass, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class NoScoringScript(Exception):
    """A script that neither has a predictor nor runs; says what it has instead."""


def kind_of(tree: ast.Module, folder: Path) -> str:
    """Return "function" or "script" for a script of ``folder``; raises NoScoringScript."""
    runs = _runs(tree.body, {name for name, _ in _functions(tree)})
    by_arguments = _reads_arguments(tree)
    predictors = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in FUNCTIONS]
    if any(map(_takes_two, predictors)) and not (runs and by_arguments):
        return FUNCTION
    misplaced = list(_misplaced(tree))
    prints = "print" in {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if runs and (by_arguments or prints or not misplaced):
        return SCRIPT
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
    """Tell whether a statement is ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


def _runs(body: list[ast.stmt], own: set[str]) -> bool:
    """Tell whether statements do anything but define, import and assign.

    An assignment counts where it calls one of the script's ``own`` functions.
    """
    for node in body:
        if isinstance(node, _BLOCKS):
            handlers = [h for h in getattr(node, "handlers", ()) for h in h.body]
            inner = [*node.body, *getattr(node, "orelse", ()), *handlers]
            if _runs([*inner, *getattr(node, "finalbody", ())], own):
                return True
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            calls = [part.func for part in ast.walk(node) if isinstance(part, ast.Call)]
            called = {function.id for function in calls if isinstance(function, ast.Name)}
            if called & {*own, "print", "exec", "eval"}:
                return True
        elif not isinstance(node, _PLAIN) and not _is_constant(node):
            return True
    return False


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
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "argv" and id(node) not in own_name:
            return True
        if isinstance(node, ast.Name) and node.id == "argv" and id(node) not in own_name:
            return True
    return any(name.partition(".")[0] in READERS for name in _imported(tree))


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


def _functions(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node


def _takes_two(node: ast.FunctionDef) -> bool:
    """Tell whether a function can be called with two arguments in order."""
    arguments = node.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    needed = positional - len(arguments.defaults)
    keywords = [default for default in arguments.kw_defaults if default is None]
    return needed <= 2 and (positional >= 2 or arguments.vararg is not None) and not keywords


def _defined(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in tree.body if isinstance(node, kinds)]


def _misplaced(tree: ast.Module) -> Iterator[str]:
    """Say what looks like a predictor and is none that can be called as one."""
    for node in tree.body:
        where = f"(line {node.lineno})"
        if isinstance(node, ast.AsyncFunctionDef) and node.name in FUNCTIONS:
            yield f"async def {node.name} {where}"
        elif isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS:
            count = len(node.args.posonlyargs) + len(node.args.args)
            if not _takes_two(node):
                yield f"{node.name} with {count} argument{'' if count == 1 else 's'} {where}"
        elif isinstance(node, (ast.ClassDef, *_BLOCKS)):
            inner = next((name for name, _ in _functions(node) if name in FUNCTIONS), None)
            what = f"class {node.name}" if isinstance(node, ast.ClassDef) else _word(node)
            if inner:
                yield f"{inner} inside {what} {where}"
        elif isinstance(node, ast.ImportFrom):
            names = {alias.asname or alias.name for alias in node.names}
            yield from (f"an imported {name} {where}" for name in sorted(names & FUNCTIONS))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names = {target.id for target in node.targets if isinstance(target, ast.Name)}
            yield from (f"a lambda {name} {where}" for name in sorted(names & FUNCTIONS))


def _word(node: ast.stmt) -> str:
    return type(node).__name__.lower().removesuffix("star")
