"""What a cell needs of an engine, as its text tells: modules that it imports, files that it reads.

Only what surely comes about counts: statements of the cell's own level, outside of `if`, `try`
and functions.
"""

import ast
import sys
from collections.abc import Collection, Iterator

PLACES = ("/bd-fs-mnt/", "repo://", "data/", "models/", "code/", "misc/")
BRINGING = frozenset(
    {"sys.path", "sys.modules", "sys.meta_path", "site.addsitedir", "os.system", "subprocess"}
) | {"importlib", "runpy", "pip", "exec", "__import__"}
READ_MODES = frozenset({"r", "rb", "rt", "br", "tr"})


def parsed(source: str) -> ast.Module:
    """Return a cell's code, in which `await` may stand outside of functions."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree: ast.Module = compile(source, "<cell>", "exec", flags, dont_inherit=True)
    return tree


def imported_modules(tree: ast.Module) -> dict[str, int]:
    """Return the top-level names of the modules that surely are imported, with their lines.

    Modules of the standard library are left out, and what comes after a statement that may bring
    others along: one that changes ``sys.path``, or runs a program such as pip.
    """
    found: dict[str, int] = {}
    for statement in _sure(tree.body):
        if _may_bring_modules(statement):
            break
        names: list[str] = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            names = [statement.module or ""]
        for name in names:
            top = name.partition(".")[0]
            if top and top not in sys.stdlib_module_names and top != "__main__":
                found.setdefault(top, statement.lineno)
    return found


def read_files(tree: ast.Module, source: str) -> dict[str, int]:
    """Return the project repository's files that surely are read, with their lines.

    They are text literals that stand first in `open`, `read_…` or `load…`; one that occurs in the
    cell anywhere else, or begins as another text of it does, may be written there.
    """
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value
    ]
    found: dict[str, int] = {}
    for statement in _sure(tree.body):
        for call in _calls(statement):
            path = _read_path(call)
            if not path or source.count(path.rpartition("/")[2]) > 1:
                continue
            others = [text for text in texts if text is not path and text != path]
            if not any(path.startswith(text) or path.endswith(text) for text in others):
                found.setdefault(path, call.lineno)
    return found


def _may_bring_modules(statement: ast.stmt) -> bool:
    named = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    named |= {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(statement)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    if isinstance(statement, ast.ImportFrom):
        named |= {f"{statement.module}.{alias.name}" for alias in statement.names}
        named.add(statement.module or "")
    return not named.isdisjoint(BRINGING)


def _sure(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements of a body that run whenever it does, those within `with` too."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.With | ast.AsyncWith):
            yield from _sure(statement.body)


def _calls(statement: ast.stmt) -> Iterator[ast.Call]:
    """Give the calls of a plain statement, or of the head of a `with`."""
    heads: list[ast.AST] = [statement]
    if isinstance(statement, ast.With | ast.AsyncWith):
        heads = [item.context_expr for item in statement.items]
    elif not isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr):
        return
    conditional = (ast.Lambda, ast.IfExp, ast.BoolOp)
    if any(isinstance(part, conditional) for head in heads for part in ast.walk(head)):
        return
    for head in heads:
        yield from (part for part in ast.walk(head) if isinstance(part, ast.Call))


def _read_path(call: ast.Call) -> str:
    """Return the path that a call reads from the project repository, or nothing."""
    name = getattr(call.func, "id", "") or getattr(call.func, "attr", "")
    first = call.args[0] if call.args else None
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return ""
    if not first.value.startswith(PLACES) or any(mark in first.value for mark in "*?[{"):
        return ""
    if name == "open" and isinstance(call.func, ast.Name):
        return first.value if _mode(call) in READ_MODES else ""
    return first.value if name.startswith(("read_", "load")) else ""


def _mode(call: ast.Call) -> object:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    mode = call.args[1] if len(call.args) > 1 else given[0] if given else ast.Constant("r")
    return mode.value if isinstance(mode, ast.Constant) else None


def replaced_params(tree: ast.Module, params: Collection[str]) -> dict[str, int]:
    """Return the params that the code's own level sets before it reads them, with the lines."""
    left, found = set(params), dict[str, int]()
    for statement in tree.body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            plain = {target.id for target in targets if isinstance(target, ast.Name)}
            found |= dict.fromkeys(plain & left - read, statement.lineno)
        left -= {node.id for node in names}
    return found
