"""How a job is named: on a line, by URL, and in a saved notebook."""

import os
import sys
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from kd_magics.clients.training_client import TrainingClient
from kd_magics.errors import BadOptions, ForeignUrl
from kd_magics.jobs.job import Job
from kd_magics.session import Session, user_name
from kd_pipeline.errors import NotFound
from kd_pipeline.messages import Job as JobMessage

# What a saved notebook keeps of a job, so that any front end finds it again without a kernel.
MIME = "application/vnd.kd-magics.job+json"
VERSION = 1


def find(session: Session, text: str | None, magic: str = "%logs") -> Job:
    """Return the job of ``9`` or ``CLUSTER/9``; without a text the last one, or the newest.

    It becomes the notebook's last job where it is its own. Raises BadOptions, NotFound,
    UnknownCluster.
    """
    if text is None:
        if session.job:
            return session.job
        client = session.only_training()
        newest = client.newest()
        if newest is None:
            raise NotFound(f"Cluster {client.name} has no job yet; %%{client.name} sends one.")
        return _look_at(session, client, newest)
    found = named(session, text, magic)
    return _look_at(session, found.client, found.last)


def named(session: Session, text: str, magic: str) -> Job:
    """Return the job of ``9`` or ``CLUSTER/9``, which does not become the notebook's last one."""
    cluster, slash, number = text.rpartition("/")
    if not (number.isascii() and number.isdecimal()) or (slash and not cluster):
        raise BadOptions(f"{magic}: {text[:80]!r} is no job; write 9 or CLUSTER/9.")
    client = session.training(cluster) if slash else session.only_training()
    return session.handle(client, client.job(_whole(number)))


def find_url(session: Session, url: str) -> Job:
    """Return the job of a history or log URL; raises ForeignUrl for hosts not connected."""
    split = urlsplit(url if "://" in url else f"http://{url}")
    kind, _, number = split.path.strip("/").rpartition("/")
    if kind not in ("history", "logs", "jobs") or not (number.isascii() and number.isdecimal()):
        raise BadOptions(f"%logs: {url[:200]!r} is no history URL: http://HOST:PORT/history/JOB.")
    for cluster in session.connections().training_clusters():
        for endpoint in cluster.api_endpoints():
            if urlsplit(endpoint.url).netloc.lower() == split.netloc.lower():
                client = session.training(cluster.name)
                client.remember(_whole(number), f"{endpoint.url}/history/{number}")
                return _look_at(session, client, client.job(_whole(number)))
    raise ForeignUrl(
        f"{split.hostname} is no host of a connected training cluster, so no token is sent there. "
        f"%logs {number} asks the connected cluster; see %attachments."
    )


def reference(job: Job) -> dict[str, Any]:
    """Return what a saved notebook keeps: no URL, as pods change, and never a token."""
    message = job.last
    origin = message.origin
    found = {
        "version": VERSION,
        "cluster": message.cluster,
        "job": message.id,
        "name": message.name,
        "status": message.status,
        "submitted": message.submitted,
        "notebook": PurePath(origin.get("notebook", "")).name,  # notebooks are shared: no folders
        "cell": origin.get("cell_id", ""),
    }
    return {key: value for key, value in found.items() if value != ""}


def _look_at(session: Session, client: TrainingClient, message: JobMessage) -> Job:
    """Return a job's handle; only one of this notebook's own becomes what %cancel ends.

    Engines may see all people under one name, so the notebook that sent it counts as well.
    """
    sent_from, here = message.origin.get("notebook", ""), os.environ.get("JPY_SESSION_NAME", "")
    if message.user == user_name() and (sent_from == here or not (sent_from and here)):
        return session.keep(client, message)
    return session.handle(client, message)


def _whole(number: str) -> int:
    """Return a job's number; Python refuses to read thousands of digits."""
    return int(number) if len(number) < 19 else sys.maxsize
