"""The command `kd` where only the notebook's part is installed."""

import subprocess
import sys


def test_without_the_engines_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; import kd_engines.__main__ as m; m.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "kd: typer is not installed here; the engines need `pip install 'kd-magics[engines]'`.\n"
    )
