"""Run a job's compiled code, within an event loop where a notebook's kernel would have one."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    import ast
    import asyncio
    from types import CodeType
    from typing import Any

COROUTINE = 0x80  # inspect.CO_COROUTINE
# What needs a loop that runs, and what needs that none does.
WANTS_LOOP = frozenset({"create_task", "ensure_future", "get_running_loop"})
STARTS_LOOP = frozenset({"run_until_complete", "run_forever", "Runner"})
PATIENCE_S = 5.0


def wants_loop(tree: ast.Module, source: str) -> bool:
    """Tell whether code makes tasks at its top level, as it may in a notebook, and runs no loop."""
    if not any(word in source for word in WANTS_LOOP):
        return False
    import ast

    called = {name for node in tree.body for name in _called(node, ast)}
    names = {
        getattr(node, "attr", None) or getattr(node, "id", None) or getattr(node, "name", None)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name | ast.alias)
    }
    runs = any(
        isinstance(node, ast.Attribute)
        and node.attr == "run"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("asyncio", "anyio", "trio", "uvloop")
        for node in ast.walk(tree)
    )
    return not WANTS_LOOP.isdisjoint(called) and not runs and STARTS_LOOP.isdisjoint(names)


def _called(node: ast.AST, ast: Any) -> set[str]:
    """Return the names that a statement calls, outside of functions."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return set()
    found: set[str] = set()
    if isinstance(node, ast.Call):
        found.add(str(getattr(node.func, "attr", getattr(node.func, "id", ""))))
    return found.union(*(_called(child, ast) for child in ast.iter_child_nodes(node)))


def execute(codes: list[CodeType], namespace: dict[str, Any], in_loop: bool) -> None:
    """Run code objects one after the other; in a loop until its last background task has ended."""
    if not in_loop and not any(code.co_flags & COROUTINE for code in codes):
        for code in codes:
            exec(code, namespace)  # noqa: S102 - running the user's code is what a job is
        return
    import asyncio

    async def run() -> None:
        for code in codes:
            result = eval(code, namespace)  # noqa: S307
            if code.co_flags & COROUTINE:
                await result
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
        if pending and not done and patience:
            patience = None
            names = ", ".join(sorted(str(task.get_coro()) for task in pending))[:500]
            print(
                f"The code has ended; the job goes on until its background tasks have: {names}.",
                file=sys.stderr,
            )
    if failed:
        await failed[0]
