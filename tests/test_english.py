"""Messages are plain, idiomatic English: what once was a dialect does not come back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_structure import FRONTEND, MODULES, ROOT

# Each with what is written instead.
DIALECT = {
    r"(?<!\bthere )\b(is|are|was|were) no\b(?! (longer|more)\b)": "is not a, must be a",
    r"\bof 2020\b": "legacy (2020)",
    r"\bmind the\b": "check the",
    r"\bmake room\b": "free space",
    r"\bmend\b": "fix",
    r"\banew\b": "again",
    r"\bcomes? to nothing\b": "has no effect",
    r"\bnothing runs\b": "nothing is running",
    r"\btold to (end|stop)\b": "a stop was requested",
    r"\b(tells?|told) (why|more|nothing)\b": "explains, shows, reports",
}
SOURCES = [*MODULES, *sorted((ROOT / "notebooks").glob("*.py"))]
PAGES = sorted((FRONTEND / "src").rglob("*.ts*"))
# What the front end says: trans.__('…') and trans._n('…', '…', …).
SAID = re.compile(r"trans\._[_n]\(((?:\s*(?:'(?:[^'\\]|\\.)*'|`[^`]*`),?)+)")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the strings of a Python file with their lines: f-strings as a whole."""
    tree = ast.parse(path.read_text())
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                silent.add(id(first.value))
        elif isinstance(node, ast.JoinedStr):
            silent |= {id(part) for part in node.values}
            parts = (p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and id(node) not in silent:
            yield node.lineno, str(node.value)


def dialect(text: str) -> list[str]:
    """Return which turns of the dialect a text has, and what is written instead."""
    flat = " ".join(text.split())
    return [
        f"{found[0]!r}: write {instead}"
        for pattern, instead in DIALECT.items()
        if (found := re.search(pattern, flat, re.IGNORECASE))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=[str(p.relative_to(ROOT)) for p in SOURCES])
def test_a_module_says_it_plainly(path: Path) -> None:
    found = {line: turns for line, text in texts(path) if (turns := dialect(text))}
    assert found == {}


@pytest.mark.parametrize("path", PAGES, ids=[path.name for path in PAGES])
def test_a_page_says_it_plainly(path: Path) -> None:
    said = [match[1] for match in SAID.finditer(path.read_text())]
    assert [turn for text in said for turn in dialect(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "'x' is no job.",
        "an engine of 2020",
        "Mind the spelling.",
        "Nothing runs.",
        "its log tells why",
    ],
)
def test_the_dialect_is_known(text: str) -> None:
    assert dialect(text)


@pytest.mark.parametrize("text", ["There is no job 9.", "It is no longer connected.", "no rows"])
def test_good_english_passes(text: str) -> None:
    assert dialect(text) == []
