"""The real command `kd`, as a shell runs it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.kd_engines.training.running_engine import TOKEN

Done = subprocess.CompletedProcess[str]


def kd(*words: str, stdin: str = "", cwd: Path | None = None) -> Done:
    """Run `kd` in the test's surroundings; no token may be in what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "kd_engines", *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=dict(os.environ),
        cwd=cwd,
    )
    assert TOKEN not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def good(*words: str, stdin: str = "") -> str:
    """Return the standard output of a command that must not fail."""
    done = kd(*words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fails(*words: str, stdin: str = "") -> str:
    """Return the one line on standard error of a command that must fail."""
    done = kd(*words, stdin=stdin)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr
