"""Who reads what we say: a notebook's user, or a terminal's, who types commands otherwise."""

import contextlib
from collections.abc import Iterator

from kd_pipeline.errors import KdError
from kd_pipeline.hints import Hint, as_command, as_magic


class _Face:
    in_terminal = False


@contextlib.contextmanager
def terminal() -> Iterator[None]:
    """Speak to a terminal within; a process is else a notebook's."""
    before, _Face.in_terminal = _Face.in_terminal, True
    try:
        yield
    finally:
        _Face.in_terminal = before


def in_terminal() -> bool:
    """Tell whether a terminal's user reads."""
    return _Face.in_terminal


def typed(command: str, *words: str) -> str:
    """Return a command as it is typed: ``%logs 9`` or ``kd logs 9``."""
    return (as_command if _Face.in_terminal else as_magic)(command, *words)


def help_of(command: str) -> str:
    """Return what is typed for a command's help."""
    return typed(command, "--help") if _Face.in_terminal else f"%{command}?"


def sending(magic: str) -> str:
    """Return what is typed to send code to a training cluster."""
    return f"kd train FILE --cluster {magic}" if _Face.in_terminal else f"%%{magic}"


def code() -> str:
    """Return what code comes in here: a cell, or a file."""
    return "file" if _Face.in_terminal else "cell"


def worded(hint: Hint) -> str:
    """Return a hint as it is typed."""
    return hint.in_terminal() if _Face.in_terminal else hint.in_notebook()


def whole(error: KdError) -> str:
    """Return an error's sentence with its hint."""
    return f"{error} {worded(error.hint)}" if error.hint else str(error)
