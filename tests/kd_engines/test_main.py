"""The command `kd` itself: without the engines, its version, its completion."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path


def test_without_the_engines_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; import kd_engines.__main__ as m; m.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "kd: typer is not installed here; the engines need `pip install 'kd-magics[engines]'`.\n"
    )


def test_it_tells_its_version_and_completes_in_three_shells() -> None:
    assert kd("--version").stdout == f"kd-magics {metadata.version('kd-magics')}\n"
    for shell in ("bash", "zsh", "fish"):
        script = kd("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        assert "_KD_COMPLETE" in script.stdout, script.stderr


def kd(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("kd")), *words]
    environment = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
