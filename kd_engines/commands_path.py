"""Where jobs, scoring scripts and notebooks find our commands, such as ``bdvcli``."""

import os
import sys


def path_with_commands() -> str:
    """Return PATH with the commands of this Python behind all others, so that it hides none."""
    path, ours = os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)  # noqa: PTH120
    return path if ours in path.split(os.pathsep) else f"{path}{os.pathsep}{ours}"
