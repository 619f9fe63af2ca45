"""%logs: show a job's log and rich outputs, once or as they come."""

import queue
import sys
import threading
import time
from urllib.parse import urlsplit

from kd_magics.errors import BadOptions, EngineDown, ForeignUrl, WatchStopped
from kd_magics.failures import raise_unless_well
from kd_magics.job import Job
from kd_magics.log_view import MOST_SHOWN, LogView
from kd_magics.options import Options, count
from kd_magics.session import Session
from kd_pipeline.errors import NotFound, Unavailable
from kd_pipeline.messages import TERMINAL
from kd_pipeline.messages import Job as JobMessage

# Front ends hang when text comes in thousands of small messages.
SHOW_EVERY_S = 0.2
OUTPUTS_EVERY_S = 1.0
RECONNECT_FOR_S = 120.0
RECONNECT_EVERY_S = 0.5


def parser() -> Options:
    """Return the parser of %logs."""
    options = Options("%logs")
    options.add_argument("job", nargs="?", metavar="[CLUSTER/]JOB")
    options.add_argument("--url", metavar="HISTORY_URL")
    options.add_argument("-f", "--follow", action="store_true")
    options.add_argument("--tail", type=count, metavar="LINES")
    return options


def logs(session: Session, line: str) -> None:
    """Show the log of the job that a line names; raises RemoteJobError where it was followed."""
    options = parser().read(line, session.shell.user_ns)
    if options.job and options.url:
        raise BadOptions("%logs: give a job or a URL, not both.")
    job = _job_of_url(session, options.url) if options.url else _job(session, options.job)
    if options.follow:
        follow(job, options.tail)
    else:
        show(job, options.tail)


def show(job: Job, tail: int | None = None) -> None:
    """Print a job's status, then its log with the outputs at their places."""
    message = job.message
    print(f"Job Status: {message.status}")
    view = LogView(job)
    size = job.client.log_size(message)
    start = view.begin(size, tail)
    view.take_outputs()
    view.write(job.client.log(job.id, start, max(0, size - start)))
    view.close()


def follow(job: Job, tail: int | None = None, first_line: bool = True) -> None:
    """Show a job's log as it comes until the job has ended; raises RemoteJobError.

    Raises WatchStopped where it is interrupted, and EngineDown where the engine stays away.
    """
    try:
        message = job.message
        if first_line:
            print(f"Job Status: {message.status}{_place(message)}")
        _watch(job, tail)
    except KeyboardInterrupt:
        raise WatchStopped(
            f"Stopped watching. Job {job.id} goes on at {job.cluster}: %logs -f watches it again, "
            "_job.cancel() ends it."
        ) from None
    if job.status != message.status or not first_line:
        print(f"Job Status: {job.status}")
    raise_unless_well(job)


def _watch(job: Job, tail: int | None) -> None:
    """Show all until the end; go on from the byte reached whenever the connection breaks."""
    view = LogView(job)
    view.begin(job.client.log_size(job.message), tail)
    lost_since: float | None = None
    while True:
        try:
            grew = _show_stream(job, view)
        except Unavailable:
            grew = False  # a broken connection, or only silence: the next question tells
        try:
            message = job.client.job(job.id)
            job.update(message)
            if message.status in TERMINAL and view.offset >= job.client.log_size(message):
                view.take_outputs()
                view.close()
                return
            lost_since = None
        except Unavailable as error:
            lost_since = _still_hoping(job, lost_since, error)
        if not grew:
            time.sleep(RECONNECT_EVERY_S)


def _still_hoping(job: Job, lost_since: float | None, error: Unavailable) -> float:
    """Return since when the engine is away; raises EngineDown where that is too long."""
    now = time.monotonic()
    if lost_since is None:
        print("[connection lost; trying again]", file=sys.stderr)
        return now
    if now - lost_since > RECONNECT_FOR_S:
        raise EngineDown(f"Watching job {job.id} ended: {error}")
    return lost_since


def _show_stream(job: Job, view: LogView) -> bool:
    """Show one connection's stream; return whether anything came. Raises Unavailable."""
    arrived: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
    stopped = threading.Event()
    reader = threading.Thread(
        target=_read, args=(job, view.offset, arrived, stopped), name="kd-log", daemon=True
    )
    reader.start()
    began, outputs_at = view.offset, 0.0
    try:
        while True:
            parts, end = _gather(arrived)
            if parts or time.monotonic() - outputs_at > OUTPUTS_EVERY_S:
                view.take_outputs()  # before the text, as they belong between its parts
                outputs_at = time.monotonic()
            view.write(b"".join(parts))
            if isinstance(end, Exception):
                raise end
            if end:
                return view.offset > began
    finally:
        stopped.set()


def _gather(
    arrived: "queue.SimpleQueue[bytes | Exception | None]",
) -> tuple[list[bytes], Exception | bool]:
    """Return what came within a moment, and the stream's end if it came: True or its error."""
    parts: list[bytes] = []
    deadline = time.monotonic() + SHOW_EVERY_S
    while (left := deadline - time.monotonic()) > 0 and sum(map(len, parts)) < MOST_SHOWN:
        try:
            item = arrived.get(timeout=left)
        except queue.Empty:
            break
        if not isinstance(item, bytes):
            return parts, True if item is None else item
        parts.append(item)
    return parts, False


def _read(
    job: Job,
    offset: int,
    arrived: "queue.SimpleQueue[bytes | Exception | None]",
    stopped: threading.Event,
) -> None:
    """Read one stream in a thread of its own, so that outputs are seen while the log is silent."""
    try:
        with job.client.follow(job.id, offset) as stream:
            for part in stream:
                arrived.put(part)
                if stopped.is_set():
                    return
        arrived.put(None)
    except Exception as error:  # carried to the thread that watches
        arrived.put(error)


def _job(session: Session, text: str | None) -> Job:
    if text is None:
        if session.job:
            return session.job
        client = session.only_training()
        newest = client.newest()
        if newest is None:
            raise NotFound(f"Cluster {client.name} has no job yet; %%{client.name} sends one.")
        return session.keep(client, newest)
    cluster, slash, number = text.rpartition("/")
    if not number.isdecimal() or (slash and not cluster):
        raise BadOptions(f"%logs: {text[:80]!r} is no job; write 9 or CLUSTER/9.")
    client = session.training(cluster) if slash else session.only_training()
    return session.keep(client, client.job(int(number)))


def _job_of_url(session: Session, url: str) -> Job:
    """Return the job of a history or log URL; raises ForeignUrl for hosts not connected."""
    split = urlsplit(url if "://" in url else f"http://{url}")
    kind, _, number = split.path.strip("/").rpartition("/")
    if kind not in ("history", "logs", "jobs") or not number.isdecimal():
        raise BadOptions(f"%logs: {url[:200]!r} is no history URL: http://HOST:PORT/history/JOB.")
    for cluster in session.connections().training_clusters():
        for endpoint in cluster.api_endpoints():
            if urlsplit(endpoint.url).netloc.lower() == split.netloc.lower():
                client = session.training(cluster.name)
                client.remember(int(number), f"{endpoint.url}/history/{number}")
                return session.keep(client, client.job(int(number)))
    raise ForeignUrl(
        f"{split.hostname} is no host of a connected training cluster, so no token is sent there. "
        f"%logs {number} asks the connected cluster; see %attachments."
    )


def _place(message: JobMessage) -> str:
    place = message.queue_position
    return f" (place {place} in the queue)" if message.status == "Queued" and place else ""
