"""How a job's two processes are started: their command lines and their environment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kd_engines.commands_path import path_with_commands
from kd_engines.training.job_folder.record import Submitted

PACKAGES = str(Path(__file__).resolve().parents[3])  # the folder that has kd_engines in it
# Imported as modules, not run as files, so that Python keeps their compiled form.
RUNNER = """
import sys
sys.path.insert(0, sys.argv[1])
from kd_engines.training.runner.runner import main
folder, notify, timeout_s, grace_s, memory_bytes, gpus, *command = sys.argv[2:]
limits = float(timeout_s), float(grace_s), int(memory_bytes)
sys.exit(main(folder, int(notify), *limits, gpus, command))
"""
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from kd_engines.training.job.child import main
sys.path.remove(sys.argv[1])
sys.exit(main(*sys.argv[2:]))
"""
GRACE_S = 10.0
# What a job may see of this product's own variables; the others tell of files with tokens.
KEPT = frozenset({"KD_PROJECT_REPO"})


def start_runner(
    folder: Path,
    root: Path,
    job: Submitted,
    environment: Mapping[str, str],
    gpus: Sequence[str],
    notify: int,
) -> subprocess.Popen[bytes]:
    """Start the detached runner of a job; ``notify`` is the pipe end on which it tells events.

    Raises OSError where no process can be started.
    """
    child = [sys.executable, "-c", CHILD, PACKAGES, str(folder), str(job.id), str(root)]
    child += [str(job.first_line), *job.requirements]
    grace = os.environ.get("KD_KILL_GRACE_S", str(GRACE_S))
    # Without site-packages (-S) and PYTHON* variables (-I) the runner is there in half the time.
    command = [sys.executable, "-I", "-S", "-c", RUNNER, PACKAGES, str(folder), str(notify)]
    limits = [str(job.timeout_s or 0), grace, str(job.resources.memory_bytes or 0)]
    return subprocess.Popen(
        [*command, *limits, json.dumps(gpus), *child],
        cwd=root,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(notify,),
        start_new_session=True,
    )


def job_environment(
    job: int, folder: Path, root: Path, cluster: str, own: Mapping[str, str], tokens: Iterable[str]
) -> dict[str, str]:
    """Return a job's environment: the engine's without its own settings and tokens, and ``own``."""
    secret = [token for token in tokens if token]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("KD_") and name not in KEPT)
        and not any(token in value for token in secret)
    }
    return {
        **inherited,
        "PATH": path_with_commands(),
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "MPLBACKEND": "Agg",
        "PLOTLY_RENDERER": "notebook_connected",
        **own,
        "KD_PROJECT_REPO": str(root),
        "KD_JOB_ID": str(job),
        "KD_JOB_DIR": str(folder),
        "KD_CLUSTER": cluster,
    }
