"""%load_ext kd_magics is quick: what takes long to import is imported when it is used."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.configmeta import configmeta

SLOW = ["ipywidgets", "kubernetes", "matplotlib", "msgspec", "numpy", "pandas", "polars"]
SLOW += ["pyarrow", "requests", "typer", "urllib3", "watchfiles", "yaml"]
LOAD = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("pass")
before = {*sys.modules}
shell.run_line_magic("load_ext", "kd_magics")
print(json.dumps(sorted({*sys.modules} - before)))
assert "trainingengineinstance" in shell.magics_manager.magics["cell"]
time.sleep(float(sys.argv[1]))
print("requests" in sys.modules)
"""


def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[str]:
    """Load the extension in a process of its own; return what it prints."""
    path = tmp_path / "configmeta.json"
    endpoints = {"training-engine-instance": [("http://127.0.0.1:1", "t")]}
    path.write_text(json.dumps(configmeta(clusters=endpoints)))
    monkeypatch.setenv("KD_CONFIGMETA", str(path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    command = [sys.executable, "-c", textwrap.dedent(LOAD), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_nothing_slow_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = load(tmp_path, monkeypatch, 0)[0]
    assert [name for name in SLOW if f'"{name}"' in modules] == []


@pytest.mark.slow
def test_what_a_first_cell_needs_is_there_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(tmp_path, monkeypatch, 5)[1] == "True"
