"""What ``--param NAME=VALUE`` and ``--grid NAME=A,B`` mean: JSON, a Python literal, or text."""

import argparse
import ast
import json
import re
import warnings
from typing import Any

_PLAIN = (bool, int, float, str, type(None))
_WORDS = {"true": True, "false": False, "null": None}  # JSON's, also inside a Python literal
_NUMBERS = frozenset({"nan", "inf", "infinity"})
_UNDERSCORED, _THOUSANDS = re.compile(r"\d+(?:_\d+)+"), re.compile(r"\d{1,3}(?:_\d{3})+")
_BRACKETS = {"[": "]", "{": "}"}


def value(text: str) -> Any:
    """Return what a text means: its JSON value, its value as a Python literal, or itself.

    ``nan`` and ``inf`` are numbers. Raises argparse.ArgumentTypeError for a literal that no param
    can be, such as a tuple, and for a list or object that cannot be read.
    """
    found = _literal(text) if text.strip() else text
    if found is not ... and not isinstance(found, complex):
        _check(found, text)
        return found
    stripped = text.strip()
    if stripped.endswith(_BRACKETS.get(stripped[:1], "\0")):
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is neither JSON nor a Python literal; put '…' around the whole option, "
            'or, where it is text, "…" inside of them'
        )
    return text


def choices(text: str) -> list[Any]:
    """Return the values of ``A,B`` or of a list such as ``["a", "b"]``; raises as `value`."""
    whole = _literal(text) if text.lstrip().startswith("[") else ...
    found = whole if isinstance(whole, list) else _literal(f"[{text}]")
    if isinstance(found, list):
        for each in found:
            _check(each, text)
        return found
    return [value(part) for part in listed(text)]


def listed(text: str) -> list[str]:
    """Split ``a,b``; raises argparse.ArgumentTypeError where a part is empty."""
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} must be a list such as a,b (without spaces)"
        )
    return found


def _literal(text: str) -> Any:
    """Return a text's value, or the Ellipsis, which is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if any(not _THOUSANDS.fullmatch(number) for number in _UNDERSCORED.findall(text)):
        return ...  # 20261126_1030 is a name: 1_000 alone is a number
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(f"({text.strip()})", mode="eval")  # so that no # begins a comment
        return ast.literal_eval(_WithWords().visit(tree))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...


class _WithWords(ast.NodeTransformer):
    """Puts values for words that Python has as names only, or JSON only."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id.lower() in _NUMBERS:
            return ast.Constant(float(node.id))
        return ast.Constant(_WORDS[node.id]) if node.id in _WORDS else node


def _check(found: Any, text: str) -> None:
    """Raise argparse.ArgumentTypeError where JSON would change a value."""
    if isinstance(found, list):
        for item in found:
            _check(item, text)
    elif isinstance(found, dict):
        for key, item in found.items():
            if type(key) is not str:
                raise argparse.ArgumentTypeError(
                    f"{text[:80]!r} has the key {key!r}, and a param has only text for keys"
                )
            _check(item, text)
    elif not isinstance(found, _PLAIN):
        kind = type(found).__name__
        advice = "write a list, [1, 2]" if kind in ("tuple", "set") else "send it with --in"
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is a {kind}, which a param cannot be: {advice}"
        )
