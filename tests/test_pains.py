"""docs/pains.md names tests that exist; each design rule has one."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROWS = re.findall(r"^\| (\d+) \|(.*)\|$", (ROOT / "docs" / "pains.md").read_text(), re.M)


@cache
def defined() -> frozenset[str]:
    """Return the names of all test functions."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def test_every_complaint_has_a_row_with_tests_that_exist() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 25))
    for number, row in ROWS:
        named = set(re.findall(r"`(test_\w+)`", row.rpartition("|")[2]))
        assert named, f"row {number} names no test"
        assert named <= defined(), f"row {number}"


def test_every_design_rule_has_a_test() -> None:
    found = {int(m[1]) for name in defined() if (m := re.match(r"test_rule_(\d\d)_", name))}
    assert found == set(range(1, 21))
