"""Commands that another package brings are found by their entry point."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
def commands():
    return [("greet", "Greet somebody.", "Manners", greet)]

def greet(words):
    print(words)
    return 7
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package with one command, installed as pip would leave it."""
    (tmp_path / "manners.py").write_text(MODULE)
    folder = tmp_path / "manners-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: manners\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[kd.commands]\nmanners = manners:commands\n")
    return tmp_path


def kd(package: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "kd_engines", *words],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
def test_a_command_gets_its_words_as_they_are_and_gives_the_status(package: Path) -> None:
    words = ["-f", "--help", "--tail=5", "--", "a b", "{x}"]
    done = kd(package, "greet", *words)
    assert done.stdout == f"{words}\n"
    assert done.returncode == 7


@pytest.mark.slow
def test_it_is_listed_in_a_panel_of_its_own(package: Path) -> None:
    told = kd(package, "--help").stdout
    assert "Manners" in told
    assert "Greet somebody." in told
