"""The command `kd` itself: without the engines, its version, its completion."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest


@pytest.mark.parametrize("words", [["up"], ["up", "--detach"], ["up", "--lab"]])
def test_without_the_engines_it_says_what_to_install(tmp_path: Path, words: list[str]) -> None:
    lacks = "import sys; sys.modules['uvicorn'] = sys.modules['jupyterlab'] = None"
    code = f"{lacks}; sys.argv[1:] = {words}; import kd_engines.__main__ as m; m.main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KD_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    extras = "engines,lab" if "--lab" in words else "engines"
    assert done.returncode == 1
    assert done.stderr.endswith(f"is to run here: `pip install 'kd-magics[{extras}]'`.\n")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "home").exists()


def test_it_tells_its_version_and_completes_in_three_shells() -> None:
    assert kd("--version").stdout == f"kd-magics {metadata.version('kd-magics')}\n"
    for shell in ("bash", "zsh", "fish"):
        script = kd("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert "_KD_COMPLETE" in script.stdout, script.stderr


def kd(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("kd")), *words]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
