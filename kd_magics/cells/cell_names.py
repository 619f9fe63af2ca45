"""Which names a cell uses that neither it nor anything else gives it.

The compiler decides what a name is (comprehensions, classes, closures, walrus, match, except-as,
global and nonlocal): its code objects are read, not the text. What could run counts, and nothing
else; wherever a name may come about in a way that cannot be seen, nothing is said.
"""

import ast
import builtins
import dis
import warnings
from collections.abc import Collection, Iterator
from types import CodeType
from typing import Any, TypeVar

N = TypeVar("N", bound=ast.AST)
NEW_LOCALS = 0x2  # inspect.CO_NEWLOCALS: a function's code has it, a class body's has not
# What every job has, and what is a job's fault nowhere: get_ipython is a builtin in notebooks only.
KNOWN = (
    frozenset(dir(builtins))
    | {"display", "exit", "quit", "copyright", "credits", "license", "help"}
    | {"__name__", "__file__", "__builtins__", "__annotations__", "__path__", "__module__"}
    | {"__qualname__", "__class__", "__loader__", "__spec__", "__package__", "__doc__"}
) - {"get_ipython"}
# Through these a module's names may come and be asked for unseen; the second only without argument.
NAMESPACES = frozenset({"globals", "exec", "_convert_", "global_enum"})
OWN_NAMESPACES = frozenset({"vars", "locals", "dir"})
CAUGHT = frozenset({"NameError", "Exception", "BaseException"})
# A branch under one of these may be for another Python or another system.
PLATFORMS = frozenset({"TYPE_CHECKING", "version_info", "hexversion", "platform", "PY2", "PY3"})
READ = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})
STORED = frozenset({"STORE_NAME", "STORE_GLOBAL"})


def undefined_names(source: str, given: Collection[str] = ()) -> dict[str, int]:
    """Return the names that would not be there, each with its line in ``source``.

    ``given`` are the names that the code receives. The code must compile.
    """
    tree = _parsed(source)
    if _names_come_unseen(tree):
        return {}
    tree = ast.fix_missing_locations(_WithoutDoubtful().visit(tree))
    code = _compiled(tree)
    bound, known = _bound(code), KNOWN | set(given)
    missing: dict[str, int] = {}
    for name, line in _used(code):
        if name not in bound and name not in known:
            missing.setdefault(name, line)
    for name, line in _used_before_set(tree, _stored_global(code)):
        if name not in known:
            missing.setdefault(name, line)
    return missing


def _parsed(source: str) -> ast.Module:
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree: ast.Module = compile(source, "<cell>", "exec", flags, dont_inherit=True)
    return tree


def _compiled(tree: ast.Module) -> CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(tree, "<cell>", "exec", flags, dont_inherit=True)
    return code


def _names_come_unseen(tree: ast.Module) -> bool:
    """Tell whether names may come about that no code object shows."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            return True
        if _name_of(node) in NAMESPACES:
            return True
        if (
            isinstance(node, ast.Call)
            and not node.args
            and isinstance(node.func, ast.Name)
            and node.func.id in OWN_NAMESPACES
        ):
            return True
    return False


class _WithoutDoubtful(ast.NodeTransformer):
    """Takes away the reading of names where it may fail without harm, or may never come to it."""

    def __init__(self) -> None:
        self._doubtful = 0

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if self._doubtful and isinstance(node.ctx, ast.Load):
            return ast.copy_location(ast.Name("object", ast.Load()), node)
        return node

    def visit_Try(self, node: ast.Try) -> ast.Try:
        caught = any(_catches(handler.type) for handler in node.handlers)
        node.body = self._all(node.body, doubtful=caught)
        node.handlers = self._all(node.handlers, doubtful=True)
        node.orelse, node.finalbody = self._all(node.orelse), self._all(node.finalbody)
        return node

    def visit_TryStar(self, node: ast.TryStar) -> Any:
        return self.visit_Try(node)  # type: ignore[arg-type]  # it has the same fields

    def visit_If(self, node: ast.If) -> ast.If:
        doubtful = any(_name_of(part) in PLATFORMS for part in ast.walk(node.test))
        node.test = self.visit(node.test)
        node.body, node.orelse = self._all(node.body, doubtful), self._all(node.orelse, doubtful)
        return node

    def visit_With(self, node: ast.With) -> ast.With:
        calls = [item.context_expr for item in node.items]
        caught = any(
            isinstance(call, ast.Call)
            and _name_of(call.func) == "suppress"
            and any(_catches(kind) for kind in call.args)
            for call in calls
        )
        node.items, node.body = self._all(node.items), self._all(node.body, doubtful=caught)
        return node

    def _all(self, nodes: list[N], doubtful: bool = False) -> list[N]:
        self._doubtful += doubtful
        found = [self.visit(node) for node in nodes]
        self._doubtful -= doubtful
        return found


def _catches(kind: ast.expr | None) -> bool:
    """Tell whether an except clause of ``kind`` takes a NameError."""
    if kind is None:
        return True
    return any(_name_of(part) in CAUGHT for part in ast.walk(kind))


def _name_of(node: ast.AST) -> str:
    return getattr(node, "id", "") or getattr(node, "attr", "")


def _nested(code: CodeType) -> Iterator[CodeType]:
    return (child for child in code.co_consts if isinstance(child, CodeType))


def _bound(module: CodeType) -> set[str]:
    """Return the global names that a module's code sets, at once or in any function."""
    own = {str(i.argval) for i in dis.get_instructions(module) if i.opname in STORED}
    return own | _stored_global(module)


def _stored_global(code: CodeType) -> set[str]:
    found = {str(i.argval) for i in dis.get_instructions(code) if i.opname == "STORE_GLOBAL"}
    return found.union(*map(_stored_global, _nested(code)))


def _used(module: CodeType) -> Iterator[tuple[str, int]]:
    """Give the global names that running a module may read, and where.

    A function may run once its name is read somewhere that runs, a class's methods once the class
    is; lambdas and comprehensions run with what is around them.
    """
    running, mentioned = [(module, "")], set[str]()
    waiting: list[tuple[str, CodeType]] = []
    while running:
        code, owner = running.pop()
        of_class = code is not module and not code.co_flags & NEW_LOCALS
        set_here = _bound(code) if of_class else set()
        for instruction in dis.get_instructions(code):
            mentioned |= _mentioned(instruction)
            if instruction.opname in READ and instruction.argval not in set_here:
                line = instruction.positions.lineno if instruction.positions else None
                yield str(instruction.argval), line or code.co_firstlineno
        for child in _nested(code):
            if child.co_name.startswith("<"):
                running.append((child, owner))
            elif not child.co_flags & NEW_LOCALS:
                running.append((child, owner or child.co_name))
            else:
                waiting.append((owner if of_class else child.co_name, child))
        if not running:
            running = [(child, "") for name, child in waiting if name in mentioned]
            waiting = [pair for pair in waiting if pair[0] not in mentioned]


def _mentioned(instruction: dis.Instruction) -> set[str]:
    """Return the variables that an instruction reads, of any scope."""
    reads = instruction.opname in READ or instruction.opname.startswith(("LOAD_FAST", "LOAD_DEREF"))
    if not reads:
        return set()
    found = instruction.argval  # a tuple where one instruction reads two
    return set(found) if isinstance(found, tuple) else {str(found)}


def _used_before_set(tree: ast.Module, set_anywhere: set[str]) -> Iterator[tuple[str, int]]:
    """Give names that a plain statement reads before any statement up to it has set them.

    ``df = df.dropna()`` in a cell of its own is such a one. ``set_anywhere`` are names that a
    function called before may set.
    """
    known = set(set_anywhere)
    for statement in tree.body:
        code = _compiled(ast.Module([statement], []))
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr):
            for instruction in dis.get_instructions(code):
                if instruction.opname == "STORE_NAME":
                    known.add(str(instruction.argval))
                elif instruction.opname == "LOAD_NAME" and instruction.argval not in known:
                    yield str(instruction.argval), statement.lineno
        known |= _bound(code)
