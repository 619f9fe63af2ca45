"""How a job's two processes are started: their command lines and their environment."""

import dataclasses
import functools
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
from kd_engines.training.runner.runner import Orders, main
folder, notify, timeout_s, grace_s, memory_bytes, gpus, *command = sys.argv[2:]
limits = float(timeout_s), float(grace_s), int(memory_bytes)
sys.exit(main(Orders(folder, int(notify), *limits, gpus), command))
"""
CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from kd_engines.training.job.child import main
sys.path.remove(sys.argv[1])
sys.exit(main(*sys.argv[2:]))
"""
WARM_PARENT = """
import sys
sys.path.insert(0, sys.argv[1])
from kd_engines.training.job.child import main
from kd_engines.training.warm.recorder import Recorder
recorder = Recorder()
from kd_engines.training.warm.parent import end, serve
sys.path.remove(sys.argv[1])
try:
    status = main(*serve(recorder, *sys.argv[2:]))
except SystemExit as ended:
    status = ended.code
end(status)
"""
GRACE_S = 10.0
# Variables that libraries read when they are used, not when they are imported.
READ_LATER = ("KD_", "MLFLOW_TRACKING_", "MLFLOW_EXPERIMENT_", "MLFLOW_S3_", "AWS_")
# What a job may see of this product's own variables; the others tell of files with tokens.
KEPT = frozenset({"KD_PROJECT_REPO"})


@dataclasses.dataclass(frozen=True)
class Launch:
    """A job that is to be started, and what its processes are given."""

    folder: Path
    root: Path
    job: Submitted
    environment: Mapping[str, str]
    gpus: Sequence[str]

    @functools.cached_property
    def command(self) -> list[str]:
        """The command line of the job's own process."""
        job = self.job
        named = [str(self.folder), str(job.id), str(self.root), str(job.first_line)]
        return [sys.executable, "-c", CHILD, PACKAGES, *named, *job.requirements]

    @functools.cached_property
    def limits(self) -> tuple[float, float, int]:
        """Its time in seconds, its grace in seconds, and its memory in bytes; 0 where none."""
        grace_s = float(os.environ.get("KD_KILL_GRACE_S", str(GRACE_S)))
        return self.job.timeout_s or 0, grace_s, self.job.resources.memory_bytes or 0

    @property
    def is_cold(self) -> bool:
        """Whether the job needs a Python of its own."""
        job = self.job
        # Forks share memory, so that a limit would mean something else for them.
        needs = job.clean or job.requirements or job.resources.memory_bytes
        return bool(needs) or not self.own_modules.isdisjoint(sys.stdlib_module_names)

    @property
    def own_modules(self) -> set[str]:
        """The first names of modules that were sent with the job."""
        return {name.partition("/")[0].partition(".")[0] for name in self.job.files}

    def is_usual(self, environment: Mapping[str, str]) -> bool:
        """Tell whether the job's environment is the usual one, as far as libraries can tell."""
        return _for_libraries(self.environment) == _for_libraries(environment)

    def order(self) -> bytes:
        """Return what a warm parent's spare is told (`warm.spare`)."""
        return json.dumps(
            {
                "folder": str(self.folder),
                "root": str(self.root),
                "command": self.command,
                "environment": dict(self.environment),
                "limits": self.limits,
                "gpus": json.dumps(self.gpus),
                "is_cold": self.is_cold,
            }
        ).encode()

    def start_runner(self, notify: int) -> subprocess.Popen[bytes]:
        """Start the detached runner; ``notify`` is the pipe end on which it tells events.

        Raises OSError where no process can be started.
        """
        # Without site-packages (-S) and PYTHON* variables (-I) it is there in half the time.
        runner = [sys.executable, "-I", "-S", "-c", RUNNER, PACKAGES, str(self.folder), str(notify)]
        return subprocess.Popen(
            [*runner, *map(str, self.limits), json.dumps(self.gpus), *self.command],
            cwd=self.root,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(notify,),
            start_new_session=True,
        )


def start_warm_parent(
    root: Path, environment: Mapping[str, str], link: int, wanted: str
) -> subprocess.Popen[bytes]:
    """Start a warm parent, with ``link`` as its end of a socket; raises OSError.

    ``wanted`` is what it is to import, as `warm.parent.serve` takes it.
    """
    return subprocess.Popen(
        [sys.executable, "-c", WARM_PARENT, PACKAGES, str(link), str(os.getpid()), wanted],
        cwd=root,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(link,),
        start_new_session=True,  # what a terminal stops is the engine, which ends it
    )


def job_environment(
    job: int, folder: Path, root: Path, cluster: str, own: Mapping[str, str], tokens: Iterable[str]
) -> dict[str, str]:
    """Return a job's environment: the engine's without its own settings and tokens, and ``own``."""
    return {
        **base_environment(root, cluster, own, tokens),
        "KD_JOB_ID": str(job),
        "KD_JOB_DIR": str(folder),
    }


def base_environment(
    root: Path, cluster: str, own: Mapping[str, str], tokens: Iterable[str]
) -> dict[str, str]:
    """Return the environment of a job without what names it."""
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
        "KD_CLUSTER": cluster,
    }


def _for_libraries(environment: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in environment.items() if not n.startswith(READ_LATER)}
