"""The file ``configmeta.json`` over time: where it is, its last good state, and its changes.

KubeDirector truncates the file and then writes it through a pipe, so a reader can see it empty or
half-written. Nothing is concluded from such a moment: the last good state stays.
"""

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from kd_pipeline.connections import Connections, parse_connections
from kd_pipeline.errors import InvalidConfigmeta, NoConnections

GUEST_FILES = (
    Path("/etc/guestconfig/configmeta.json"),
    Path("/home/guestconfig/configmeta.json"),
)
# Network mounts and some container file systems send no events: the content is compared as well.
COMPARE_EVERY_S = 1.0
# A writer that is at work needs a moment before the file is whole.
TORN_RETRY_S = 0.05
TORN_RETRIES = 5


def kd_home() -> Path:
    """Return the state folder of ``kd up``: ``KD_HOME`` or ``~/.kd-magics``."""
    return Path(os.environ.get("KD_HOME") or "~/.kd-magics").expanduser()


def default_configmeta() -> Path:
    """Return where this member's configmeta.json is.

    ``KD_CONFIGMETA`` names it; else KubeDirector's places; else the first notebook member of
    ``kd up``. The file need not exist yet.
    """
    named = os.environ.get("KD_CONFIGMETA")
    if named:
        return Path(named).expanduser()
    for path in GUEST_FILES:
        if path.exists():
            return path
    notebook = kd_home() / "run" / "jupyter-notebook" / "controller-1" / "configmeta.json"
    if notebook.exists():
        return notebook
    return next(iter(sorted(kd_home().glob("run/*/controller-*/configmeta.json"))), notebook)


class ConnectionsFile:
    """A configmeta.json at ``path``, read again whenever its content changes.

    ``last_error`` tells why the newest content could not be used, or is None.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path) if path else default_configmeta()
        self.last_error: str | None = None
        self._good: Connections | None = None
        self._seen = ""
        self._loading = threading.Lock()  # a sidebar's server reads in several threads

    def read(self) -> Connections:
        """Return the newest good state; raises NoConnections where there never was one."""
        for attempt in range(TORN_RETRIES):
            if self._load() is None or not self.path.exists():
                break  # a file that is being written is there, if only in part
            if self._good is not None:
                return self._good
            if attempt < TORN_RETRIES - 1:
                threading.Event().wait(TORN_RETRY_S)
        if self._good is None:
            raise NoConnections(
                f"Nothing is known to be connected: {self.last_error} "
                "On Kubernetes KubeDirector writes this file; on one machine start `kd up`."
            )
        return self._good

    def changes(self, stop: threading.Event) -> Iterator[Connections]:
        """Yield the state at once, then after each change of the content, until ``stop`` is set.

        While nothing good could be read yet, it waits for the file instead of raising.
        """
        yielded = ""
        while not stop.is_set():
            self._load()
            if self._good is not None and self._good.generation != yielded:
                yielded = self._good.generation
                yield self._good
            else:
                self._wait(stop)

    def _load(self) -> str | None:
        """Read the file; return and remember the reason where its content cannot be used."""
        with self._loading:
            try:
                content = self.path.read_bytes()
                digest = hashlib.sha256(content).hexdigest()
                if digest != self._seen or self._good is None:
                    self._good, self._seen = parse_connections(content), digest
                self.last_error = None
            except OSError as error:
                self.last_error = f"{self.path} cannot be read ({error.strerror or error})."
            except InvalidConfigmeta as error:
                self.last_error = f"{self.path}: {error}"
            return self.last_error

    def _wait(self, stop: threading.Event) -> None:
        wait_for_change(self.path.parent, stop, COMPARE_EVERY_S)


def wait_for_change(folder: Path, stop: threading.Event, seconds: float) -> None:
    """Return when something in ``folder`` changed, ``stop`` is set or ``seconds`` are over.

    Where nothing can be watched (no such folder, no file handle or inotify watch left), it is the
    seconds.
    """
    try:
        from watchfiles import watch  # notebooks, which must load at once, watch nothing

        changes = watch(
            folder,
            stop_event=stop,
            rust_timeout=int(seconds * 1000),
            yield_on_timeout=True,
            debounce=100,
            step=20,
            recursive=False,
            raise_interrupt=False,
        )
        next(changes, None)
    except (OSError, ImportError, RuntimeError):  # its own errors are RuntimeErrors
        stop.wait(seconds)
