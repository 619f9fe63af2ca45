"""``python -m kd_engines.kubedirector.startscript --configure``: KubeDirector's lifecycle hook.

KubeDirector (v0.11, ``members.go``) calls it after it has written configmeta.json: ``--configure``
once in a new container, ``--addnodes`` and ``--delnodes`` with ``--nodegroup --role --fqdns`` when
members come and go, ``--reconnect`` when connections change. The member looks at the file itself,
so here is only waited, and told, whether it runs. Each call may be repeated.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
import requests

from kd_engines.kubedirector.engine import health_url
from kd_pipeline.connections import BALANCER_ROLE, Connections
from kd_pipeline.connections_file import ConnectionsFile
from kd_pipeline.errors import InvalidInput, KdError, Unavailable
from kd_pipeline.http_get import http_get

MEMBER = "kd_engines.kubedirector.member"
EVENTS = ("configure", "addnodes", "delnodes", "reconnect")
# Loading the models that are connected at the start may take half a minute.
READY_WITHIN_S = 120.0
LOOK_EVERY_S = 0.2
LOG_FOLDER = Path("/var/log/guestconfig")


def main(arguments: Sequence[str] | None = None) -> int:
    """Handle one event; what went wrong is one sentence on standard error and status 1."""
    try:
        event, about = _read(sys.argv[1:] if arguments is None else arguments)
        connections = ConnectionsFile().read()
        if event == "configure":
            _ensure_member()
            _wait_until_ready(connections)
        elif not _member_runs():
            raise Unavailable("The member does not run; see the container's log.")
    except (KdError, OSError) as error:
        _tell(f"startscript: {error}", sys.stderr)
        return 1
    _tell(f"{event}{about}: {connections.role} of {connections.own.name} runs")
    return 0


def _read(arguments: Sequence[str]) -> tuple[str, str]:
    """Return the event and who it is about; raises InvalidInput."""
    parser = argparse.ArgumentParser(prog="startscript", add_help=False)
    for event in EVENTS:
        parser.add_argument(f"--{event}", dest="event", action="store_const", const=event)
    for name in ("--nodegroup", "--role", "--fqdns"):
        parser.add_argument(name, default="", nargs="?")
    # KubeDirector may add options; those that are new to us are no reason to fail.
    found, _ = parser.parse_known_args(arguments)
    if found.event is None:
        raise InvalidInput(
            f"{' '.join(arguments)!r} is not an event; KubeDirector calls with one of "
            f"{', '.join('--' + event for event in EVENTS)}."
        )
    about = " ".join(word for word in (found.role, found.fqdns) if word)
    return str(found.event), f" ({about})" if about else ""


def _member_runs() -> bool:
    for process in psutil.process_iter():
        try:
            if MEMBER not in process.cmdline() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get("KD_CONFIGMETA") == os.environ.get("KD_CONFIGMETA"):
                return True
        except (psutil.Error, OSError):
            continue
    return False


def _ensure_member() -> None:
    """Start the member where the image's own command is another, as in images that you build."""
    if _member_runs():
        return
    with _log().open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", MEMBER],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _wait_until_ready(connections: Connections) -> None:
    url = health_url(connections)
    deadline = time.monotonic() + READY_WITHIN_S
    is_balancer = connections.role == BALANCER_ROLE
    while not _answers(url, is_balancer):
        if time.monotonic() > deadline:
            raise Unavailable(
                f"{connections.role} of {connections.own.name} is not ready within "
                f"{READY_WITHIN_S:g} s; see the container's log."
            )
        time.sleep(LOOK_EVERY_S)


def _answers(url: str, is_balancer: bool) -> bool:
    """Tell whether a member has started.

    A balancer runs whatever it answers: 503 without an engine, else what an engine says, 401.
    """
    try:
        status = http_get(url).status_code
    except requests.RequestException:
        return False
    return is_balancer or status < 400


def _tell(text: str, stream: object = None) -> None:
    """Say it to KubeDirector, which keeps what is printed, and add it to the log of events."""
    print(text, file=stream or sys.stdout)  # type: ignore[arg-type]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with _log().open("a") as log:
            log.write(f"{now} {text}\n")
    except OSError:
        return


def _log() -> Path:
    folder = LOG_FOLDER if LOG_FOLDER.is_dir() else Path.home()
    return folder / "kd-magics.log"


if __name__ == "__main__":
    sys.exit(main())
