"""The names of magics for those who have no shell are those that a shell has."""

import re
import subprocess
import sys

from kd_client.taken_names import TAKEN

TELL = """
from ipykernel.zmqshell import ZMQInteractiveShell
shell = ZMQInteractiveShell()
shell.run_line_magic("load_ext", "kd_magics")
manager = shell.magics_manager
found = manager.lsmagic()
print(*found["line"], *found["cell"], *getattr(manager, "lazy_magics", ()))
"""


def test_every_magic_whose_name_a_cluster_could_have_is_taken() -> None:
    told = subprocess.run(
        [sys.executable, "-c", TELL], capture_output=True, text=True, check=True, timeout=60
    )
    names = {n for n in told.stdout.split() if re.fullmatch("[a-z0-9][a-z0-9-]*", n)}
    assert "timeit" in names
    assert names <= TAKEN
