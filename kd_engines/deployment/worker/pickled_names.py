"""Which modules a pickle names: the libraries that reading it imports. Nothing of it is run."""

import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOOKED_AT = 1024 * 1024  # bytes; what an object is of stands at its beginning
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})


def modules_of_pickle(path: Path) -> Iterator[str]:
    """Yield the modules that the beginning of a file names, each once; none where it is no pickle.

    joblib's files, which have arrays between a pickle's parts, are read up to the first of those.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LOOKED_AT)
    except OSError:
        return
    yield from dict.fromkeys(_modules(content))


def _modules(content: bytes) -> Iterator[str]:
    texts: list[str] = []  # as they were put on the stack last
    memo: dict[int, str] = {}
    size = 0
    last = ""
    try:
        for opcode, argument, _ in pickletools.genops(content):
            name = opcode.name
            if name in _PUTS or name == "MEMOIZE":
                key = size if name == "MEMOIZE" else int(argument or 0)
                memo[key], size = last, size + 1
                continue
            last = _text(name, argument, memo)
            if last:
                texts = [*texts[-1:], last]
            elif name == "GLOBAL":
                yield str(argument).partition(" ")[0]
            elif name == "STACK_GLOBAL" and len(texts) == 2:
                yield texts[0]
    except Exception:  # whatever the bytes of no pickle make of it
        return


def _text(opcode: str, argument: Any, memo: dict[int, str]) -> str:
    """Return the text that an opcode puts on the stack; "" where it is none."""
    if opcode in _GETS:
        return memo.get(int(argument or 0), "")
    return argument if "UNICODE" in opcode and isinstance(argument, str) else ""
