"""Run a job's compiled code, within an event loop where a notebook's kernel would have one."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    import ast
    import asyncio
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType
    from typing import Any

COROUTINE = 0x80  # inspect.CO_COROUTINE
# What needs a loop that runs, and what needs that none does.
WANTS_LOOP = frozenset({"create_task", "ensure_future", "get_running_loop"})
STARTS_LOOP = frozenset({"run", "run_until_complete", "run_forever", "Runner"})
PATIENCE_S = 5.0


def wants_loop(tree: ast.Module, source: str) -> bool:
    """Tell whether code makes tasks at its top level, as it may in a notebook, and runs no loop."""
    if not any(word in source for word in WANTS_LOOP):
        return False
    import ast

    asyncs = {"asyncio"}  # what asyncio is called here
    names = dict[str, str]()  # what comes from it, by the name that it has here
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            asyncs |= {a.asname for a in node.names if a.name == "asyncio" and a.asname}
        elif isinstance(node, ast.ImportFrom) and node.module == "asyncio":
            names |= {alias.asname or alias.name: alias.name for alias in node.names}

    def called(call: ast.Call) -> str:
        """Return which of asyncio's functions, or of a loop's methods, a call may be of."""
        function = call.func
        if isinstance(function, ast.Name):
            return names.get(function.id, "")
        if not isinstance(function, ast.Attribute):
            return ""
        owner = getattr(function.value, "id", "") or getattr(
            getattr(function.value, "func", None), "attr", ""
        )
        return function.attr if owner in asyncs or "loop" in owner else ""

    everywhere = {called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    at_top = {called(call) for node in tree.body for call in _calls(node, ast)}
    return not WANTS_LOOP.isdisjoint(at_top) and STARTS_LOOP.isdisjoint(everywhere)


def _calls(node: ast.AST, ast: Any) -> Iterator[ast.Call]:
    """Yield the calls of a statement, outside of functions."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, ast)


def execute(
    cells: Sequence[list[CodeType]],
    namespace: dict[str, Any],
    in_loop: bool,
    after_cell: Callable[[], None],
) -> None:
    """Run each cell's code objects; in a loop until the last background task has ended."""
    if not in_loop and not any(c.co_flags & COROUTINE for codes in cells for c in codes):
        for codes in cells:
            for code in codes:
                exec(code, namespace)  # noqa: S102 - running the user's code is what a job is
            after_cell()
        return
    import asyncio

    async def run() -> None:
        for codes in cells:
            for code in codes:
                result = eval(code, namespace)  # noqa: S307
                if code.co_flags & COROUTINE:
                    await result
            after_cell()
        await _background_tasks()

    asyncio.run(run())


async def _background_tasks() -> None:
    """Wait for the tasks that the code has left, and for theirs; the first error is raised."""
    import asyncio

    failed: list[asyncio.Task[Any]] = []
    patience: float | None = PATIENCE_S
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        done, pending = await asyncio.wait(
            tasks, timeout=patience, return_when=asyncio.FIRST_COMPLETED
        )
        failed += [task for task in done if not task.cancelled() and task.exception()]
        if failed and patience is None:
            break  # an endless task must not hide that another one failed
        if pending and not done and patience:
            if failed:
                break
            patience = None
            names = ", ".join(sorted(str(task.get_coro()) for task in pending))[:500]
            print(
                f"The code has ended; the job goes on until its background tasks have: {names}.",
                file=sys.stderr,
            )
    if failed:
        await failed[0]  # what still runs is cancelled with it
