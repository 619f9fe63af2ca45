"""How a job is named: on a line, by URL, and in a saved notebook."""

import os
from urllib.parse import SplitResult, urlsplit

from kd_client.attached import job_number, user_name
from kd_client.errors import BadOptions, ForeignUrl
from kd_client.jobs.job import Job
from kd_client.training_client import TrainingClient
from kd_magics import face
from kd_magics.session import Session
from kd_pipeline.errors import NotFound
from kd_pipeline.hints import Hint
from kd_pipeline.messages import Job as JobMessage


def find(session: Session, text: str | None) -> Job:
    """Return the job of ``9`` or ``CLUSTER/9``; without a text the last one, or the newest.

    It becomes the notebook's last job where it is its own. Raises BadOptions, NotFound,
    UnknownCluster.
    """
    if text is None:
        if session.last:
            return session.last
        client = session.only_training()
        newest = client.newest()
        if newest is None:
            raise NotFound(
                f"Cluster {client.name} has no job yet; {face.sending(client.name)} sends one."
            )
        return _look_at(session, client, newest)
    found = session.job(text)
    return _look_at(session, found.client, found.last)


def find_url(session: Session, url: str) -> Job:
    """Return the job of a history or log URL; raises ForeignUrl for hosts not connected."""
    split = urlsplit(url if "://" in url else f"http://{url}")
    kind, _, number = split.path.strip("/").rpartition("/")
    if kind not in ("history", "logs", "jobs") or not (number.isascii() and number.isdecimal()):
        raise BadOptions(f"{url[:200]!r} is not a history URL: http://HOST:PORT/history/JOB.")
    place = _place(split)
    for cluster in session.connections().training_clusters():
        for endpoint in cluster.api_endpoints():
            if _place(urlsplit(endpoint.url)) == place:
                client = session.training(cluster.name)
                client.remember(job_number(number), f"{endpoint.url}/history/{number}")
                return _look_at(session, client, client.job(job_number(number)))
    raise ForeignUrl(
        f"{split.hostname} is not a host of a connected training cluster, so no token is sent "
        "there.",
        hint=Hint("logs", (number,), "asks the connected cluster"),
    )


def _place(url: SplitResult) -> tuple[str, int | None]:
    """Return the host and port of a URL; this machine has one name."""
    host = url.hostname or ""
    try:
        return ("127.0.0.1" if host in ("localhost", "::1") else host), url.port
    except ValueError:
        raise BadOptions(f"{url.netloc[:200]!r} needs a port from 0 to 65535.") from None


def _look_at(session: Session, client: TrainingClient, message: JobMessage) -> Job:
    """Return a job's handle; only one of this notebook's own becomes what %cancel ends.

    Engines may see all people under one name, so the notebook that sent it counts as well.
    """
    sent_from, here = message.origin.get("notebook", ""), os.environ.get("JPY_SESSION_NAME", "")
    if message.user == user_name() and (sent_from == here or not (sent_from and here)):
        return session.keep(client, message)
    return session.handle(client, message)
