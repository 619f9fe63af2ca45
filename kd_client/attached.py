"""What is connected here: the clusters that configmeta.json names, and a client for each.

A notebook's kernel, a command, a sidebar's server and a script each have one. It may be used by
several threads. What speaks HTTP is imported when it is needed, as a kernel loads this at once.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

from kd_client.errors import BadOptions
from kd_pipeline.connections import ClusterConnection, Connections
from kd_pipeline.connections_file import ConnectionsFile, default_configmeta
from kd_pipeline.errors import KdError
from kd_pipeline.hints import Hint

if TYPE_CHECKING:
    from kd_client.deployment_client import DeploymentClient
    from kd_client.jobs.job import Job
    from kd_client.training_client import TrainingClient
    from kd_pipeline.messages import Job as JobMessage

CONNECT_S = 3.0
SEE = Hint("attachments")  # what is connected, and how it is


class Attached:
    """The clusters that are connected, as configmeta.json says now.

    ``answered`` tells of each cluster when it last answered here (seconds since the epoch). An
    engine may take ``connect_s`` to accept a call, a training engine ``read_s`` to answer it, where
    that is to be another time than usual.
    """

    def __init__(self, connect_s: float = CONNECT_S, read_s: float | None = None) -> None:
        self._connect_s, self._read_s = connect_s, read_s
        self.answered: dict[str, float] = {}
        self._file = ConnectionsFile()
        self._stamp: tuple[object, ...] | None = None
        self._clients: dict[str, TrainingClient] = {}
        self._deployment_clients: dict[str, DeploymentClient] = {}
        # Two clients of a cluster would know half each of what was answered.
        self._lock = threading.Lock()

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
            raise BadOptions(f"Cluster {full} is not a training cluster.", hint=SEE)
        from kd_client.training_client import TrainingClient

        with self._lock:
            if full not in self._clients:
                self._clients[full] = TrainingClient(
                    lambda: self.connections().cluster(full), self._connect_s, self._read_s
                )
            return self._clients[full]

    def only_training(self) -> TrainingClient:
        """Return the client of the only training cluster; raises BadOptions for several."""
        names = [cluster.name for cluster in self.connections().training_clusters()]
        return self.training(_only(names, "training cluster", "write CLUSTER/JOB"))

    def deployment(self, name: str | None) -> ClusterConnection:
        """Return a connected deployment cluster: ``name``, or the only one."""
        connections = self.connections()
        if name is None:
            names = [cluster.name for cluster in connections.deployment_clusters()]
            name = _only(names, "deployment cluster", "name one of them")
        cluster = connections.cluster(self.full_name(name))
        if not cluster.is_deployment:
            raise BadOptions(f"Cluster {cluster.name} is not a deployment cluster.", hint=SEE)
        return cluster

    def deployment_client(self, cluster: str) -> DeploymentClient:
        """Return the client of a connected deployment cluster, by its own name."""
        from kd_client.deployment_client import DeploymentClient

        with self._lock:
            if cluster not in self._deployment_clients:
                self._deployment_clients[cluster] = DeploymentClient(
                    lambda: self.connections().cluster(cluster), self._connect_s
                )
            return self._deployment_clients[cluster]

    def full_name(self, name: str) -> str:
        """Return the cluster's own name where ``name`` is that, or it without dashes."""
        names = [cluster.name for cluster in self.connections().clusters]
        short = [full for full in names if full.replace("-", "") == name]
        return name if name in names or len(short) != 1 else short[0]

    def job(self, text: str) -> Job:
        """Return the job of ``9`` or ``CLUSTER/9``.

        Raises BadOptions, NotFound, UnknownCluster, EngineDown.
        """
        cluster, slash, number = text.rpartition("/")
        if not (number.isascii() and number.isdecimal()) or (slash and not cluster):
            raise BadOptions(f"{text[:80]!r} is not a job number: write 9 or CLUSTER/9.")
        client = self.training(cluster) if slash else self.only_training()
        return self.handle(client, client.job(job_number(number)))

    def handle(self, client: TrainingClient, message: JobMessage) -> Job:
        """Return a handle of a job, named as :meth:`job` takes it."""
        from kd_client.jobs.job import Job

        several = len(self.connections().training_clusters()) > 1
        return Job(client, message, f"{client.name}/{message.id}" if several else "")

    def forget_clients(self, connect_s: float) -> None:
        """Make new clients from now on, which take ``connect_s`` to connect at most."""
        with self._lock:
            self._connect_s = connect_s
            self._clients.clear()
            self._deployment_clients.clear()


def user_name() -> str:
    """Return who works here: JupyterHub's user, or the system's."""
    import getpass

    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return str(os.getuid())


def nothing_attached(connections: Connections) -> str:
    """Return what to do where no cluster is connected."""
    return (
        f"No cluster is attached to {connections.cluster_name}. Connect a training or "
        "deployment cluster to it in its kdcluster (spec.connections.clusters); "
        "it shows here without a restart."
    )


def job_number(digits: str) -> int:
    """Return a job's number; Python refuses to read thousands of digits."""
    return int(digits) if len(digits) < 19 else sys.maxsize


def _only(names: list[str], what: str, advice: str) -> str:
    if not names:
        raise KdError(f"No {what} is connected here.", hint=SEE)
    if len(names) > 1:
        raise BadOptions(f"There are several {what}s ({', '.join(names)}): {advice}.")
    return names[0]
