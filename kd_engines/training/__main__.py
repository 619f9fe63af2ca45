"""``python -m kd_engines.training --host 127.0.0.1 --port 10001``: run a training engine.

``KD_CONFIGMETA`` names its configmeta.json (own tokens, cluster name), ``KD_PROJECT_REPO`` the
shared folder, ``KD_MAX_RUNNING`` how many jobs run at once (default: the number of processors),
``KD_KILL_GRACE_S`` the seconds between SIGTERM and SIGKILL for a job that must end (default: 10).
``KD_JOB_INDEX`` is a folder of this machine for the index by which jobs of a user or a status are
found (default: ``~/.cache/kd-magics/jobs``; empty: in memory, made anew at each start).
``KD_WARM_START`` is 0 where each job is to start a Python of its own instead of being forked from
a process that is ready (Linux). ``KD_WARM_MEMORY`` is how many bytes such a process may take with
the libraries that jobs import (default: a sixteenth of the memory, 1 GiB at most; 0: no libraries).
"""

import logging
import os
import sys
import threading
import time

from kd_engines.members.capacity import cpus
from kd_engines.training.api.app import training_app
from kd_engines.training.api.engine import Engine
from kd_engines.training.store.job_store import JobStore
from kd_engines.web.guard import Guard, guard
from kd_engines.web.serve import run_engine
from kd_pipeline.connections import Connections
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.errors import InvalidInput, NoConnections
from kd_pipeline.project_repository import ProjectRepository

log = logging.getLogger("kd_engines.training")
WAIT_S = 1.0


class Tokens:
    """The tokens of the newest good configmeta.json, kept up to date by a thread."""

    def __init__(self, file: ConnectionsFile, first: Connections) -> None:
        self._file = file
        self._tokens = first.tokens
        threading.Thread(target=self._follow, name="configmeta", daemon=True).start()

    def __call__(self) -> frozenset[str]:
        """Return the tokens that are accepted now."""
        return self._tokens

    def _follow(self) -> None:
        for connections in self._file.changes(threading.Event()):
            self._tokens = connections.tokens


def build() -> Guard:
    """Return the engine's guarded application; raises KdError for a wrong setting."""
    limit = max_running()
    repository = ProjectRepository.default().create()
    file = ConnectionsFile()
    connections = first_connections(file)
    tokens = Tokens(file, connections)
    store = JobStore(repository.root, connections.cluster_name)
    engine = Engine(store, connections.own, tokens, limit)
    return guard(training_app(engine), tokens)


def max_running() -> int:
    """Return how many jobs may run at once; raises InvalidInput."""
    named = os.environ.get("KD_MAX_RUNNING", "")
    if not named:
        return max(1, cpus())
    if not named.isdecimal() or int(named) < 1:
        raise InvalidInput(f"KD_MAX_RUNNING is {named!r}; it is a whole number above 0.")
    return int(named)


def first_connections(file: ConnectionsFile) -> Connections:
    """Wait until configmeta.json can be read: KubeDirector writes it after the container starts."""
    told = ""
    while True:
        try:
            return file.read()
        except NoConnections as error:
            if str(error) != told:
                told = str(error)
                log.warning("%s", told)
            time.sleep(WAIT_S)


if __name__ == "__main__":
    sys.exit(run_engine("kd_engines.training", build))
