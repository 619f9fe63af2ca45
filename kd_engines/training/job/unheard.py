"""What a job's code would not hear of: threads that fail, and `input`, which nobody answers."""

from __future__ import annotations

import _thread
import builtins
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

NOBODY = "nobody can answer input() in a job; send the value with --param NAME=VALUE"


def install(thread_failed: Callable[[str, BaseException], None]) -> None:
    """Have ``thread_failed`` tell of each thread that ends by an exception, and `input` refuse."""
    _follow_threads(thread_failed)
    _refuse_input()


def _follow_threads(thread_failed: Callable[[str, BaseException], None]) -> None:
    # threading, which is slow to import, takes its hook from here.
    before: Callable[[Any], None] = vars(_thread)["_excepthook"]

    def hook(args: Any) -> None:
        if args.exc_value is None or args.exc_type is SystemExit or args.thread is None:
            before(args)
        else:
            thread_failed(args.thread.name, args.exc_value)

    vars(_thread)["_excepthook"] = hook
    threading = sys.modules.get("threading")
    if threading is not None:
        threading.excepthook = hook  # type: ignore[attr-defined]


def _refuse_input() -> None:
    before, stdin = builtins.input, sys.stdin

    def refused(prompt: object = "", /) -> str:
        """Read a line from what the code has put in the place of standard input, if it has."""
        if sys.stdin is not stdin:
            return before(prompt)
        print(prompt, end="\n" if prompt else "", flush=True)
        raise EOFError(NOBODY)

    builtins.input = refused
