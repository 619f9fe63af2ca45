"""The rooms are processes: who may import whom, and what a job's start may cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kd_engines

ROOT = Path(kd_engines.__file__).parents[1]
TRAINING = ROOT / "kd_engines" / "training"
# Each room's own, and those that it may import from; what all may import stands beside them.
MAY_IMPORT: dict[str, set[str]] = {
    "job_folder": set(),
    "job": {"job_folder"},
    "runner": {"job_folder"},
    "warm": {"job_folder", "job", "runner"},
    "store": {"job_folder"},
    "queue": {"job_folder", "store"},
    "intake": {"job_folder", "queue"},
    "api": {"job_folder", "queue", "intake", "store"},
}
# Slow to import, each 3 to 30 ms: every job would wait for it.
SLOW = {"typing", "pathlib", "contextlib", "json", "signal", "subprocess", "re", "msgspec"}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    for path in (TRAINING / room).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ImportFrom) or not node.module:
                continue
            parts = node.module.removeprefix("kd_engines.training").split(".")
            if node.module.startswith("kd_engines.training.") and parts[1] in MAY_IMPORT:
                assert parts[1] in {room, *MAY_IMPORT[room]}, f"{path.name} imports {node.module}"


@pytest.mark.parametrize("modules", ["runner.runner", "job.child", "job.display", "warm.recorder"])
def test_the_start_of_a_job_imports_nothing_slow(modules: str) -> None:
    ours = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import kd_engines.training.{modules}"
    # Without site-packages, whose .pth files may import what they like.
    command = [sys.executable, "-I", "-S", "-c", f"{ours}; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert SLOW.isdisjoint(done.stdout.split())
