"""For `pytest --nbval-lax notebooks`: the engines that the notebook's kernel finds.

nbval's items take no fixtures, so the engines start in the set-up of the first cell, which comes
before that of its kernel, and stop when the session ends.
"""

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from demo import engines

_running = ExitStack()
_homes: list[Path] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start the engines in a fresh folder, once, before the first kernel starts."""
    if not _homes:
        _homes.append(Path(tempfile.mkdtemp(prefix="kd-notebooks-")))
        os.environ.setdefault("KD_TAXI_DOWNLOAD", "no")  # the shared trips, or generated ones
        _running.enter_context(engines(_homes[0]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the engines and remove their folder; keep it where a cell failed."""
    _running.close()
    if _homes and not session.testsfailed:
        shutil.rmtree(_homes[0], ignore_errors=True)
