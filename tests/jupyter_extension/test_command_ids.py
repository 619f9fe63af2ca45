"""The sidebar's commands as its sources name them, and as the documentation does."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "jupyter_extension" / "frontend"
SOURCE = (FRONTEND / "src" / "commandIds.ts").read_text()
IDS = re.findall(r"'(kd-magics:[a-z-]+)'", SOURCE)


def test_the_documentation_names_every_command_with_its_arguments() -> None:
    rows = re.findall(r"^\| `(kd-magics:[a-z-]+)` \| .* \|(.*)\|$", docs(), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(IDS)
    for name, words in rows:
        comment = re.search(r"/\*\* (.*?) ?\*/\n\s+\w+: '" + name + "'", SOURCE)
        in_source = re.findall(r"\{ ([a-z, ]+)[}:]", comment[1]) if comment else []
        names = {one for text in in_source for one in re.findall(r"[a-z]+", text)}
        assert set(re.findall(r"`([a-z]+)`", words)) == names, name


def test_what_settings_and_documentation_run_are_commands() -> None:
    schemas = [json.loads(path.read_text()) for path in FRONTEND.glob("schema/*.json")]
    named = re.findall(r'"(kd-magics:[a-z-]+)"', json.dumps(schemas) + docs())
    assert named
    assert set(named) <= set(IDS)


def docs() -> str:
    return (ROOT / "docs" / "sidebar.md").read_text()
