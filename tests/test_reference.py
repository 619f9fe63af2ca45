"""docs/reference.md is as the code is, and names every variable that one may set."""

import re
from pathlib import Path

from tests import reference

ROOT = Path(__file__).resolve().parents[1]
# What processes tell each other; nobody sets them by hand.
INTERNAL = frozenset(
    {
        *("KD_CREDENTIALS", "KD_JOB_FILES", "KD_JOB_SCRIPT", "KD_MEMBER_DIR", "KD_MODEL_WORKER"),
        *("KD_CLUSTER", "KD_JOB_DIR", "KD_JOB_ID", "KD_NAME"),
    }
)


def test_it_is_as_the_code_is() -> None:
    assert reference.FILE.read_text() == reference.text(), "python -m tests.reference writes it"


def test_every_variable_of_the_environment_is_told_of() -> None:
    pages = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    pages += (ROOT / "README.md").read_text()
    found: set[str] = set()
    for room in ("kd_pipeline", "kd_client", "kd_magics", "kd_engines", "jupyter_extension"):
        for path in (ROOT / room).rglob("*.py"):
            found.update(re.findall(r"\bKD_[A-Z][A-Z_]+\b", path.read_text()))
    assert sorted(name for name in found - INTERNAL if name not in pages) == []
