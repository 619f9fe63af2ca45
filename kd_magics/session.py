"""What the magics of one notebook share: its connections, its clients, its last job.

It is there before the first cell runs, so what speaks HTTP is imported when it is needed.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Protocol

from kd_magics.errors import BadOptions
from kd_magics.settings import KdMagics
from kd_pipeline.connections import ClusterConnection, Connections
from kd_pipeline.connections_file import ConnectionsFile, default_configmeta
from kd_pipeline.errors import KdError

if TYPE_CHECKING:
    from kd_magics.cards.card_thread import Cards
    from kd_magics.clients.deployment_client import DeploymentClient
    from kd_magics.clients.training_client import TrainingClient
    from kd_magics.jobs.job import Job
    from kd_pipeline.messages import Job as JobMessage


class Shell(Protocol):
    """What a session wants of its shell: IPython's, or that of the command line.

    ``user_ns`` holds the user's variables; ``magics_manager`` is asked by cell magics only.
    """

    user_ns: dict[str, Any]
    magics_manager: Any


class Session:
    """One notebook's side of the pipeline, or one command's.

    ``mlflow`` is the environment that %loadMlflow and %Setexp give to jobs, without any secret;
    ``answered`` tells of each cluster when it last answered here (seconds since the epoch).
    A training engine may take ``read_s`` to answer, where that is to be another time than usual.
    """

    def __init__(
        self, shell: Shell, settings: KdMagics | None = None, read_s: float | None = None
    ) -> None:
        self.shell = shell
        self._read_s = read_s
        self.settings = settings or KdMagics()
        self.job: Job | None = None
        self.mlflow: dict[str, str] = {}
        self.answered: dict[str, float] = {}
        self.cards: Cards | None = None  # there once the first one is shown
        self._file = ConnectionsFile()
        self._stamp: tuple[object, ...] | None = None
        self._clients: dict[str, TrainingClient] = {}
        self._deployment_clients: dict[str, DeploymentClient] = {}
        # A sidebar's server asks in several threads; two clients of a cluster would know half each.
        self._lock = threading.Lock()
        self.settings.observe(lambda _: self._forget_clients(), "connect_timeout_s")

    def connections(self) -> Connections:
        """Return what is connected now; raises NoConnections."""
        path = default_configmeta()
        if path != self._file.path:
            self._file = ConnectionsFile(path)
        return self._file.read()

    def changed(self) -> bool:
        """Tell whether configmeta.json may have changed since this was last asked: one stat.

        A half-written file needs no second look: it changes again when it becomes whole.
        """
        path = default_configmeta()
        try:
            found = path.stat()
            stamp: tuple[object, ...] = (path, found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            stamp = (path,)
        before, self._stamp = self._stamp, stamp
        return stamp != before

    def training(self, name: str) -> TrainingClient:
        """Return the client of a connected training cluster; raises UnknownCluster, BadOptions."""
        full = self.full_name(name)
        if self.connections().cluster(full).is_deployment:
            raise BadOptions(f"Cluster {full} is no training cluster; see %attachments.")
        from kd_magics.clients.training_client import TrainingClient

        with self._lock:
            if full not in self._clients:
                self._clients[full] = TrainingClient(
                    lambda: self.connections().cluster(full),
                    self.settings.connect_timeout_s,
                    self._read_s,
                )
            return self._clients[full]

    def only_training(self) -> TrainingClient:
        """Return the last job's cluster, or the only training cluster; raises BadOptions."""
        names = [cluster.name for cluster in self.connections().training_clusters()]
        if self.job and self.job.cluster in names:
            return self.job.client
        default = self.full_name(self.settings.default_cluster)
        if default in names:
            return self.training(default)
        return self.training(_only(names, "training cluster", "write CLUSTER/JOB"))

    def deployment(self, name: str | None) -> ClusterConnection:
        """Return a connected deployment cluster: ``name``, or the only one."""
        connections = self.connections()
        if name is None:
            names = [cluster.name for cluster in connections.deployment_clusters()]
            name = _only(names, "deployment cluster", "name one of them")
        cluster = connections.cluster(self.full_name(name))
        if not cluster.is_deployment:
            raise BadOptions(f"Cluster {cluster.name} is no deployment cluster; see %attachments.")
        return cluster

    def deployment_client(self, cluster: str) -> DeploymentClient:
        """Return the client of a connected deployment cluster, by its own name."""
        from kd_magics.clients.deployment_client import DeploymentClient

        with self._lock:
            if cluster not in self._deployment_clients:
                self._deployment_clients[cluster] = DeploymentClient(
                    lambda: self.connections().cluster(cluster), self.settings.connect_timeout_s
                )
            return self._deployment_clients[cluster]

    def full_name(self, name: str) -> str:
        """Return the cluster's own name where ``name`` is that, or it without dashes."""
        names = [cluster.name for cluster in self.connections().clusters]
        short = [full for full in names if full.replace("-", "") == name]
        return name if name in names or len(short) != 1 else short[0]

    def handle(self, client: TrainingClient, message: JobMessage) -> Job:
        """Return a handle of a job, named as %logs and %cancel of this notebook take it."""
        from kd_magics.jobs.job import Job

        several = len(self.connections().training_clusters()) > 1
        return Job(client, message, f"{client.name}/{message.id}" if several else "")

    def keep(self, client: TrainingClient, message: JobMessage) -> Job:
        """Make a job the last one of this notebook, in its variable ``_job``."""
        self.job = self.handle(client, message)
        self.shell.user_ns["_job"] = self.job
        return self.job

    def last_job(self, magic: str) -> Job:
        """Return this notebook's last job; raises BadOptions where it has none."""
        if self.job is None:
            raise BadOptions(
                f"{magic}: this notebook has sent no job yet; name one: {magic} 9, or CLUSTER/9."
            )
        return self.job

    def stop_cards(self) -> None:
        """Leave the cards of jobs as they are."""
        if self.cards:
            self.cards.stop()

    def origin(self) -> dict[str, str]:
        """Return where a cell comes from: notebook, cell id, git commit, Python, our version."""
        from kd_magics.cells import provenance

        return provenance.origin(self.shell)

    def _forget_clients(self) -> None:
        """Make new clients from now on: a client keeps its timeout."""
        with self._lock:
            self._clients.clear()
            self._deployment_clients.clear()


def user_name() -> str:
    """Return who works here: JupyterHub's user, or the system's."""
    import getpass

    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return str(os.getuid())


def _only(names: list[str], what: str, advice: str) -> str:
    if not names:
        raise KdError(f"No {what} is connected here; see %attachments.")
    if len(names) > 1:
        raise BadOptions(f"There are several {what}s ({', '.join(names)}): {advice}.")
    return names[0]
